internal import Synchronization
package import System
internal import TLS

/// A thread that waits for sockets and timers, and runs jobs: the executor of everything pinned to it.
///
/// Handlers and timers are called on its thread, one after the other, so what belongs to a loop needs no lock. Nothing
/// that runs here may block. `enqueue`, `execute`, `stop` and `isCurrent` may be called from every thread; all else
/// belongs to the loop's own.
package final class EventLoop: SerialExecutor, Sendable {
    /// The size of the buffer that all connections of a loop read into, one after the other.
    package static let scratchSize = 256 * 1024
    /// Coarse timers fire on this grid, so that ten thousand of them cost one wake-up a second in all.
    package static let coarseGrid: Int64 = 1_000_000_000

    package let name: String
    private let poller: Poller
    private let inbox = NativeLock(Inbox())
    private let thread = Atomic<UInt>(0)

    private enum Job: Sendable {
        case task(UnownedJob)
        case work(@Sendable () -> Void)
    }

    private struct Inbox: Sendable {
        var jobs: [Job] = []
        /// True while the loop waits, or is about to, without having seen `jobs`.
        var isSleeping = false
        var isStopped = false
    }

    private struct Slot {
        var handler: (any EventHandler)?
        var generation: UInt32 = 0
    }

    // Touched by the loop's thread only.
    private nonisolated(unsafe) var slots: [Slot] = []
    private nonisolated(unsafe) var freeSlots: [Int] = []
    private nonisolated(unsafe) var timers = TimerHeap()
    private nonisolated(unsafe) var running: [Job] = []
    private nonisolated(unsafe) var clock: Int64 = SystemClock.uptimeNanoseconds
    private nonisolated(unsafe) let scratchMemory: UnsafeMutableRawBufferPointer
    private nonisolated(unsafe) let stageMemory: UnsafeMutableRawBufferPointer
    private nonisolated(unsafe) let intakeMemory: UnsafeMutableRawBufferPointer

    /// Starts the thread. It runs until `stop`, whoever else forgets the loop.
    package init(_ name: String) throws(SystemError) {
        self.name = name
        poller = try Poller()
        scratchMemory = .allocate(byteCount: Self.scratchSize, alignment: 4096)
        stageMemory = .allocate(byteCount: TLSConnection.stageSize, alignment: 4096)
        intakeMemory = .allocate(byteCount: TLSConnection.intakeSize, alignment: 4096)
        try NativeThread(name) { self.run() }.detach()
    }

    deinit {
        scratchMemory.deallocate()
        stageMemory.deallocate()
        intakeMemory.deallocate()
    }

    // MARK: From every thread

    package func enqueue(_ job: consuming ExecutorJob) {
        push(.task(UnownedJob(job)))
    }

    /// Runs `work` on the loop soon, after all that was handed in before.
    package func execute(_ work: @escaping @Sendable () -> Void) {
        push(.work(work))
    }

    /// True on the loop's own thread.
    package var isCurrent: Bool { thread.load(ordering: .relaxed) == NativeThread.currentToken }

    package func checkIsolated() {
        precondition(isCurrent, "not on loop \(name)")
    }

    package func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// Ends the thread after the jobs that are waiting. What is pinned to the loop never runs again, so this is for
    /// tests and for the end of a program.
    package func stop() {
        inbox.withLock { $0.isStopped = true }
        poller.wake()
    }

    private func push(_ job: Job) {
        let wakes = inbox.withLock { inbox in
            inbox.jobs.append(job)
            defer { inbox.isSleeping = false }
            return inbox.isSleeping
        }
        if wakes { poller.wake() }
    }

    // MARK: On the loop

    /// The uptime, as of the last event: cheap.
    package var now: Duration { .nanoseconds(clock) }

    /// The same in nanoseconds.
    package var nowNanoseconds: Int64 { clock }

    /// The loop's read buffer, whose contents are anyone's after the current call.
    package var scratch: UnsafeMutableRawBufferPointer { scratchMemory }

    /// What a connection reads the socket into while it decrypts, likewise.
    package var intake: UnsafeMutableRawBufferPointer { intakeMemory }

    /// Where a connection gathers what it sends, likewise; apart from `scratch`, since what is read may be answered at once.
    package var stage: UnsafeMutableRawBufferPointer { stageMemory }

    /// Calls the handler whenever the descriptor is ready; the loop keeps the handler alive until `deregister`.
    package func register(
        _ number: Int32, _ interest: Poller.Readiness, _ handler: any EventHandler
    ) throws(SystemError) -> Registration {
        checkIsolated()
        let index = freeSlots.popLast() ?? slots.count
        if index == slots.count { slots.append(Slot()) }
        slots[index].handler = handler
        let token = UInt64(slots[index].generation) << 32 | UInt64(index)
        do throws(SystemError) {
            try poller.add(number, interest, token: token)
        } catch {
            slots[index].handler = nil
            freeSlots.append(index)
            throw error
        }
        return Registration(number: number, token: token)
    }

    /// Changes what is waited for.
    package func change(_ registration: Registration, _ interest: Poller.Readiness) throws(SystemError) {
        try poller.change(registration.number, interest, token: registration.token)
    }

    /// Forgets the descriptor, which must still be open; events that are on their way are dropped.
    package func deregister(_ registration: Registration) {
        checkIsolated()
        poller.remove(registration.number)
        let index = Int(registration.token & 0xffff_ffff)
        guard slots[index].generation == UInt32(registration.token >> 32), slots[index].handler != nil else { return }
        slots[index].handler = nil
        // The largest generation would make the waker's token; it wraps before.
        slots[index].generation = (slots[index].generation + 1) & 0x7fff_ffff
        freeSlots.append(index)
    }

    /// Sets the timer, which may be set already, to `wait` from now; a coarse one fires up to a second later, together
    /// with others.
    package func schedule(
        _ timer: LoopTimer, after wait: Duration, coarse: Bool = false, _ handler: any TimerHandler
    ) {
        checkIsolated()
        timer.handler = handler
        // A wait of more than a year is one of a year.
        let parts = min(max(wait, .zero), .seconds(31_536_000)).components
        var deadline = clock + parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000
        if coarse { deadline = (deadline + Self.coarseGrid - 1) / Self.coarseGrid * Self.coarseGrid }
        timers.schedule(timer, at: deadline)
    }

    /// Takes the timer back.
    package func cancel(_ timer: LoopTimer) {
        timer.handler = nil
        timers.remove(timer)
    }

    /// How many descriptors and timers there are: for tests and metrics.
    package var load: (descriptors: Int, timers: Int) { (slots.count - freeSlots.count, timers.count) }

    private func run() {
        thread.store(NativeThread.currentToken, ordering: .relaxed)
        while true {
            runJobs()
            fireTimers()
            let (idle, stopped) = inbox.withLock { inbox in
                inbox.isSleeping = inbox.jobs.isEmpty
                return (inbox.isSleeping, inbox.isStopped)
            }
            if stopped && idle { return }
            var isClockRead = false
            poller.wait(
                timeout: idle ? timers.earliest.map { .nanoseconds($0 - SystemClock.uptimeNanoseconds) } : .zero
            ) {
                token, readiness in
                // After a long sleep a timer set by a handler would be over already by the clock of before.
                if !isClockRead {
                    clock = SystemClock.uptimeNanoseconds
                    isClockRead = true
                }
                let index = Int(token & 0xffff_ffff)
                guard index < slots.count, slots[index].generation == UInt32(token >> 32) else { return }
                slots[index].handler?.ready(readiness)
            }
            inbox.withLock { $0.isSleeping = false }
            clock = SystemClock.uptimeNanoseconds
        }
    }

    private func runJobs() {
        // What jobs enqueue runs in the next round, so that sockets are not starved.
        inbox.withLock { swap(&$0.jobs, &running) }
        guard !running.isEmpty else { return }
        for job in running {
            switch job {
            case .task(let job): job.runSynchronously(on: asUnownedSerialExecutor())
            case .work(let work): work()
            }
        }
        // A burst's memory is given back.
        running.removeAll(keepingCapacity: running.count <= 1024)
        clock = SystemClock.uptimeNanoseconds
    }

    private func fireTimers() {
        while let timer = timers.popDue(clock) {
            let handler = timer.handler
            timer.handler = nil
            handler?.timerFired(timer)
        }
    }
}

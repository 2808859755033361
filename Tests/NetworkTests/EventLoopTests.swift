import Network
import System
import TestSupport
import Testing

@Suite("Event loops")
struct EventLoopTests {
    private actor Pinned {
        let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
        var count = 0

        init(_ loop: EventLoop) { self.loop = loop }

        func add() {
            loop.checkIsolated()
            count += 1
        }

        nonisolated func addFromLoop() { assumeIsolated { $0.count += 1 } }
    }

    @Test func anActorPinnedToALoopRunsThere() async {
        let loop = sharedGroup.next()
        let actor = Pinned(loop)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<1000 { group.addTask { await actor.add() } }
        }
        loop.execute { actor.addFromLoop() }
        await actor.add()
        #expect(await actor.count == 1002)
        #expect(!loop.isCurrent)
    }

    private final class Alarm: TimerHandler, Sendable {
        let loop: EventLoop
        let fired = NativeLock<[Int]>([])
        nonisolated(unsafe) var timers: [LoopTimer] = []

        init(_ loop: EventLoop) { self.loop = loop }

        func timerFired(_ timer: LoopTimer) {
            let index = timers.firstIndex { $0 === timer } ?? -1
            fired.withLock { $0.append(index) }
        }
    }

    @Test func timersFireInOrderAndCancelledOnesDoNot() async throws {
        let loop = try EventLoop("timers")
        let alarm = Alarm(loop)
        loop.execute {
            for index in 0..<40 {
                alarm.timers.append(LoopTimer())
                loop.schedule(alarm.timers[index], after: .milliseconds(40 - index), alarm)
            }
            for index in stride(from: 0, to: 40, by: 2) { loop.cancel(alarm.timers[index]) }
            // Set again: the later setting counts.
            loop.schedule(alarm.timers[39], after: .milliseconds(60), alarm)
        }
        try await eventually("all timers") { alarm.fired.withLock { $0.count } == 20 }
        #expect(alarm.fired.withLock { $0 } == Array(stride(from: 37, to: 0, by: -2)) + [39])
        loop.stop()
    }

    @Test func coarseTimersFireTogetherAndNotEarly() async throws {
        let loop = try EventLoop("coarse")
        let alarm = Alarm(loop)
        let begin = SystemClock.uptime
        loop.execute {
            for index in 0..<100 {
                alarm.timers.append(LoopTimer())
                loop.schedule(alarm.timers[index], after: .milliseconds(100), coarse: true, alarm)
            }
        }
        try await eventually("all timers") { alarm.fired.withLock { $0.count } == 100 }
        #expect(SystemClock.uptime - begin >= .milliseconds(99))
        loop.stop()
    }

    /// Everything on its loop's thread; what it saw may be read from everywhere.
    private final class Sleeper: EventHandler, TimerHandler, @unchecked Sendable {
        let loop: EventLoop
        let timer = LoopTimer()
        var registration: Registration?
        var began = Duration.zero
        let waited = NativeLock<Duration?>(nil)

        init(_ loop: EventLoop) { self.loop = loop }

        func ready(_ readiness: Poller.Readiness) {
            if let registration { loop.deregister(registration) }
            began = SystemClock.uptime
            loop.schedule(timer, after: .milliseconds(100), self)
        }

        func timerFired(_ timer: LoopTimer) {
            let time = SystemClock.uptime - began
            waited.withLock { $0 = time }
        }
    }

    @Test func aTimerSetByTheEventThatEndsALongSleepWaitsItsWholeTime() async throws {
        let loop = try EventLoop("sleeper")
        let sockets = try ConnectedSockets()
        let number = sockets.left
        let sleeper = Sleeper(loop)
        loop.execute {
            do {
                sleeper.registration = try loop.register(number, .read, sleeper)
            } catch {
                Issue.record(error)
            }
        }
        try await Task.sleep(for: .milliseconds(300))
        try sockets.writeRight([1])
        try await eventually("the timer") { sleeper.waited.withLock { $0 } != nil }
        #expect(try #require(sleeper.waited.withLock { $0 }) >= .milliseconds(90))
        loop.stop()
    }

    @Test func workFromManyThreadsIsRunInTheOrderOfEach() async throws {
        let loop = sharedGroup.next()
        let log = NativeLock<[[Int]]>(Array(repeating: [], count: 4))
        let threads = try (0..<4).map { thread in
            try NativeThread("writer") {
                for index in 0..<5000 { loop.execute { log.withLock { $0[thread].append(index) } } }
            }
        }
        for thread in threads { thread.join() }
        try await eventually("all work") { log.withLock { $0.allSatisfy { $0.count == 5000 } } }
        #expect(log.withLock { $0.allSatisfy { $0 == Array(0..<5000) } })
    }
}

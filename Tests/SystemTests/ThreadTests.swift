import System
import Testing

@Suite("Queues, signals, clock, random")
struct ThreadTests {
    @Test func aQueueRunsWorkInOrderAndOneAtATime() async throws {
        let queue = NamedQueue("test")
        let log = NativeLock<[Int]>([])
        for index in 0..<100 { queue.submit { log.withLock { $0.append(index) } } }
        #expect(await queue.run { 7 } == 7)
        #expect(log.withLock { $0 } == Array(0..<100))
        await #expect(throws: SystemError.self) { try await queue.run { _ = try File.read("/no", limit: 1) } }
    }

    private actor Pinned {
        let queue = NamedQueue("pinned")
        nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }
        var count = 0
        func add() {
            queue.checkIsolated()
            count += 1
        }
    }

    @Test func anActorOnAQueueRunsThere() async {
        let actor = Pinned()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 { group.addTask { await actor.add() } }
        }
        #expect(await actor.count == 100)
    }

    @Test func signalsArriveAsAStream() async throws {
        let stream = try Signals.stream([.user1])
        Signals.raise(.user1)
        var iterator = stream.makeAsyncIterator()
        #expect(await iterator.next() == .user1)
    }

    @Test func threadsRunAndAreJoined() throws {
        let box = NativeLock(0)
        let here = NativeThread.currentIdentifier
        let thread = try NativeThread("a-name-longer-than-fifteen") {
            box.withLock { $0 = NativeThread.currentIdentifier }
        }
        thread.join()
        #expect(box.withLock { $0 } != 0 && box.withLock { $0 } != here)
    }

    @Test func clocksAndNamesAreSane() throws {
        #expect(SystemClock.nowMilliseconds > 1_700_000_000_000)
        let first = SystemClock.uptime
        #expect(SystemClock.uptime >= first)
        #expect(SystemName.current.system == "Linux")
        #expect(try CurrentProcess.executablePath().hasPrefix("/"))
        #expect(try CurrentProcess.memory().anonymous > 0)
    }

    @Test func randomBytesDiffer() {
        #expect(SystemRandom.bytes(32) != SystemRandom.bytes(32))
        #expect(SystemRandom.bytes(1000).count == 1000)
        #expect(SystemRandom.bytes(0).isEmpty)
        var random = SystemRandom()
        #expect(random.next() != random.next())
    }
}

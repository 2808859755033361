import Model
import Protocol
import Spoke
import Storage
import Testing

/// A spoke with several pools: what the hub hears of each, and what a disk that is gone means.
@Suite struct SpokePoolTests {
    private static func pool(_ text: String, used: UInt64 = 0, problem: String? = nil) throws -> PoolChain.Standing {
        PoolChain.Standing(
            name: try NodeName(text),
            account: PoolAccount(
                quota: ByteCount(1000), used: ByteCount(used), reserved: .zero, freeOnDisk: ByteCount(5000),
                access: problem == nil ? .readWrite : .unavailable), problem: problem)
    }

    private static func figures(_ pools: [PoolChain.Standing]) -> PoolFigures {
        PoolFigures(
            PoolAccount(quota: ByteCount(2000), used: .zero, reserved: .zero, freeOnDisk: ByteCount(5000)), pools: pools
        )
    }

    /// Two pools, and a package verified in the second.
    private func placed() throws -> (bench: SpokeBench, wanted: Replicate) {
        var bench = try SpokeBench()
        try bench.openHub()
        try bench.tell(.pool(.changed(Self.figures([try Self.pool("main"), try Self.pool("next")]))))
        let wanted = try SpokeBench.replicate(1)
        try bench.ask(SpokeBench.hub, .replicate(wanted))
        try bench.tell(SpokeBench.listed(wanted))
        let place = PoolPlace(pool: try NodeName("next"), reason: "main has 1 B left and 100 B are needed")
        try bench.tell(.pool(.placed([wanted.sha256: place])))
        try bench.tell(.transferEnded(wanted.sha256, .verified))
        return (bench, wanted)
    }

    private func statuses(_ bench: SpokeBench) -> [PoolStatus] {
        bench.requests(on: SpokeBench.hub).compactMap {
            if case .poolStatus(let status) = $0.message { status } else { nil }
        }
    }

    private func replicas(_ bench: SpokeBench) -> [Replica] {
        bench.requests(on: SpokeBench.hub).compactMap {
            if case .replica(let replica) = $0.message { replica } else { nil }
        }
    }

    @Test func theHubHearsOfEachPoolAndOnlyOfWhatChanged() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        #expect(statuses(bench).map(\.pool.text) == ["main"] && statuses(bench)[0].pools.isEmpty)
        let pools = [try Self.pool("main"), try Self.pool("next")]
        try bench.tell(.pool(.changed(Self.figures(pools))))
        #expect(statuses(bench).map(\.pool.text) == ["main", "next"])
        #expect(statuses(bench).allSatisfy { $0.pools == pools.map(\.name) })
        try bench.tell(.pool(.changed(Self.figures([pools[0], try Self.pool("next", used: 5)]))))
        #expect(statuses(bench).map(\.used) == [5])
        // A pool that was taken off the list: the rest says so.
        try bench.tell(.pool(.changed(SpokeBench.figures)))
        #expect(statuses(bench).map(\.pool.text) == ["main"] && statuses(bench)[0].pools.isEmpty)
    }

    @Test func eachPoolHasItsOwnSettingAndAnUnknownOneIsRefused() throws {
        var (bench, _) = try placed()
        let (main, next) = (try NodeName("main"), try NodeName("next"))
        try bench.ask(SpokeBench.hub, .setQuota(SetQuota(pool: next, quota: 77)))
        #expect(bench.effects.contains(.setQuota(next, ByteCount(77))))
        try bench.ask(SpokeBench.hub, .setAccess(SetAccess(pool: next, access: .readOnly)))
        #expect(bench.effects.contains(.setAccess(next, .readOnly)))
        let settings = try PoolSettings(bench.store)
        #expect(settings[next].quota == ByteCount(77) && settings[next].access == .readOnly)
        #expect(bench.store.setting(.quota) == nil)
        try bench.ask(SpokeBench.hub, .setQuota(SetQuota(pool: main, quota: 5)))
        #expect(bench.store.setting(.quota) == Array("5".utf8))
        let answer = try bench.ask(SpokeBench.hub, .setQuota(SetQuota(pool: try NodeName("lost"), quota: 5)))
        guard case .error(let error) = answer else { return #expect(Bool(false), "it took it") }
        #expect(error.code == .notFound)
    }

    @Test func whereAPackageLiesAndWhyIsSaid() throws {
        let (bench, _) = try placed()
        let replica = try #require(replicas(bench).last)
        #expect(replica.pool?.text == "next" && replica.reason == "main has 1 B left and 100 B are needed")
        let text = try #require(bench.store.events(limit: 9).last?.event.text)
        #expect(text.hasSuffix("; in pool next: main has 1 B left and 100 B are needed"))
    }

    @Test func whatLacksRoomSaysInWhichPool() throws {
        var (bench, _) = try placed()
        let other = try SpokeBench.replicate(2)
        try bench.ask(SpokeBench.hub, .replicate(other))
        try bench.tell(SpokeBench.listed(other))
        let lacking = TransferOutcome.noRoom("no pool takes it", lacking: ByteCount(7), pool: try NodeName("next"))
        try bench.tell(.transferEnded(other.sha256, lacking))
        let said = try #require(replicas(bench).last)
        #expect(said.lacking == 7 && said.pool?.text == "next")
    }

    @Test func whatWasInAPoolWhoseDiskIsGoneWaitsForItAndIsThereAgainWhenItComesBack() throws {
        var (bench, wanted) = try placed()
        let gone = try Self.pool("next", problem: "/b is gone")
        try bench.tell(.pool(.changed(Self.figures([try Self.pool("main"), gone]))))
        #expect(statuses(bench).map(\.problem) == ["/b is gone"])
        try bench.tell(.pool(.moved(went: [wanted.sha256], came: [], text: "pool next is unavailable: /b is gone")))
        let replica = try #require(bench.store.replica(wanted.sha256))
        #expect(replica.state == .pending && replica.text.contains("pool next is unavailable: /b is gone"))
        #expect(replica.notBefore == bench.now + SpokeLimits.diskPatience)
        #expect(replicas(bench).last?.state == .pending)
        #expect(!bench.effects.contains(.findTarget(wanted.path)))
        #expect(bench.store.events(limit: 9).last?.event.code == .poolAvailability)
        // It was never fetched: it is there again.
        try bench.tell(.pool(.changed(Self.figures([try Self.pool("main"), try Self.pool("next")]))))
        try bench.tell(.pool(.moved(went: [], came: [wanted.sha256], text: "pool next is available again")))
        #expect(bench.store.replica(wanted.sha256)?.state == .verified)
        #expect(replicas(bench).last?.state == .verified && replicas(bench).last?.pool?.text == "next")
        #expect(!bench.effects.contains(.findTarget(wanted.path)))
    }

    @Test func aDiskThatStaysAwayIsReplacedAfterAWhile() throws {
        var (bench, wanted) = try placed()
        // Also over a restart, at which the disk is not there.
        bench.core = SpokeCore(
            store: bench.store, poolName: try NodeName("main"), verifier: FakeVerifier(), random: FixedRandom())
        let gone = try Self.pool("next", problem: "/b is gone")
        try bench.tell(.started(held: [], Self.figures([try Self.pool("main"), gone])))
        try bench.openHub()
        #expect(!bench.effects.contains(.findTarget(wanted.path)))
        #expect(bench.store.events(limit: 9).allSatisfy { $0.event.code != .replicaCorrupt })
        bench.now = bench.now + SpokeLimits.diskPatience
        try bench.tell(.woke)
        #expect(bench.effects.contains(.findTarget(wanted.path)))
    }

    @Test func anAgentThatAsksDoesNotWaitForTheDisk() throws {
        var (bench, wanted) = try placed()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        let gone = try Self.pool("next", problem: "/b is gone")
        try bench.tell(.pool(.changed(Self.figures([try Self.pool("main"), gone]))))
        try bench.tell(.pool(.moved(went: [wanted.sha256], came: [], text: "pool next is unavailable")))
        let fetch = FetchPackage(path: wanted.path, sha256: wanted.sha256, length: wanted.length, offset: 0)
        guard case .error(let error) = try bench.ask(SpokeBench.agentLink, .fetchPackage(fetch)) else {
            return #expect(Bool(false), "it was served")
        }
        #expect(error.code == .busy)
        #expect(bench.effects.contains(.findTarget(wanted.path)))
    }

    @Test func theHubHearsWhereAReplicaHasMoved() throws {
        var (bench, wanted) = try placed()
        try bench.tell(.pool(.placed([wanted.sha256: PoolPlace(pool: try NodeName("next"))])))
        #expect(replicas(bench) == [])
        try bench.tell(.pool(.placed([wanted.sha256: PoolPlace(pool: try NodeName("main"))])))
        let told = replicas(bench)
        #expect(told.map(\.state) == [.verified] && told.map(\.pool?.text) == ["main"])
    }

    @Test func thatAPoolIsEmptyIsLogged() throws {
        var (bench, _) = try placed()
        try bench.tell(.pool(.drained("pool next cannot be emptied yet", isEmpty: false)))
        try bench.tell(.pool(.drained("pool next is empty", isEmpty: true)))
        let said = bench.store.events(limit: 9).suffix(2).map(\.event)
        #expect(said.map(\.code) == [.poolDrained, .poolDrained] && said.map(\.severity) == [.warning, .notice])
    }

    @Test func settingsReadBackAndWhatIsNoneOfThemIsLeftOut() throws {
        let store = MemorySpokeStore()
        var settings = PoolSettings()
        settings[try NodeName("a")].quota = ByteCount(5)
        settings[try NodeName("b")].access = .unavailable
        try settings.keep(in: store)
        #expect(try PoolSettings(store) == settings)
        store.set(.pools, to: Array("x\n../ 5 readOnly\na 7 -".utf8))
        #expect(try PoolSettings(store).settings.keys.map(\.text) == ["a"])
    }
}

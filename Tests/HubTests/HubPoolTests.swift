import Hub
import Model
import Protocol
import Rollout
import Storage
import Testing

/// Several pools at a spoke and at the hub.
@Suite struct HubPoolTests {
    private let main: NodeName
    private let next: NodeName
    init() throws {
        main = try NodeName("main")
        next = try NodeName("next")
    }

    private func status(_ pool: NodeName, problem: String? = nil, used: UInt64 = 100, all: [NodeName]) -> PoolStatus {
        PoolStatus(
            pool: pool, quota: 1000, used: problem == nil ? used : 0, reserved: 0, freeOnDisk: 5000,
            access: problem == nil ? .readWrite : .unavailable, problem: problem, pools: all)
    }

    private func verified(_ package: Package, in pool: NodeName, reason: String? = nil) -> Message {
        .replica(
            Replica(
                path: package.path, sha256: package.sha256, state: .verified, bytesHeld: package.length, pool: pool,
                reason: reason))
    }

    @Test func eachPoolOfASpokeIsKnownByItsNameAndForgottenWhenItGoes() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        for pool in [main, next] { _ = try world.ask(link, .poolStatus(status(pool, all: [main, next]))) }
        #expect(try world.store.pools().filter { $0.node == spoke }.map(\.name) == [main, next])
        try world.run(.pools(.setQuota(node: spoke, pool: next, ByteCount(500))))
        #expect(try world.store.pool(node: spoke, name: next)?.quota == ByteCount(500))
        #expect(try world.store.pool(node: spoke, name: main)?.quota == ByteCount(1000))
        // Fullness is told for each.
        _ = try world.ask(link, .poolStatus(status(next, used: 960, all: [main, next])))
        #expect(
            try world.events(.poolFilling).last?.event.text.contains("pool next of spoke s1 is 95 per cent") == true)
        // A disk that is gone takes nothing from what is known.
        _ = try world.ask(link, .poolStatus(status(next, problem: "/b is gone", all: [main, next])))
        let gone = try #require(try world.store.pool(node: spoke, name: next))
        #expect(gone.problem == "/b is gone" && gone.used == ByteCount(960) && gone.access == .readWrite)
        _ = try world.ask(link, .poolStatus(status(main, all: [])))
        #expect(try world.store.pools().filter { $0.node == spoke }.map(\.name) == [main])
    }

    @Test func whereAReplicaLiesIsKeptWithItsReason() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        let package = try samplePackage("1.0", counter: 1, hash: 1)
        try world.publish([package])
        try world.importAll()
        _ = try world.ask(link, verified(package, in: next, reason: "main is full"))
        // After a restart the spoke knows where, and not why any more.
        _ = try world.ask(link, verified(package, in: next))
        #expect(try world.store.place(node: spoke, path: package.path)?.reason == "main is full")
        _ = try world.ask(link, verified(package, in: main))
        let place = try #require(try world.store.place(node: spoke, path: package.path))
        #expect(place.pool == main && place.reason == nil)
        try world.verified(package, link, .pending)
        #expect(try world.store.place(node: spoke, path: package.path) == nil)
    }

    @Test func roomIsMadeInThePoolThatLacksIt() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        let packages = try (1...7).map { try samplePackage("1.\($0)", counter: UInt64($0), hash: UInt8($0)) }
        try world.publish(packages)
        for _ in packages { try world.importAll() }
        for pool in [main, next] { _ = try world.ask(link, .poolStatus(status(pool, all: [main, next]))) }
        // The rules let 1 and 2 go: they lie apart.
        for package in packages.dropLast() {
            _ = try world.ask(link, verified(package, in: package.path == packages[0].path ? main : next))
        }
        let queries = HubQueries(store: world.store, zones: ZoneFolder.find)
        func going(_ pool: NodeName) throws -> [SHA256Digest] {
            try queries.prunePlan(of: spoke, isHub: false, in: pool).removals.map(\.holding.digest)
        }
        #expect(try going(main) == [packages[0].sha256] && going(next) == [packages[1].sha256])
        #expect(try queries.prunePlan(of: spoke, isHub: false).removals.count == 2)
        world.effects = []
        world.answers = false
        let lacking = Replica(
            path: packages[6].path, sha256: packages[6].sha256, state: .pending, bytesHeld: 0,
            text: "no pool takes it", lacking: 1, pool: next)
        _ = try world.ask(link, .replica(lacking))
        let evicted = world.requests().compactMap { if case .evict(let message) = $0.2 { message.sha256 } else { nil } }
        #expect(evicted.contains(packages[1].sha256) && !evicted.contains(packages[0].sha256))
    }

    private func figures(_ problem: String? = nil) -> PoolFigures {
        func pool(_ name: NodeName, _ problem: String? = nil) -> PoolChain.Standing {
            PoolChain.Standing(
                name: name,
                account: PoolAccount(
                    quota: ByteCount(1000), used: ByteCount(problem == nil ? 500 : 0), reserved: .zero,
                    freeOnDisk: ByteCount(5000), access: problem == nil ? .readWrite : .unavailable), problem: problem)
        }
        return PoolFigures(
            PoolAccount(
                quota: ByteCount(2000), used: ByteCount(1000), reserved: .zero, freeOnDisk: ByteCount(5000)),
            pools: [pool(main), pool(next, problem)])
    }

    @Test func theHubsOwnPackagesWaitForADiskThatIsGoneAndAreThereAgain() throws {
        let world = try HubWorld()
        let package = try samplePackage("1.0", counter: 1, hash: 1)
        try world.send(.pool(.changed(figures())))
        #expect(try world.store.pools().filter { $0.node == world.hub }.map(\.name).contains(next))
        try world.publish([package])
        try world.send(.pool(.placed([package.sha256: PoolPlace(pool: next, reason: "main is full")])))
        try world.importAll()
        #expect(try world.events(.packageImported).last?.event.text.hasSuffix("; in pool next: main is full") == true)
        world.effects = []
        try world.send(.pool(.changed(figures("/b is gone"))))
        try world.send(.pool(.moved(went: [package.sha256], came: [], text: "pool next is unavailable: /b is gone")))
        let record = try #require(try world.store.package(package.path))
        #expect(record.state == .failed && record.error?.contains("pool next is unavailable: /b is gone") == true)
        #expect(record.nextTry == world.now + HubLimits.diskPatience)
        #expect(try world.store.pool(node: world.hub, name: next)?.used == ByteCount(500))
        #expect(!world.effects.contains(.importPackage(package)))
        try world.send(.pool(.changed(figures())))
        try world.send(.pool(.moved(went: [], came: [package.sha256], text: "pool next is available again")))
        #expect(try world.store.package(package.path)?.state == .imported)
        #expect(try world.store.place(node: world.hub, path: package.path)?.reason == "main is full")
        #expect(!world.effects.contains(.importPackage(package)))
    }

    @Test func eachOfTheHubsPoolsIsSetByItsName() throws {
        let world = try HubWorld()
        try world.send(.pool(.changed(figures())))
        try world.run(.pools(.setQuota(node: world.hub, pool: next, ByteCount(700))))
        #expect(world.effects.contains(.setQuota(next, ByteCount(700))))
        try world.run(.pools(.setAccess(node: world.hub, pool: next, .readOnly)))
        #expect(world.effects.contains(.setAccess(next, .readOnly)))
        #expect(try world.store.pool(node: world.hub, name: main)?.access == .readWrite)
    }

    @Test func aPoolIsEmptiedWhereThereIsAnotherAndItIsLogged() throws {
        let world = try HubWorld()
        try world.send(.pool(.changed(figures())))
        try world.run(.pools(.setAccess(node: world.hub, pool: next, .draining)))
        #expect(world.effects.contains(.setAccess(next, .draining)))
        try world.send(.pool(.drained("pool next cannot be emptied yet", isEmpty: false)))
        try world.send(.pool(.drained("pool next is empty", isEmpty: true)))
        let said = try world.events(.poolDrained).map(\.event)
        #expect(said.map(\.severity) == [.warning, .notice])
        #expect(said.map(\.text) == ["pool next cannot be emptied yet", "pool next is empty"])
        // The pool of patches takes no packages.
        let alone = try HubWorld()
        let five = PoolFigures(
            PoolAccount(quota: ByteCount(5), used: .zero, reserved: .zero, freeOnDisk: ByteCount(5)))
        try alone.send(.pool(.changed(five)))
        try alone.send(.patches(.poolChanged(five)))
        #expect(throws: HubRefusal.self) { try alone.run(.pools(.setAccess(node: alone.hub, pool: main, .draining))) }
        #expect(!alone.effects.contains(.setAccess(main, .draining)))
    }
}

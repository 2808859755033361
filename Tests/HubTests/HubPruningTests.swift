import Hub
import Model
import Protocol
import Rollout
import Storage
import Testing

@Suite struct HubPruningTests {
    private let main: NodeName
    init() throws { main = try NodeName("main") }

    /// A hub whose spoke holds releases 1 to `count` of one line, all verified.
    private func filled(_ count: Int, _ world: HubWorld) throws -> (spoke: NodeID, link: LinkID, packages: [Package]) {
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        let packages = try (1...count).map { try samplePackage("1.\($0)", counter: UInt64($0), hash: UInt8($0)) }
        try world.publish(packages)
        for _ in packages { try world.importAll() }
        for package in packages { try world.verified(package, link) }
        _ = try world.ask(
            link, .poolStatus(PoolStatus(pool: main, quota: 1 << 40, used: 100, reserved: 0, freeOnDisk: 1 << 40)))
        return (spoke, link, packages)
    }

    private func evictions(_ world: HubWorld) -> [Evict] {
        world.requests().compactMap { if case .evict(let message) = $0.2 { message } else { nil } }
    }

    private func wishes(_ world: HubWorld) -> [TargetPath] {
        world.requests().compactMap { if case .replicate(let message) = $0.2 { message.path } else { nil } }
    }

    @Test func aSpokeIsToldWhatGoesAndItIsNotWishedForAgain() throws {
        let world = try HubWorld()
        let (spoke, link, packages) = try filled(7, world)
        world.answers = false
        world.effects = []
        guard case .prunePlan(let plan) = try world.run(.pools(.prune(node: spoke, pool: main))) else {
            Issue.record("no plan")
            return
        }
        // 4 of the line stay, and the newest of major release 1 is one of them.
        #expect(plan.removals.map(\.holding.digest) == packages.prefix(3).map(\.sha256))
        #expect(evictions(world).map(\.path) == packages.prefix(3).map(\.path))
        #expect(try world.store.replica(spoke: spoke, path: packages[0].path)?.state == .evicted)
        // What the spoke still says from before changes nothing, and what it says afterwards is no reason to wish.
        try world.verified(packages[0], link)
        #expect(try world.store.replica(spoke: spoke, path: packages[0].path)?.state == .evicted)
        world.effects = []
        try world.verified(packages[0], link, .evicted)
        #expect(wishes(world).isEmpty)
        // Until it has answered it is told again on each connection.
        world.answers = true
        _ = try world.connect(spoke)
        #expect(try world.store.prunes(at: spoke).allSatisfy(\.isDone))
        world.effects = []
        let again = try world.connect(spoke)
        #expect(evictions(world).isEmpty && wishes(world).isEmpty)
        // A spoke that was put back to an earlier time is told again.
        world.answers = false
        try world.verified(packages[1], again)
        #expect(evictions(world).map(\.path) == [packages[1].path])
    }

    @Test func whatARolloutNeedsStaysAndComesBack() throws {
        let world = try HubWorld()
        let (spoke, link, packages) = try filled(7, world)
        let agent = try world.addAgent("box", spoke, link)
        _ = agent
        _ = try world.run(.pools(.prune(node: spoke, pool: main)))
        _ = try world.run(.pools(.prune(node: world.hub, pool: main)))
        for package in packages.prefix(3) {
            #expect(try world.store.package(package.path)?.state == .announced)
            try world.send(.packageEvicted(package.sha256, refusal: nil))
        }
        world.effects = []
        try world.send(.woke)
        #expect(
            !world.effects.contains { if case .importPackage = $0 { true } else { false } }, "it is not fetched again")
        let wanted = try sampleSpecification(name: "back", release: "1.2")
        _ = try world.run(.rollouts(.create(wanted)))
        #expect(world.effects.contains(.importPackage(packages[1])))
        #expect(!world.effects.contains(.importPackage(packages[0])))
        #expect(try world.store.replica(spoke: spoke, path: packages[1].path)?.state == .pending)
        try world.importAll()
        // And a plan does not take it as long as the rollout lives.
        try world.verified(packages[1], link)
        guard case .prunePlan(let plan) = try world.run(.pools(.prune(node: spoke, pool: main))) else {
            Issue.record("no plan")
            return
        }
        #expect(plan.kept.contains { $0.digest == packages[1].sha256 && $0.reason == .liveRollout("back") })
    }

    @Test func aSpokeIsNotAskedForWhatTheHubHasLetGo() throws {
        let world = try HubWorld()
        let (spoke, link, packages) = try filled(2, world)
        _ = try world.addAgent("box", spoke, link)
        _ = try world.run(.pools(.setRetention(1)))
        // A newer one comes, and has no room at the spoke: what is there makes way for it.
        let newest = try samplePackage("1.9", counter: 9, hash: 9)
        try world.publish(packages + [newest], version: 2)
        try world.importAll()
        _ = try world.ask(
            link,
            .replica(
                Replica(
                    path: newest.path, sha256: newest.sha256, state: .pending, bytesHeld: 0,
                    lacking: packages[0].length + 1)))
        _ = try world.run(.pools(.prune(node: world.hub, pool: main)))
        for package in packages { try world.send(.packageEvicted(package.sha256, refusal: nil)) }
        // By the spoke's own plan the newest of what it had would be kept as long as the new one is not there; the hub has nothing to send.
        world.effects = []
        try world.publish(packages + [newest], version: 3)
        #expect(wishes(world).isEmpty)
        for package in packages {
            #expect(try world.store.replica(spoke: spoke, path: package.path)?.state == .evicted)
        }
        // Once a rollout needs it both fetch it.
        _ = try world.run(.rollouts(.create(try sampleSpecification(name: "back", release: "1.2"))))
        #expect(world.effects.contains(.importPackage(packages[1])))
        #expect(try world.store.replica(spoke: spoke, path: packages[1].path)?.state == .pending)
    }

    @Test func whatComesBackIsCountedAnew() throws {
        let world = try HubWorld()
        let (spoke, link, packages) = try filled(5, world)
        _ = try world.addAgent("box", spoke, link)
        var replica = try #require(try world.store.replica(spoke: spoke, path: packages[0].path))
        (replica.means, replica.wireBytes, replica.reason) = (.patch, 7, "patch, 7 bytes")
        try world.store.putReplica(replica)
        _ = try world.run(.pools(.prune(node: spoke, pool: main)))
        #expect(try world.store.replica(spoke: spoke, path: packages[0].path)?.state == .evicted)
        _ = try world.run(.rollouts(.create(try sampleSpecification(name: "back", release: "1.1"))))
        let back = try #require(try world.store.replica(spoke: spoke, path: packages[0].path))
        #expect(back.state == .pending && back.means == nil && back.wireBytes == nil && back.reason == nil)
    }

    @Test func aPackageWithoutRoomTakesThePlaceOfWhatTheRulesLetGo() throws {
        let world = try HubWorld()
        let (spoke, link, packages) = try filled(6, world)
        let newest = try samplePackage("1.9", counter: 9, hash: 9)
        try world.publish(packages + [newest], version: 2)
        try world.importAll()
        world.answers = false
        world.effects = []
        let full = Replica(
            path: newest.path, sha256: newest.sha256, state: .pending, bytesHeld: 0, text: "no room", lacking: 1)
        _ = try world.ask(link, .replica(full))
        #expect(evictions(world).map(\.path) == [packages[0].path], "one is enough")
        // More than the rules let go is not taken at all.
        world.effects = []
        var huge = full
        huge.lacking = 1 << 40
        _ = try world.ask(link, .replica(huge))
        #expect(evictions(world).isEmpty)
        // One that the rules would let go does not come in.
        #expect(try world.store.replica(spoke: spoke, path: packages[1].path)?.state == .verified)
        _ = try world.ask(
            link,
            .replica(
                Replica(path: packages[1].path, sha256: packages[1].sha256, state: .pending, bytesHeld: 0, lacking: 1)))
        #expect(try world.store.replica(spoke: spoke, path: packages[1].path)?.state == .evicted)
    }

    /// With a retention of four and room for one release, a rollout waited for ever.
    @Test func whatARolloutNeedsGoesBeforeWhatTheRetentionWouldKeep() throws {
        let world = try HubWorld()
        let (spoke, link, packages) = try filled(2, world)
        var agent = try world.addAgent("a0", spoke, link)
        #expect(try world.report(&agent, link, facts: sampleFacts()) == .ok(OK()))
        func pool(used: UInt64) throws {
            let length = packages[0].length
            _ = try world.ask(
                link,
                .poolStatus(
                    PoolStatus(
                        pool: main, quota: length * 2, used: used * length, reserved: 0, freeOnDisk: 1 << 40)))
        }
        try pool(used: 2)
        let third = try samplePackage("1.3", counter: 3, hash: 3)
        try world.publish(packages + [third], version: 2)
        try world.importAll()
        let lacks = Replica(
            path: third.path, sha256: third.sha256, state: .pending, bytesHeld: 0, text: "no room",
            lacking: third.length)
        world.effects = []
        // Nobody needs it yet: the retention keeps what is there.
        _ = try world.ask(link, .replica(lacks))
        #expect(evictions(world).isEmpty)
        var specification = try sampleSpecification()
        specification.release = try ReleaseName("1.3")
        _ = try world.run(.rollouts(.create(specification)))
        world.answers = false
        world.effects = []
        _ = try world.ask(link, .replica(lacks))
        #expect(evictions(world).map(\.path) == [packages[0].path])
        #expect(try world.store.prune(node: spoke, path: packages[0].path)?.text.contains("needs its room") == true)
        #expect(try world.events(.poolPruned).last?.event.text.contains("which rollout") == true)
        world.answers = true
        try world.send(.woke)
        // It does not come back as long as there is no room for it, whatever is reported.
        try pool(used: 1)
        try world.verified(third, link)
        try pool(used: 2)
        #expect(try world.store.replica(spoke: spoke, path: packages[0].path)?.state == .evicted)
        // Then it does.
        _ = try world.ask(
            link, .poolStatus(PoolStatus(pool: main, quota: 1 << 40, used: 100, reserved: 0, freeOnDisk: 1 << 40)))
        #expect(try world.store.replica(spoke: spoke, path: packages[0].path)?.state == .pending)
    }

    @Test func aVerifiedPackageThatLacksRoomForItsContentHasRoomMadeAndStays() throws {
        let world = try HubWorld()
        let (spoke, link, packages) = try filled(6, world)
        world.answers = false
        world.effects = []
        func lacks(_ package: Package) -> Message {
            .replica(
                Replica(
                    path: package.path, sha256: package.sha256, state: .verified, bytesHeld: package.length,
                    text: "there is no room to unpack it", lacking: 1))
        }
        // One that the rules would let go is not taken away from those who use it.
        _ = try world.ask(link, lacks(packages[0]))
        #expect(evictions(world).isEmpty)
        _ = try world.ask(link, lacks(packages[5]))
        #expect(evictions(world).map(\.path) == [packages[0].path])
        #expect(try world.store.replica(spoke: spoke, path: packages[5].path)?.state == .verified)
        #expect(try world.store.replica(spoke: spoke, path: packages[5].path)?.text == "there is no room to unpack it")
    }

    @Test func theHubTakesNothingThatIsReadAndTriesAgainAlsoAfterARestart() throws {
        let world = try HubWorld()
        let (_, _, packages) = try filled(5, world)
        _ = try world.run(.pools(.prune(node: world.hub, pool: main)))
        #expect(world.effects.contains(.evict([packages[0].sha256])))
        try world.send(.packageEvicted(packages[0].sha256, refusal: "it is being read"))
        world.effects = []
        world.now = world.now + .seconds(16)
        try world.send(.woke)
        #expect(world.effects.contains(.evict([packages[0].sha256])))
        world.effects = []
        try world.restart(held: Set(packages.map(\.sha256)))
        #expect(world.effects.contains(.evict([packages[0].sha256])))
        #expect(try world.store.package(packages[0].path)?.state == .announced)
        try world.send(.packageEvicted(packages[0].sha256, refusal: nil))
        #expect(try world.events(.replicaEvicted).count == 1)
        // More releases are kept from now on: it comes back.
        world.effects = []
        _ = try world.run(.pools(.setRetention(9)))
        #expect(world.effects.contains(.importPackage(packages[0])))
    }

    @Test func aSpokeThatIsBusyWithOneRemovalGetsEverythingElse() throws {
        let world = try HubWorld()
        let (spoke, link, packages) = try filled(7, world)
        world.answers = false
        world.effects = []
        _ = try world.run(.pools(.prune(node: spoke, pool: main)))
        let (_, request, _) = try #require(world.requests().first { if case .evict = $0.2 { true } else { false } })
        world.effects = []
        let busy = ErrorReply(code: .busy, text: "it is in transfer", retryAfterSeconds: 15)
        try world.send(.link(.reply(link, request, .error(busy))))
        #expect(evictions(world).isEmpty && world.effects.contains(.wake(at: world.now + .seconds(15))))
        // A wish, a quota and an order are not held up by it.
        try world.publish(packages + [try samplePackage("1.9", counter: 9, hash: 9)], version: 2)
        try world.importAll()
        #expect(wishes(world).count == 1)
        _ = try world.run(.pools(.setQuota(node: spoke, pool: main, ByteCount(1 << 41))))
        #expect(world.requests().contains { if case .setQuota = $0.2 { true } else { false } })
        world.effects = []
        world.now = world.now + .seconds(15)
        try world.send(.woke)
        #expect(evictions(world).map(\.path) == [packages[0].path])
    }

    @Test func removalsThatWaitKeepNoOthersBack() throws {
        let world = try HubWorld()
        let count = HubLimits.inFlight + 6
        let (spoke, link, packages) = try filled(count, world)
        world.answers = false
        world.effects = []
        _ = try world.run(.pools(.prune(node: spoke, pool: main)))
        let first = world.requests()
        #expect(first.count == HubLimits.inFlight)
        world.effects = []
        for (_, request, _) in first {
            try world.send(.link(.reply(link, request, .error(ErrorReply(code: .busy, text: "later")))))
        }
        let others = packages.prefix(count - 4).map(\.path).sorted().dropFirst(HubLimits.inFlight)
        #expect(evictions(world).map(\.path) == Array(others))
    }

    @Test func aWishThatIsRefusedKeepsNothingElseBack() throws {
        let world = try HubWorld()
        let (_, link, packages) = try filled(1, world)
        world.answers = false
        world.effects = []
        let more = try (2...3).map { try samplePackage("1.\($0)", counter: UInt64($0), hash: UInt8($0)) }
        try world.publish(packages + more, version: 2)
        try world.send(.packageImport(.ended(more[0].path, more[0].sha256, .imported)))
        let (_, request, _) = try #require(world.requests().last { if case .replicate = $0.2 { true } else { false } })
        world.effects = []
        try world.send(.link(.reply(link, request, .error(ErrorReply(code: .invalid, text: "no")))))
        try world.send(.packageImport(.ended(more[1].path, more[1].sha256, .imported)))
        #expect(wishes(world) == [more[1].path])
        world.effects = []
        world.now = world.now + HubLimits.roomRetry
        try world.send(.woke)
        #expect(wishes(world) == [more[0].path])
    }

    @Test func whatIsToldOnConnectingIsToldAgainToASpokeThatWasBusy() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        try world.publish([try samplePackage()])
        world.answers = false
        world.effects = []
        let link = try world.connect(spoke)
        func lists() -> [RequestID] {
            world.requests().compactMap { if case .revocations = $0.2 { $0.1 } else { nil } }
        }
        let request = try #require(lists().first)
        world.effects = []
        try world.send(.link(.reply(link, request, .error(ErrorReply(code: .busy, text: "later")))))
        #expect(lists().isEmpty)
        world.now = world.now + HubLimits.deliveryRetry
        try world.send(.woke)
        #expect(lists().count == 1)
    }

    @Test func anOlderSpokeKeepsWhatItDoesNotUnderstandToLetGo() throws {
        let world = try HubWorld()
        let (spoke, link, packages) = try filled(5, world)
        world.answers = false
        world.effects = []
        _ = try world.run(.pools(.prune(node: spoke, pool: main)))
        let (_, request, _) = try #require(world.requests().last { if case .evict = $0.2 { true } else { false } })
        try world.send(.link(.reply(link, request, .error(ErrorReply(code: .unsupported, text: "what?")))))
        #expect(try world.store.prunes(at: spoke).isEmpty)
        let again = try world.connect(spoke)
        try world.verified(packages[0], again)
        #expect(try world.store.replica(spoke: spoke, path: packages[0].path)?.state == .verified)
    }

    @Test func accessIsDurableAndSentUntilTheSpokeHasIt() throws {
        let world = try HubWorld()
        let (spoke, _, _) = try filled(1, world)
        world.answers = false
        _ = try world.run(.pools(.setAccess(node: spoke, pool: main, .readOnly)))
        world.effects = []
        let link = try world.connect(spoke)
        let sent = world.requests().compactMap { if case .setAccess(let message) = $0.2 { message } else { nil } }
        #expect(sent == [SetAccess(pool: main, access: .readOnly)])
        _ = try world.ask(
            link,
            .poolStatus(
                PoolStatus(pool: main, quota: 1 << 40, used: 100, reserved: 0, freeOnDisk: 1, access: .readOnly)))
        let pool = try #require(try world.store.pool(node: spoke, name: main))
        #expect(pool.access == .readOnly && pool.wantedAccess == nil)
        _ = try world.run(.pools(.setAccess(node: world.hub, pool: main, .unavailable)))
        world.effects = []
        try world.restart()
        #expect(world.effects.contains(.setAccess(main, .unavailable)))
    }

    @Test func aChecksProgressAndEndAreKeptAndLogged() throws {
        let world = try HubWorld()
        let (spoke, link, packages) = try filled(1, world)
        world.answers = false
        world.effects = []
        _ = try world.run(.pools(.check(node: spoke, pool: main, readsData: true)))
        let sent = world.requests().compactMap { if case .checkPool(let message) = $0.2 { message } else { nil } }
        let request = try #require(sent.first)
        #expect(request.readsData)
        func say(_ isOver: Bool, _ corrupt: [SHA256Digest], number: UInt64) throws {
            _ = try world.ask(
                link,
                .poolChecked(
                    PoolChecked(
                        pool: main, check: number, isOver: isOver, read: 5, total: 10, problems: [], corrupt: corrupt)))
        }
        try say(true, [], number: request.check + 1)
        #expect(try world.store.check(node: spoke, pool: main)?.ended == nil, "another check's words do not count")
        try say(true, [packages[0].sha256], number: request.check)
        #expect(try world.store.check(node: spoke, pool: main)?.said.corrupt == [packages[0].sha256])
        // It outlives a restart, and is over.
        world.effects = []
        try world.restart(held: Set(packages.map(\.sha256)))
        #expect(try world.store.check(node: spoke, pool: main)?.ended == world.now && world.requests().isEmpty)
        #expect(try world.events(.poolChecked).map(\.event.severity) == [.error])
        #expect(throws: HubRefusal.self) { try world.run(.pools(.check(node: spoke, pool: main, readsData: true))) }
    }

    @Test func aCheckThatACutInterruptsIsAskedForAgain() throws {
        let world = try HubWorld()
        let (spoke, _, packages) = try filled(1, world)
        world.answers = false
        _ = try world.run(.pools(.check(node: spoke, pool: main, readsData: true)))
        world.now = world.now + .seconds(5)
        _ = try world.run(.pools(.check(node: world.hub, pool: main, readsData: false)))
        try world.restart(held: Set(packages.map(\.sha256)))
        func requests() -> [CheckPool] {
            world.effects.compactMap { effect in
                switch effect {
                case .checkPool(let request): request
                case .link(.request(_, _, .checkPool(let request), _)): request
                default: nil
                }
            }
        }
        let own = try #require(requests().first)
        #expect(requests().count == 1 && !own.readsData)
        world.effects = []
        let link = try world.connect(spoke)
        let asked = try #require(requests().first)
        #expect(asked.readsData)
        try world.send(
            .poolChecked(
                PoolChecked(pool: main, check: own.check, isOver: false, read: 1, total: 2, problems: [], corrupt: [])))
        #expect(world.core.progress(ofCheck: own.check)?.read == 1)
        for (node, number) in [(world.hub, own.check), (spoke, asked.check)] {
            let end = PoolChecked(
                pool: main, check: number, isOver: true, read: 2, total: 2, problems: ["p"], corrupt: [])
            if node == world.hub {
                try world.send(.poolChecked(end))
            } else {
                _ = try world.ask(link, .poolChecked(end))
            }
            #expect(try world.store.check(node: node, pool: main)?.said == end)
        }
        #expect(world.core.progress(ofCheck: own.check) == nil)
        world.effects = []
        _ = try world.connect(spoke)
        #expect(requests().isEmpty)
    }
}

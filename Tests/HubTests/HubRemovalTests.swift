import Hub
import Model
import Protocol
import Rollout
import Testing

/// Packages that the catalog no longer names go when an operator says so, and only then.
@Suite struct HubRemovalTests {
    private let main: NodeName
    init() throws { main = try NodeName("main") }

    /// A hub and a spoke with a package that the catalog does not name any more, and one that it does.
    private func retired(_ world: HubWorld) throws -> (spoke: NodeID, link: LinkID, old: Package, new: Package) {
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        let old = try samplePackage("1.0", counter: 1, hash: 1)
        let new = try samplePackage("1.1", counter: 2, hash: 2)
        try world.publish([old, new])
        for _ in 0..<2 { try world.importAll() }
        for package in [old, new] { try world.verified(package, link) }
        return (spoke, link, old, new)
    }

    private func refusal(_ world: HubWorld, _ package: Package) throws -> String? {
        do {
            _ = try world.run(.catalog(.removePackage(package.path)))
            return nil
        } catch HubRefusal.conflict(let why) {
            return why
        }
    }

    @Test func itGoesFromTheHubAndFromTheSpokesAndStaysAway() throws {
        let world = try HubWorld()
        let (spoke, link, old, new) = try retired(world)
        try world.publish([new], version: 2)
        #expect(try world.store.package(old.path)?.state == .retired)
        world.answers = false
        world.effects = []
        _ = try world.run(.catalog(.removePackage(old.path)))
        #expect(world.effects.contains(.evict([old.sha256])))
        #expect(
            world.requests().contains { if case .evict(let message) = $0.2 { message.path == old.path } else { false } }
        )
        let record = try #require(try world.store.package(old.path))
        #expect(record.state == .retired && !record.isHere)
        #expect(try world.store.replica(spoke: spoke, path: old.path)?.state == .evicted)
        #expect(try world.events(.packageRemoved).count == 1)
        // A refresh of the catalog does not forget that it is to go, and a restart goes on with it.
        try world.publish([new], version: 3)
        #expect(try world.store.prunes(at: spoke).map(\.isDone) == [false])
        world.effects = []
        try world.restart(held: [old.sha256, new.sha256])
        #expect(world.effects.contains(.evict([old.sha256])))
        try world.send(.packageEvicted(old.sha256, refusal: nil))
        world.answers = true
        _ = try world.connect(spoke)
        #expect(try world.store.prunes(at: spoke).map(\.isDone) == [true])
        // Again is nothing to do.
        world.effects = []
        _ = try world.run(.catalog(.removePackage(old.path)))
        #expect(try world.events(.packageRemoved).count == 1)
        #expect(!world.effects.contains { if case .evict = $0 { true } else { false } })
        _ = link
    }

    @Test func aSpokeThatIsAwayIsToldWhenItComes() throws {
        let world = try HubWorld()
        let (spoke, link, old, new) = try retired(world)
        try world.publish([new], version: 2)
        try world.send(.link(.closed(link, LinkClosure(code: .timedOut, text: "gone"))))
        _ = try world.run(.catalog(.removePackage(old.path)))
        world.answers = false
        world.effects = []
        _ = try world.connect(spoke)
        #expect(
            world.requests().contains { if case .evict(let message) = $0.2 { message.path == old.path } else { false } }
        )
    }

    @Test func whatTheCatalogNamesAgainIsThereAgain() throws {
        let world = try HubWorld()
        let (spoke, _, old, new) = try retired(world)
        try world.publish([new], version: 2)
        _ = try world.run(.catalog(.removePackage(old.path)))
        try world.send(.packageEvicted(old.sha256, refusal: nil))
        world.effects = []
        try world.publish([old, new], version: 3)
        #expect(world.effects.contains(.importPackage(old)))
        #expect(try world.store.replica(spoke: spoke, path: old.path)?.state == .pending)
    }

    @Test func nothingGoesThatIsNamedNeededPinnedOrOnItsWay() throws {
        let world = try HubWorld()
        let (spoke, link, old, new) = try retired(world)
        #expect(try refusal(world, old)?.contains("the catalog names") == true)
        var agent = try world.addAgent("box", spoke, link)
        guard case .rollout(let rollout) = try world.run(.rollouts(.create(try sampleSpecification(release: "1.0"))))
        else {
            Issue.record("no rollout")
            return
        }
        try world.publish([new], version: 2)
        #expect(try refusal(world, old)?.contains("rollout first needs it") == true)
        _ = try world.run(.rollouts(.stop(rollout.id)))
        var facts = try sampleFacts([
            InstalledPackage(product: old.path.product, release: old.path.release, source: .axle)
        ])
        facts.pinned = [old.path.product]
        #expect(try world.report(&agent, link, facts: facts) == .ok(OK()))
        #expect(try refusal(world, old)?.contains("pinned") == true)
        facts.pinned = []
        #expect(try world.report(&agent, link, facts: facts) == .ok(OK()))
        try world.verified(old, link, .transferring)
        #expect(try refusal(world, old)?.contains("s1 is fetching it") == true)
        try world.verified(old, link)
        #expect(try refusal(world, old) == nil)
        #expect(throws: HubRefusal.self) {
            try world.run(.catalog(.removePackage(try TargetPath("no/1/linux-x86_64-glibc/no.tar"))))
        }
    }

    @Test func aFileThatTheCatalogNamesElsewhereStays() throws {
        let world = try HubWorld()
        let (_, _, old, _) = try retired(world)
        // The same bytes under another release's name.
        try world.publish([try samplePackage("1.2", counter: 3, hash: 1)], version: 2)
        #expect(try refusal(world, old)?.contains("the same file") == true)
    }
}

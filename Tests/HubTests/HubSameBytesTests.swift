import Hub
import Model
import Protocol
import Storage
import Testing

/// The same bytes as several packages of the catalog, at the hub.
@Suite struct HubSameBytesTests {
    /// The same file for two releases: a candidate that was made final.
    private let packages: [Package]

    init() throws {
        packages = [try samplePackage("1.0", counter: 1, hash: 1), try samplePackage("2.0", counter: 2, hash: 1)]
    }

    @Test(arguments: StoreKind.allCases) func theyAreImportedOneAfterTheOther(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        try world.publish(packages)
        func imports() -> [TargetPath] {
            world.effects.compactMap { if case .importPackage(let package) = $0 { package.path } else { nil } }
        }
        #expect(imports() == [packages[0].path], "a second transfer of the same bytes would be refused")
        try world.importAll()
        #expect(imports() == packages.map(\.path))
        try world.importAll()
        for package in packages { #expect(try world.store.package(package.path)?.state == .imported) }
        #expect(try world.events(.packageFailed).isEmpty)
    }

    @Test func removingOneLeavesTheBytesToTheOther() throws {
        let world = try HubWorld()
        try world.publish(packages)
        for _ in packages { try world.importAll() }
        // The catalog has ceased to name both.
        try world.publish([try samplePackage("3.0", counter: 3, hash: 3)], version: 2)
        func evictions() -> [[SHA256Digest]] {
            world.effects.compactMap { if case .evict(let objects) = $0 { objects } else { nil } }
        }
        world.effects = []
        try world.run(.catalog(.removePackage(packages[0].path)))
        #expect(evictions().isEmpty)
        #expect(try world.store.package(packages[1].path)?.isHere == true)
        // A restart that finds the removal in its books leaves them too.
        try world.restart(held: [packages[0].sha256])
        #expect(evictions().isEmpty)
        try world.run(.catalog(.removePackage(packages[1].path)))
        #expect(evictions() == [[packages[0].sha256]])
    }

    @Test func aSpokeThatKnowsThemByOnePathIsAskedForTheOther() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        var link = try world.connect(spoke)
        try world.publish(packages)
        for _ in packages { try world.importAll() }
        for package in packages { try world.verified(package, link) }
        world.answers = false
        // As a spoke of an older release says it, or one that was put back to an earlier time.
        link = try world.connect(spoke)
        world.effects = []
        let none = OrderMessage(
            agent: NodeID(high: 0, low: 0), action: ActionID(high: 0, low: 0), kind: 0, expires: .zero, signed: [],
            replicas: 1)
        _ = try world.ask(link, .order(none))
        try world.verified(packages[1], link)
        let wishes = world.requests().compactMap { if case .replicate(let wish) = $0.2 { wish.path } else { nil } }
        #expect(wishes == [packages[0].path])
        #expect(try world.store.replica(spoke: spoke, path: packages[1].path)?.state == .verified)
    }
}

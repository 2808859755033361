import Codec
import Model
import Testing
import Trust

@Suite("Publishing")
struct RepositoryTests {
    static let now = RepositorySimulator.now
    static let signers = ["root", "targets", "snapshot", "timestamp", "ruff"].map { FakeSigner($0) }

    static func signer(_ name: String) -> FakeSigner { FakeSigner(name) }

    static func repository(rootThreshold: Int = 1, rootKeys: [String] = ["root"], consistent: Bool = true) throws
        -> Repository
    {
        var roles: [RoleName: RoleSigners] = [:]
        for role in ["targets", "snapshot", "timestamp"] {
            roles[RoleName(role)] = RoleSigners(keys: [signer(role).key])
        }
        roles[.root] = RoleSigners(keys: rootKeys.map { signer($0).key }, threshold: rootThreshold)
        return try Repository(
            topRoles: roles, consistentSnapshot: consistent, verifier: FakeVerifier(), digester: TestDigester())
    }

    static func package(
        _ path: String = "ruff/0.12.0/linux-x86_64-glibc/ruff.tar", content: String = "ruff", counter: UInt64 = 1
    ) throws -> Package {
        let path = try TargetPath(path)
        let bytes = Array(content.utf8)
        return Package(
            path: path, length: UInt64(bytes.count), sha256: try SHA256Digest(bytes: TestDigester().sha256(bytes)),
            metadata: PackageMetadata(
                product: path.product, release: path.release, line: try LineName("0"), counter: counter,
                platform: try Platform(path.platform), kind: .tree))
    }

    /// A repository with one product and one package, published.
    static func published(consistent: Bool = true) throws -> Repository {
        var repository = try repository(consistent: consistent)
        try repository.addProduct(try ProductName("ruff"), signers: RoleSigners(keys: [signer("ruff").key]))
        try repository.add(try package())
        _ = try repository.sign(with: signers, at: now)
        return repository
    }

    /// What a new client finds in a repository's files.
    static func read(_ repository: Repository, at now: UnixTime = now) throws -> RefreshOutcome {
        var simulator = RepositorySimulator()
        for (name, bytes) in repository.files { simulator.serve(name, bytes) }
        var client = SimulatedClient(simulator)
        client.now = now
        try client.refresh(simulator, .catalog)
        guard let outcome = client.outcome else { throw SimulatedClient.Cut() }
        return outcome
    }

    @Test("what is published is read back by a client as it was given", arguments: [true, false])
    func roundTrip(consistent: Bool) throws {
        let repository = try Self.published(consistent: consistent)
        let outcome = try Self.read(repository)
        #expect(outcome.trusted.packages().packages == [try Self.package()])
        #expect(outcome.trusted.root.consistentSnapshot == consistent)
        let names = repository.files.keys.sorted()
        #expect(
            names
                == (consistent
                    ? ["1.root.json", "1.ruff.json", "1.snapshot.json", "1.targets.json", "timestamp.json"]
                    : ["1.root.json", "ruff.json", "snapshot.json", "targets.json", "timestamp.json"]))
    }

    @Test("files come in the order in which they may be written, the timestamp last")
    func order() throws {
        var repository = try Self.repository()
        try repository.addProduct(try ProductName("ruff"), signers: RoleSigners(keys: [Self.signer("ruff").key]))
        guard case .published(let files) = try repository.sign(with: Self.signers, at: Self.now) else {
            Issue.record("not published")
            return
        }
        #expect(
            files.map(\.name) == [
                "1.root.json", "1.ruff.json", "1.targets.json", "1.snapshot.json", "timestamp.json",
            ])
    }

    @Test("a change makes new versions of what it touches only")
    func versions() throws {
        var repository = try Self.published()
        try repository.add(try Self.package("ruff/0.13.0/any-any-any/f", content: "new", counter: 2))
        guard case .published(let files) = try repository.sign(with: Self.signers, at: Self.now) else {
            Issue.record("not published")
            return
        }
        #expect(files.map(\.name) == ["2.ruff.json", "2.snapshot.json", "timestamp.json"])
        #expect(try Self.read(repository).trusted.packages().packages.count == 2)
        try repository.remove(try TargetPath("ruff/0.12.0/linux-x86_64-glibc/ruff.tar"))
        _ = try repository.sign(with: Self.signers, at: Self.now)
        #expect(try Self.read(repository).trusted.packages().packages.map(\.path.release.text) == ["0.13.0"])
    }

    @Test("the timestamp lives 45 days, all else a year; an online key renews it unattended")
    func timestampRenewal() throws {
        var repository = try Self.published()
        let expiries = repository.expiries
        #expect(expiries[.timestamp] == Self.now + .seconds(45 * 86_400))
        for role in ["root", "targets", "snapshot", "ruff"] {
            #expect(expiries[RoleName(role)] == Self.now + .seconds(365 * 86_400))
        }
        let later = Self.now + .seconds(44 * 86_400)
        guard case .published(let files) = try repository.sign(with: [Self.signer("timestamp")], at: later) else {
            Issue.record("not published")
            return
        }
        #expect(files.map(\.name) == ["timestamp.json"])
        #expect(repository.expiries[.timestamp] == later + .seconds(45 * 86_400))
        #expect(throws: PublishingError.self) {
            _ = try repository.sign(with: [Self.signer("timestamp")], at: Self.now + .seconds(366 * 86_400))
        }
    }

    @Test("M of N people sign one after the other, each with a file from the one before")
    func pendingSignatures() throws {
        var first = try Self.repository(rootThreshold: 2, rootKeys: ["alice", "bob", "carol"])
        let online = ["targets", "snapshot", "timestamp"].map { Self.signer($0) }
        #expect(
            try first.sign(with: online + [Self.signer("alice")], at: Self.now)
                == .waiting([
                    .missingSignatures(role: "root", present: 1, threshold: 2)
                ]))
        #expect(first.files.isEmpty)
        #expect(Set(first.pendingFiles.keys) == ["root.json", "targets.json"])
        #expect(try first.sign(with: online + [Self.signer("alice")], at: Self.now) != .published([]))
        guard case .published = try first.sign(with: online + [Self.signer("carol")], at: Self.now) else {
            Issue.record("not published")
            return
        }
        // The same with a published state, carried to another machine.
        try first.setSigners(of: .root, RoleSigners(keys: ["dora", "erik"].map { Self.signer($0).key }, threshold: 2))
        _ = try first.sign(with: ["alice", "dora"].map { Self.signer($0) }, at: Self.now)
        var second = try Repository(
            files: first.files, pending: first.pendingFiles, verifier: FakeVerifier(), digester: TestDigester())
        #expect(
            try second.sign(with: [Self.signer("erik")], at: Self.now)
                == .waiting([
                    .missingSignatures(role: "root", present: 1, threshold: 2)
                ]))
        guard case .published(let files) = try second.sign(with: online + [Self.signer("bob")], at: Self.now) else {
            Issue.record("not published")
            return
        }
        #expect(files.first?.name == "2.root.json")
        #expect(try Self.read(second).trusted.root.version == 2)
    }

    @Test(
        "keys are rotated, and clients of before follow",
        arguments: ["root", "timestamp", "snapshot", "targets", "ruff"])
    func rotation(role: String) throws {
        var repository = try Self.published()
        var simulator = RepositorySimulator()
        for (name, bytes) in repository.files { simulator.serve(name, bytes) }
        var client = SimulatedClient(simulator)
        client.now = Self.now
        try client.refresh(simulator, .catalog)
        try repository.setSigners(of: RoleName(role), RoleSigners(keys: [Self.signer("new").key]))
        guard case .published(let files) = try repository.sign(with: Self.signers + [Self.signer("new")], at: Self.now)
        else {
            Issue.record("not published")
            return
        }
        for file in files { simulator.serve(file.name, file.bytes) }
        try client.refresh(simulator, .catalog)
        #expect(client.outcome?.refused == [])
        #expect(client.outcome?.trusted.packages().packages.count == 1)
        // Where keys of other roles are retired, a root that believes both comes before.
        #expect(client.outcome?.trusted.root.version == (role == "ruff" ? 1 : role == "root" ? 2 : 3))
        // The old key is worth nothing any more.
        try repository.renew(role == "ruff" ? "ruff" : ["targets", "snapshot"].contains(role) ? .targets : .root)
        let result = try? repository.sign(with: Self.signers, at: Self.now)  // refused by an error or by waiting
        if case .published? = result { Issue.record("signed without the new key") }
    }

    @Test("a repository is read from its files, expired or not, and signed anew")
    func reading() throws {
        var before = try Self.published()
        try before.addProduct(try ProductName("uv"), signers: RoleSigners(keys: [Self.signer("ruff").key]))
        _ = try before.sign(with: Self.signers, at: Self.now)
        var repository = try Repository(files: before.files, verifier: FakeVerifier(), digester: TestDigester())
        #expect(repository.products == before.products)
        #expect(repository.topRoles == before.topRoles)
        let later = Self.now + .seconds(700 * 86_400)
        #expect(throws: PublishingError.self) { _ = try repository.sign(with: Self.signers, at: later) }
        for role in [.root, .targets, "ruff", "uv"] as [RoleName] { try repository.renew(role) }
        _ = try repository.sign(with: Self.signers, at: later)
        #expect(try Self.read(repository, at: later).trusted.packages().packages.count == 1)
    }

    @Test(
        "what cannot be read is refused",
        arguments: ["1.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json", "1.ruff.json"])
    func unreadable(name: String) throws {
        let whole = try Self.published().files
        for change in [nil, [], Array("{}".utf8), Array((whole[name] ?? []).dropLast())] as [[UInt8]?] {
            var files = whole
            files[name] = change
            #expect(throws: PublishingError.self) {
                _ = try Repository(files: files, verifier: FakeVerifier(), digester: TestDigester())
            }
        }
        #expect(throws: PublishingError.self) {
            _ = try Repository(files: [:], verifier: FakeVerifier(), digester: TestDigester())
        }
        let strange = ["root.json": [UInt8](), ".root.json": [], "x.root.json": [], "-1.root.json": []]
        #expect(throws: PublishingError.self) {
            _ = try Repository(files: strange, verifier: FakeVerifier(), digester: TestDigester())
        }
    }

    @Test("a removed product leaves the catalog, and clients of before accept it")
    func removedProduct() throws {
        var repository = try Self.published()
        var simulator = RepositorySimulator()
        for (name, bytes) in repository.files { simulator.serve(name, bytes) }
        var client = SimulatedClient(simulator)
        try client.refresh(simulator, .catalog)
        try repository.removeProduct(try ProductName("ruff"))
        _ = try repository.sign(with: Self.signers, at: Self.now)
        for (name, bytes) in repository.files { simulator.serve(name, bytes) }
        try client.refresh(simulator, .catalog)
        #expect(client.outcome?.trusted.packages().packages.isEmpty == true)
    }

    @Test("what clients would refuse is not published")
    func refusals() throws {
        func refusal(_ change: (inout Repository) throws -> Void) throws -> PublishingError? {
            var repository = try Self.published()
            let before = repository.files
            do {
                try change(&repository)
                return nil
            } catch let error as PublishingError {
                #expect(repository.files == before)
                #expect(!error.description.isEmpty)
                return error
            }
        }
        let ruff = try ProductName("ruff")
        let key = RoleSigners(keys: [Self.signer("x").key])
        #expect(try refusal { try $0.add(try Self.package(content: "other")) } != nil)
        #expect(try refusal { try $0.add(try Self.package()) } == nil)
        #expect(
            try refusal { try $0.add(try Self.package("uv/1/any-any-any/f")) } == .unknownProduct(ProductName("uv")))
        #expect(try refusal { try $0.addProduct(ruff, signers: key) } == .productExists(ruff))
        for name in ["root", "timestamp", "snapshot", "targets", "7.root"] {
            let name = try ProductName(name)
            #expect(try refusal { try $0.addProduct(name, signers: key) } == .reservedName(name))
        }
        #expect(try refusal { try $0.removeProduct(ProductName("uv")) } != nil)
        #expect(try refusal { try $0.remove(TargetPath("ruff/9/any-any-any/f")) } != nil)
        #expect(try refusal { try $0.setSigners(of: "uv", key) } == .unknownRole("uv"))
        #expect(try refusal { try $0.renew(.timestamp) } != nil)
        for signers in [
            RoleSigners(keys: [], threshold: 1), RoleSigners(keys: [Self.signer("a").key], threshold: 0),
            RoleSigners(keys: [Self.signer("a").key], threshold: 2),
            RoleSigners(keys: [Self.signer("a").key, Self.signer("a").key], threshold: 1),
        ] {
            #expect(try refusal { try $0.setSigners(of: .root, signers) } == .invalidKeys(role: "root"))
            #expect(try refusal { try $0.addProduct(ProductName("uv"), signers: signers) } == .invalidKeys(role: "uv"))
        }
        var package = try Self.package("ruff/2/any-any-any/f", counter: 9)
        package.metadata.counter = 1 << 60
        #expect(try refusal { try $0.add(package) } != nil)
        package.metadata.counter = 1
        package.metadata.release = try ReleaseName("3")
        #expect(try refusal { try $0.add(package) } != nil)
        #expect(try refusal { _ = try $0.sign(with: [], at: Self.now) } != nil)
        #expect(throws: PublishingError.self) {
            _ = try Repository(topRoles: [:], verifier: FakeVerifier(), digester: TestDigester())
        }
    }

    @Test("a signer whose signatures are worthless is found out before anything is given out")
    func worthlessSignatures() throws {
        struct Worthless: MetadataSigner {
            let key: MetadataKey
            func sign(_ message: [UInt8]) -> [UInt8] { Array(repeating: 0, count: 64) }
        }
        var repository = try Self.repository()
        let signers: [any MetadataSigner] = Self.signers.map { Worthless(key: $0.key) }
        #expect(throws: PublishingError.self) { _ = try repository.sign(with: signers, at: Self.now) }
        #expect(repository.files.isEmpty)
    }
}

internal import Model
internal import TLS
internal import Trust

/// The vendor: publishes releases of one product with the real publishing code, and serves metadata and packages.
final class Vendor {
    static let productName = "tool"

    private let root = SimulatedKey("vendor root")
    private let online = SimulatedKey("vendor online")
    private let people = SimulatedKey("vendor people")
    private var repository: Repository
    /// Metadata by file name.
    private(set) var files: [String: [UInt8]] = [:]
    /// Package bytes by hash.
    private(set) var contents: [SHA256Digest: [UInt8]] = [:]
    private(set) var packages: [TargetPath: Package] = [:]
    let product: ProductName
    private let line: LineName
    private var random: SimulationRandom

    init(_ random: SimulationRandom) throws {
        self.random = random
        product = try ProductName(Self.productName)
        line = try LineName("stable")
        let people = RoleSigners(keys: [people.key])
        repository = try Repository(
            topRoles: [
                .root: RoleSigners(keys: [root.key]), .targets: people, .snapshot: RoleSigners(keys: [online.key]),
                .timestamp: RoleSigners(keys: [online.key]),
            ], verifier: SimulatedVerifier(), digester: SimulatedDigester())
        try repository.addProduct(product, signers: people)
    }

    var firstRoot: [UInt8] { files["1.root.json"] ?? [] }

    /// Makes a package of a release; `publish` makes it known.
    @discardableResult
    func add(_ release: String, counter: UInt64, restart: RestartNeed = .none, isSigned: Bool = true) throws -> Package
    {
        let platform = try Platform("linux-x86_64-glibc")
        let bytes = (0..<random.integer(8_000...60_000)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(counter)) }
        let digest = try SHA256Digest(bytes: SHA256.hash(bytes))
        let name = try ReleaseName(release)
        let package = Package(
            path: TargetPath(
                product: product, release: name, platform: try platform.name(), file: try FileName("tool.tar")),
            length: UInt64(bytes.count), sha256: digest,
            metadata: PackageMetadata(
                product: product, release: name, line: line, counter: counter, platform: platform, kind: .tree,
                unpackedSize: ByteCount(UInt64(bytes.count)), requires: PackageRequirements(scheduler: true),
                install: InstallSteps(
                    services: ["tool.service"], restart: restart,
                    health: HealthCheck(argv: ["bin/tool", "--version"], timeoutSeconds: 30))))
        contents[digest] = bytes
        packages[package.path] = package
        if isSigned { try repository.add(package) }
        return package
    }

    /// Signs what was added.
    func publish(at now: UnixTime) throws {
        guard case .published(let new) = try repository.sign(with: [root, online, people], at: now) else { return }
        for file in new { files[file.name] = file.bytes }
    }

    /// Whether the vendor has ever signed this package, bytes and all.
    func hasSigned(_ package: Package) -> Bool {
        repository.packages(of: product).contains { $0 == package.target }
    }

    func release(_ name: String) -> Package? { packages.values.first { $0.path.release.text == name } }
}

internal import Model
internal import TLS
internal import Trust

/// The vendor: publishes releases of one product with the real publishing code, and serves metadata and packages.
///
/// Releases are alike but for a stretch, so that patches between them are small, and most are packed.
final class Vendor {
    static let productName = "tool"

    private let root = SimulatedKey("vendor root")
    private let online = SimulatedKey("vendor online")
    private let people = SimulatedKey("vendor people")
    private var repository: Repository
    /// Metadata by file name.
    private(set) var files: [String: [UInt8]] = [:]
    /// Package bytes by hash: published files and their contents.
    private(set) var contents: [SHA256Digest: [UInt8]] = [:]
    private(set) var packages: [TargetPath: Package] = [:]
    let product: ProductName
    private let line: LineName
    private var random: SimulationRandom
    /// The coding of what is packed.
    let coding: ContentCoding
    /// Sixteenths of a packed file that every release has at least.
    private let size: Int

    init(_ random: SimulationRandom) throws {
        var random = random
        coding = [.gzip, .zstd, .xz][random.integer(0...2)]
        size = random.integer(500...3_000)
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
        let content = SimulatedCoding.content(of: seed(counter))
        let contentDigest = try SHA256Digest(bytes: SHA256.hash(content))
        let isPacked = random.chance(750)
        let bytes = isPacked ? SimulatedCoding.packed(content, isStored: random.chance(350)) : content
        let digest = try SHA256Digest(bytes: SHA256.hash(bytes))
        let name = try ReleaseName(release)
        let package = Package(
            path: TargetPath(
                product: product, release: name, platform: try platform.name(), file: try FileName("tool.tar")),
            length: UInt64(bytes.count), sha256: digest,
            metadata: PackageMetadata(
                product: product, release: name, line: line, counter: counter, platform: platform, kind: .tree,
                content: isPacked
                    ? PackageContent(
                        coding: coding, length: ByteCount(UInt64(content.count)), sha256: contentDigest)
                    : nil,
                unpackedSize: ByteCount(UInt64(content.count)), requires: PackageRequirements(scheduler: true),
                install: InstallSteps(
                    services: ["tool.service"], restart: restart,
                    health: HealthCheck(argv: ["bin/tool", "--version"], timeoutSeconds: 30))))
        contents[digest] = bytes
        contents[contentDigest] = content
        packages[package.path] = package
        if isSigned { try repository.add(package) }
        return package
    }

    /// What all releases have, with one stretch of this release's own, at about the same place.
    private func seed(_ counter: UInt64) -> [UInt8] {
        let length = 16 * (size + random.integer(0...64))
        let start = length / 4 + random.integer(0...length / 64)
        let own = start..<start + random.integer(length / 64...length / 8)
        let change = UInt8(truncatingIfNeeded: counter)
        return (0..<length).map { index in
            let shared = UInt8(truncatingIfNeeded: index &* 31 &+ index >> 8)
            return own.contains(index) ? shared ^ change : shared
        }
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

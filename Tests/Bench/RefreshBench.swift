import Codec
import Glibc
import Identity
import Model
import System
import TLS
import Trust

/// A catalog's whole refresh, beside Python's `tuf` on the same files: 10,000 packages over 20 products, as `axle publish` writes them.
///
/// The repository is a folder; a fetch is a read of a file, and the client's folder is on the disk, as in a daemon. CPU time is the process's,
/// of the refresh alone.
enum RefreshBench {
    static let products = 20
    static let packages = 500

    /// Publishes the catalog into a folder.
    static func make(_ folder: String) throws {
        let signers = try (0..<5).map { _ in try Signer() }
        var roles: [RoleName: RoleSigners] = [:]
        for (role, signer) in zip([RoleName.root, .timestamp, .snapshot, .targets], signers) {
            roles[role] = RoleSigners(keys: [signer.key])
        }
        var repository = try Repository(topRoles: roles, verifier: OpenSSLVerifier(), digester: OpenSSLDigester())
        for product in 0..<products {
            let name = try ProductName("product-\(product)")
            try repository.addProduct(name, signers: RoleSigners(keys: [signers[4].key]))
            for number in 0..<packages { try repository.add(try package(name, number)) }
        }
        _ = try repository.sign(with: signers, at: UnixTime(milliseconds: SystemClock.nowMilliseconds))
        try Directory.create(folder)
        for (name, bytes) in repository.files { try AtomicFile.write(bytes, to: Directory.join(folder, name)) }
    }

    /// Refreshes a new client against the folder, looks one package of each product up, and prints the CPU milliseconds.
    static func run(_ repository: String, _ state: String) throws {
        let began = cpuMicroseconds
        let folder = try MetadataFolder(state)
        let workflow = RefreshWorkflow(
            .catalog, bootstrapRoot: try File.read(Directory.join(repository, "1.root.json"), limit: 1 << 20),
            startTime: UnixTime(milliseconds: SystemClock.nowMilliseconds), verifier: OpenSSLVerifier(),
            digester: OpenSSLDigester())
        let outcome = try folder.run(workflow) { name, limit in
            do {
                return .bytes(try File.read(Directory.join(repository, name), limit: limit))
            } catch {
                return .notFound
            }
        }
        var found = 0
        for product in 0..<products {
            let path = JSONText("product-\(product)/1.\(packages - 1)/linux-x86_64-glibc/product.tar")
            if case .found = try outcome.trusted.search(path) { found += 1 }
        }
        let spent = cpuMicroseconds - began
        guard found == products, outcome.refused.isEmpty else { throw UsageError("the catalog was not all found") }
        print(Double(spent) / 1000)
    }

    private static var cpuMicroseconds: Int {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
    }

    private static func package(_ product: ProductName, _ number: Int) throws -> Package {
        let path = try TargetPath("\(product)/1.\(number)/linux-x86_64-glibc/product.tar")
        let hash = try SHA256Digest(bytes: SHA256.hash(Array("\(path)".utf8)))
        return Package(
            path: path, length: 1_000_000 + UInt64(number), sha256: hash,
            metadata: PackageMetadata(
                product: product, release: path.release, line: try LineName("1"), counter: UInt64(number + 1),
                platform: try Platform(path.platform), kind: .tree, unpackedSize: ByteCount(3_000_000),
                install: InstallSteps(
                    health: HealthCheck(argv: ["bin/tool", "--health"], timeoutSeconds: 20), program: "bin/tool")))
    }

    private struct Signer: MetadataSigner {
        let key: MetadataKey
        private let privateKey: PrivateKey

        init() throws {
            privateKey = try PrivateKey.generate(.ed25519)
            key = .ed25519(privateKey.publicKey.ed25519Bytes ?? [], digester: OpenSSLDigester())
        }

        func sign(_ message: [UInt8]) throws -> [UInt8] { try privateKey.sign(message, by: .ed25519) }
    }
}

import Codec
import Identity
import Model
import System
import TLS
import TestSupport
import Trust

/// A vendor whose keys and files are in this test, so that an attacker may have any state of its catalog that there ever was.
final class TestVendor {
    let folder: String
    private var repository: Repository
    private let key: PrivateKey
    private(set) var packages: [String: (package: Package, bytes: [UInt8])] = [:]

    init(folder: String) throws {
        self.folder = folder
        key = try PrivateKey.generate(.ed25519)
        let signers = RoleSigners(keys: [try Signer(key).key])
        repository = try Repository(
            topRoles: [.root: signers, .timestamp: signers, .snapshot: signers, .targets: signers],
            verifier: OpenSSLVerifier(), digester: OpenSSLDigester())
        try repository.addProduct(try ProductName("tool"), signers: signers)
        try publish()
    }

    /// The metadata as it is published now.
    var files: [String: [UInt8]] { repository.files }

    /// Adds a release of the tool, whose program prints it, and publishes.
    func release(_ release: String, counter: UInt64) throws -> Package {
        let (package, bytes) = try Self.make(release, counter: counter)
        try repository.add(package)
        packages[release] = (package, bytes)
        let place = package.target.remotePath(consistentSnapshot: true).string
        let path = Directory.join(folder, "targets/" + place)
        try Directory.create(Directory.parent(of: path))
        try AtomicFile.write(bytes, to: path)
        try publish()
        return package
    }

    /// Signs what has changed, with a timestamp that is fresh for so long.
    func publish(freshFor timestamp: Duration = .seconds(45 * 86_400)) throws {
        var lifetimes = Lifetimes()
        lifetimes.timestamp = timestamp
        repository.lifetimes = lifetimes
        _ = try repository.sign(
            with: [try Signer(key)], at: UnixTime(milliseconds: SystemClock.nowMilliseconds))
        let metadata = Directory.join(folder, "metadata")
        try Directory.create(metadata)
        for (name, bytes) in repository.files where name != "timestamp.json" {
            try AtomicFile.write(bytes, to: Directory.join(metadata, name))
        }
        if let timestamp = repository.files["timestamp.json"] {
            try AtomicFile.write(timestamp, to: Directory.join(metadata, "timestamp.json"))
        }
    }

    /// A package and its bytes, whoever makes it.
    static func make(_ release: String, counter: UInt64, says text: String? = nil) throws -> (Package, [UInt8]) {
        let work = try TemporaryFolder()
        try Directory.create(work.path + "/bin")
        let script = "#!/bin/sh\necho tool \(text ?? release)\n"
        try AtomicFile.write(Array(script.utf8), to: work.path + "/bin/tool", mode: 0o755)
        let bytes = try Program.run(
            "tar", ["--format=ustar", "--owner=0", "--group=0", "--numeric-owner", "-C", work.path, "-cf", "-", "bin"])
        let metadata = PackageMetadata(
            product: try ProductName("tool"), release: try ReleaseName(release), line: try LineName("main"),
            counter: counter, platform: .any, kind: .tree, unpackedSize: ByteCount(1 << 20),
            install: InstallSteps(health: HealthCheck(argv: ["bin/tool"], timeoutSeconds: 20), program: "bin/tool"))
        let path = TargetPath(
            product: metadata.product, release: metadata.release, platform: try Platform.any.name(),
            file: try FileName("tool.tar"))
        return (
            Package(
                path: path, length: UInt64(bytes.count), sha256: try SHA256Digest(bytes: SHA256.hash(bytes)),
                metadata: metadata), bytes
        )
    }

    /// Signs metadata with a key in memory.
    private struct Signer: MetadataSigner {
        let key: MetadataKey
        private let privateKey: PrivateKey

        init(_ key: PrivateKey) throws {
            self.key = .ed25519(key.publicKey.ed25519Bytes ?? [], digester: OpenSSLDigester())
            privateKey = key
        }

        func sign(_ message: [UInt8]) throws -> [UInt8] { try privateKey.sign(message, by: .ed25519) }
    }
}

import Identity
import Model
import System
import TLS
import TestSupport
import Testing
import Trust

@Suite struct ServedMetadataTests {
    /// Signs with its public key alone: enough to publish in a test.
    private struct Key: MetadataSigner, SignatureVerifier {
        let publicKey = SHA256.hash(Array("a test's key".utf8))
        var key: MetadataKey { .ed25519(publicKey, digester: OpenSSLDigester()) }
        func sign(_ message: [UInt8]) -> [UInt8] { SHA512.hash(publicKey + message) }
        func verify(_ scheme: SignatureScheme, publicKey: [UInt8], message: [UInt8], signature: [UInt8]) -> Bool {
            publicKey == self.publicKey && signature == sign(message)
        }
    }

    @Test func whatIsRelayedIsOfOneStateWhileTheNextRefreshWritesTheFolder() async throws {
        let temporary = try TemporaryFolder()
        let folder = try MetadataFolder(temporary.path + "/trust")
        let (key, now) = (Key(), UnixTime(seconds: 1_790_000_000))
        let roles = RoleSigners(keys: [key.key])
        var repository = try Repository(
            topRoles: [.root: roles, .targets: roles, .snapshot: roles, .timestamp: roles], verifier: key,
            digester: OpenSSLDigester())
        _ = try repository.sign(with: [key], at: now)
        let first = repository.files
        let refresher = MetadataRefresher(folder: folder, queue: NamedQueue("test"), verifier: key)
        let outcome = try await refresher.run(.catalog, bootstrapRoot: first["1.root.json"], now: now) { name, _ in
            first[name].map { .bytes($0) } ?? .notFound
        }
        let served = try ServedMetadata(outcome.trusted, in: folder)

        // The next refresh breaks off behind the snapshot: the folder is ahead of what is trusted.
        try repository.addProduct(try ProductName("tool"), signers: roles)
        _ = try repository.sign(with: [key], at: now)
        let second = repository.files
        await #expect(throws: MetadataError.self) {
            _ = try await refresher.run(.catalog, bootstrapRoot: first["1.root.json"], now: now) { name, _ in
                name.hasSuffix("targets.json") ? .failed("cut") : second[name].map { .bytes($0) } ?? .notFound
            }
        }
        #expect(try folder.load(.timestamp) == second["timestamp.json"])
        #expect(try folder.load(.snapshot) == second["2.snapshot.json"])

        for name in ["timestamp.json", "1.snapshot.json", "1.targets.json", "1.root.json"] {
            #expect(try served.file(named: name) == first[name])
        }
        #expect(try served.file(named: "2.snapshot.json") == nil)
    }
}

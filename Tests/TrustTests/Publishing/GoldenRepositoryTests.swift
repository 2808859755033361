import Codec
import Foundation
import Model
import TLS
import Testing
import Trust

/// Golden samples: a repository as the first release published it. Later releases must read it and mean the same.
///
/// `AXLE_WRITE_GOLDEN=1` writes it if there is none; samples that exist are never written again.
@Suite("Golden repository")
struct GoldenRepositoryTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "../../Golden/trust"
    )
    .standardizedFileURL
    static let names = [
        "1.root.json", "2.root.json", "1.ruff.json", "1.uv.json", "1.targets.json", "1.snapshot.json", "timestamp.json",
    ]

    /// Two products, one package that says all that can be said and one that says the least.
    private static func packages() throws -> [Package] {
        var full = try PackageMetadataCustomTests.full()
        // The samples are of a release before there were schemes.
        full.versionScheme = nil
        var minimal = try PackageMetadataCustomTests.minimal()
        minimal.product = try ProductName("uv")
        return try [("ruff/0.12.0/linux-x86_64-glibc/ruff.tar.zst", full), ("uv/0.12.0/any-any-any/uv.deb", minimal)]
            .map { path, metadata in
                Package(
                    path: try TargetPath(path), length: 4, sha256: try SHA256Digest(bytes: SHA256.hash([1, 2, 3, 4])),
                    metadata: metadata)
            }
    }

    private static func files() throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in names { files[name] = [UInt8](try Data(contentsOf: folder.appendingPathComponent(name))) }
        return files
    }

    @Test("is still read, and means what it meant")
    func reads() throws {
        try Self.writeMissing()
        let files = try Self.files()
        var simulator = RepositorySimulator()
        for (name, bytes) in files { simulator.serve(name, bytes) }
        var client = SimulatedClient(simulator)
        client.verifier = RealVerifier()
        try client.refresh(simulator, .catalog)
        let outcome = try #require(client.outcome)
        #expect(outcome.refused.isEmpty)
        #expect(outcome.trusted.packages().packages == (try Self.packages()))
        #expect(outcome.trusted.root.version == 2)
        #expect(outcome.trusted.freshUntil == (try UnixTime(strictISO8601: "2026-07-16T00:00:00Z")))
    }

    @Test("custom data is still written in the same bytes")
    func writes() throws {
        for package in try Self.packages() {
            let name = "1.\(package.path.product).json"
            let file = try JSONParser.parse(try Self.files()[name] ?? [], limits: JSONLimits(bytes: 100_000))
            let targets = try #require(file.asObject?["signed"]?.asObject?["targets"]?.asObject)
            let custom = try #require(targets.members.first?.value.asObject?["custom"])
            #expect(JSONValue.object(package.metadata.custom).text() == custom.text())
        }
    }

    @Test("a publisher of today goes on with it")
    func continues() throws {
        var repository = try Repository(files: try Self.files(), verifier: RealVerifier(), digester: TestDigester())
        #expect(repository.products.keys.map(\.text).sorted() == ["ruff", "uv"])
        // Its keys were thrown away, so that nobody can.
        #expect(throws: PublishingError.self) { _ = try repository.sign(with: [], at: RepositorySimulator.now) }
    }

    /// Makes the samples with keys that are thrown away, if there are none yet.
    private static func writeMissing() throws {
        guard ProcessInfo.processInfo.environment["AXLE_WRITE_GOLDEN"] == "1",
            !FileManager.default.fileExists(atPath: folder.appendingPathComponent("timestamp.json").path)
        else { return }
        let signers = try (0..<6).map { number in try RealSigner(PrivateKey.generate(number == 1 ? .p256 : .ed25519)) }
        let root = RoleSigners(keys: [signers[0].key, signers[1].key], threshold: 2)
        var repository = try Repository(
            topRoles: [
                .root: root, .timestamp: RoleSigners(keys: [signers[2].key]),
                .snapshot: RoleSigners(keys: [signers[3].key]), .targets: RoleSigners(keys: [signers[4].key]),
            ], verifier: RealVerifier(), digester: TestDigester())
        for package in try packages() {
            try repository.addProduct(package.path.product, signers: RoleSigners(keys: [signers[5].key]))
            try repository.add(package)
        }
        _ = try repository.sign(with: signers, at: RepositorySimulator.now)
        try repository.setSigners(of: .root, RoleSigners(keys: [signers[0].key]))
        _ = try repository.sign(with: signers, at: RepositorySimulator.now)
        for (name, bytes) in repository.files {
            try Data(bytes).write(to: folder.appendingPathComponent(name), options: .withoutOverwriting)
        }
    }
}

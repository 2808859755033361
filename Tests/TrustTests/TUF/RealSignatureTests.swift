import Codec
import Model
import TLS
import Testing
import Trust

@Suite("TUF with real cryptography")
struct RealSignatureTests {
    @Test("ed25519 and ecdsa-sha2-nistp256 repositories are published and read; an altered byte is found")
    func repository() throws {
        for kind in [KeyKind.ed25519, .p256] {
            let signers = try (0..<5).map { _ in try RealSigner(PrivateKey.generate(kind)) }
            var roles: [RoleName: RoleSigners] = [:]
            for (index, role) in [RoleName.root, .timestamp, .snapshot, .targets].enumerated() {
                roles[role] = RoleSigners(keys: [signers[index].key])
            }
            var repository = try Repository(topRoles: roles, verifier: RealVerifier(), digester: TestDigester())
            try repository.addProduct(try ProductName("ruff"), signers: RoleSigners(keys: [signers[4].key]))
            try repository.add(try RepositoryTests.package())
            guard case .published = try repository.sign(with: signers, at: RepositorySimulator.now) else {
                Issue.record("not published")
                return
            }
            var simulator = RepositorySimulator()
            for (name, bytes) in repository.files { simulator.serve(name, bytes) }
            var client = SimulatedClient(simulator)
            client.verifier = RealVerifier()
            try client.refresh(simulator, .catalog)
            #expect(client.outcome?.trusted.packages().packages == [try RepositoryTests.package()])
            for name in ["1.root.json", "timestamp.json"] {
                var altered = simulator
                let text = String(decoding: simulator.files[name] ?? [], as: UTF8.self)
                altered.serve(name, Array(text.replacing("\"version\":1", with: "\"version\":2").utf8))
                var other = SimulatedClient(altered)
                other.verifier = RealVerifier()
                #expect(other.refusal(altered) == .thresholdNotMet)
            }
        }
    }

    @Test("signatures of a length that no scheme has are not even tried")
    func lengths() {
        #expect(SignatureScheme.ed25519.allows(signatureLength: 64))
        for length in [0, 63, 65] { #expect(!SignatureScheme.ed25519.allows(signatureLength: length)) }
        #expect(SignatureScheme.ecdsaP256.allows(signatureLength: 72))
        for length in [0, 7, 73] { #expect(!SignatureScheme.ecdsaP256.allows(signatureLength: length)) }
        #expect(SignatureScheme.rsaPSS.allows(signatureLength: 256))
        for length in [0, 255, 1025] { #expect(!SignatureScheme.rsaPSS.allows(signatureLength: length)) }
    }

    static let badPEM = [
        "", "x", "-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAAA\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAA=A\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAB==\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\n====\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAA-_\n-----END PUBLIC KEY-----",
        "-----BEGIN EC KEY-----\nAAAA\n-----END EC KEY-----",
    ]

    @Test("PEM that is none gives no key", arguments: badPEM)
    func pem(text: String) {
        #expect(MetadataKey.ecdsaP256(pem: text, digester: TestDigester()) == nil)
    }
}

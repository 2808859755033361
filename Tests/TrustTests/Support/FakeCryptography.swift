import Codec
import Model
import TLS
import Trust

/// Signatures without cryptography: the signature of a message is its hash together with the public key, so that tests
/// and their failures are the same in every run. Real hashes, since key ids and bins go by them.
struct FakeVerifier: SignatureVerifier {
    func verify(_ scheme: SignatureScheme, publicKey: [UInt8], message: [UInt8], signature: [UInt8]) -> Bool {
        signature == FakeSigner.signature(publicKey, message)
    }
}

struct TestDigester: Digester {
    func sha256(_ bytes: [UInt8]) -> [UInt8] { SHA256.hash(bytes) }
    func sha512(_ bytes: [UInt8]) -> [UInt8] { SHA512.hash(bytes) }
}

struct FakeSigner: MetadataSigner, Sendable {
    let key: MetadataKey

    /// A signer whose key follows from its name.
    init(_ name: String) {
        key = .ed25519(SHA256.hash(Array("fake key \(name)".utf8)), digester: TestDigester())
    }

    func sign(_ message: [UInt8]) -> [UInt8] { Self.signature(key.publicKey, message) }

    static func signature(_ publicKey: [UInt8], _ message: [UInt8]) -> [UInt8] {
        SHA512.hash(publicKey + SHA256.hash(message))
    }
}

internal import TLS
internal import Trust

/// Signatures without cryptography: whoever has the public key can sign. Enough here, since nobody in the simulation forges.
struct SimulatedVerifier: SignatureVerifier {
    func verify(_ scheme: SignatureScheme, publicKey: [UInt8], message: [UInt8], signature: [UInt8]) -> Bool {
        signature == SimulatedKey.signature(publicKey, message)
    }
}

/// Real hashes, since key ids, packages and the activity log go by them.
struct SimulatedDigester: Digester {
    func sha256(_ bytes: [UInt8]) -> [UInt8] { SHA256.hash(bytes) }
    func sha512(_ bytes: [UInt8]) -> [UInt8] { SHA512.hash(bytes) }
}

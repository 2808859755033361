import Codec
import TLS
import Trust

/// Checks signatures with OpenSSL.
struct RealVerifier: SignatureVerifier {
    func verify(_ scheme: SignatureScheme, publicKey: [UInt8], message: [UInt8], signature: [UInt8]) -> Bool {
        // A key that cannot be read has signed nothing.
        guard let key = try? scheme == .ed25519 ? PublicKey(ed25519: publicKey) : PublicKey(der: publicKey) else {
            return false
        }
        let algorithm: SignatureAlgorithm =
            switch scheme {
            case .ed25519: .ed25519
            case .ecdsaP256: .ecdsaP256DER
            case .rsaPSS: .rsaPSSSHA256
            case .es256: .es256
            }
        return key.isValid(signature, of: message, by: algorithm)
    }
}

/// Signs with OpenSSL.
struct RealSigner: MetadataSigner {
    let key: MetadataKey
    private let privateKey: PrivateKey
    private let algorithm: SignatureAlgorithm

    init(_ privateKey: PrivateKey) throws {
        self.privateKey = privateKey
        let digester = TestDigester()
        let pem = String(decoding: try privateKey.publicKey.pem(), as: UTF8.self)
        switch privateKey.kind {
        case .ed25519:
            guard let raw = privateKey.publicKey.ed25519Bytes else { throw NoKey() }
            key = .ed25519(raw, digester: digester)
            algorithm = .ed25519
        case .p256:
            guard let made = MetadataKey.ecdsaP256(pem: pem, digester: digester) else { throw NoKey() }
            key = made
            algorithm = .ecdsaP256DER
        case .rsa:
            guard let made = MetadataKey.rsa(pem: pem, digester: digester) else { throw NoKey() }
            key = made
            algorithm = .rsaPSSSHA256
        }
    }

    func sign(_ message: [UInt8]) throws -> [UInt8] { try privateKey.sign(message, by: algorithm) }

    struct NoKey: Error {}
}

import Identity
import TLS
import Trust

/// Signs metadata with a private key of this process.
struct PublishSigner: MetadataSigner {
    let key: MetadataKey
    private let privateKey: PrivateKey

    init(_ privateKey: PrivateKey, name: String) throws {
        self.privateKey = privateKey
        key = try Self.key(privateKey.publicKey, name: name)
    }

    /// A public key as metadata names it.
    static func key(_ publicKey: PublicKey, name: String) throws -> MetadataKey {
        let digester = OpenSSLDigester()
        let made: MetadataKey?
        if let raw = publicKey.ed25519Bytes {
            made = .ed25519(raw, digester: digester)
        } else {
            let pem = String(decoding: try publicKey.pem(), as: UTF8.self)
            made =
                publicKey.kind == .p256 ? .ecdsaP256(pem: pem, digester: digester) : .rsa(pem: pem, digester: digester)
        }
        guard let made else { throw OperatorError("the key cannot sign metadata") }
        return made.named(name, digester: digester)
    }

    func sign(_ message: [UInt8]) throws -> [UInt8] {
        switch privateKey.kind {
        case .ed25519: try privateKey.sign(message, by: .ed25519)
        case .p256: try privateKey.sign(message, by: .ecdsaP256DER)
        case .rsa: try privateKey.sign(message, by: .rsaPSSSHA256)
        }
    }
}

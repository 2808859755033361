/// The ways of signing that Axle's trust code knows.
///
/// The first three are TUF's, by the names that metadata uses; `es256` is COSE's, for orders and reports.
package enum SignatureScheme: String, Sendable, CaseIterable {
    /// Ed25519 (RFC 8032): public key 32 raw bytes, signature 64 bytes.
    case ed25519 = "ed25519"
    /// ECDSA P-256 with SHA-256: public key SubjectPublicKeyInfo in DER, signature DER of at most 72 bytes.
    case ecdsaP256 = "ecdsa-sha2-nistp256"
    /// RSASSA-PSS with SHA-256, salt of 32 bytes when signing and of any length when verifying: public key
    /// SubjectPublicKeyInfo in DER, signature of the modulus' length, at most 1,024 bytes.
    case rsaPSS = "rsassa-pss-sha256"
    /// ECDSA P-256 with SHA-256: public key SubjectPublicKeyInfo in DER, signature 64 bytes r‖s (RFC 9053 §2.1).
    case es256 = "es256"

    /// Whether a signature of that many bytes can be one of this scheme at all.
    package func allows(signatureLength length: Int) -> Bool {
        switch self {
        case .ed25519, .es256: length == 64
        case .ecdsaP256: (8...72).contains(length)
        case .rsaPSS: (256...1024).contains(length)
        }
    }
}

/// Checks signatures for trust code, which has no cryptography of its own. Implementations never throw: a key or a
/// signature that cannot be read is simply not valid.
package protocol SignatureVerifier: Sendable {
    /// Whether `signature` over `message` is by the private half of `publicKey`, in the form that the scheme names.
    func verify(_ scheme: SignatureScheme, publicKey: [UInt8], message: [UInt8], signature: [UInt8]) -> Bool
}

/// Hashes for trust code.
package protocol Digester: Sendable {
    /// The 32 bytes of SHA-256.
    func sha256(_ bytes: [UInt8]) -> [UInt8]
    /// The 64 bytes of SHA-512.
    func sha512(_ bytes: [UInt8]) -> [UInt8]
}

/// Signs metadata for publishing with one private key, which may be in a file, a token or another program.
package protocol MetadataSigner {
    /// The public half, as metadata names it.
    var key: MetadataKey { get }
    /// The signature in the form that the key's scheme names.
    func sign(_ message: [UInt8]) throws -> [UInt8]
}

/// A way to sign; each fits one kind of key.
package enum SignatureAlgorithm: Sendable, CaseIterable {
    /// ECDSA P-256 with SHA-256, 64 bytes r‖s (COSE's ES256, RFC 9053).
    case es256
    /// ECDSA P-256 with SHA-256, DER of up to 72 bytes (TUF's ecdsa-sha2-nistp256).
    case ecdsaP256DER
    /// Ed25519 (RFC 8032), 64 bytes.
    case ed25519
    /// RSASSA-PSS with SHA-256: salt of 32 bytes when signing, any when verifying (TUF's rsassa-pss-sha256).
    case rsaPSSSHA256

    /// The kind of key that it needs.
    package var keyKind: KeyKind {
        switch self {
        case .es256, .ecdsaP256DER: .p256
        case .ed25519: .ed25519
        case .rsaPSSSHA256: .rsa
        }
    }
}

/// A kind of key that Axle uses.
package enum KeyKind: String, Sendable, CaseIterable {
    /// ECDSA on NIST P-256.
    case p256
    /// Ed25519.
    case ed25519
    /// RSA of 2,048 to 8,192 bits; for verifying what others signed.
    case rsa
}

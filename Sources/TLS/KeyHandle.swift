import COpenSSL

/// An owned `EVP_PKEY`: private or public. Immutable, so that it may be used from many threads at once.
final class KeyHandle: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer
    let kind: KeyKind

    /// Takes over one reference; frees it and throws if the key is of a kind that Axle does not use.
    init(takingOwnership pointer: OpaquePointer) throws(TLSError) {
        do {
            kind = try Self.kind(of: pointer)
        } catch {
            EVP_PKEY_free(pointer)
            throw error
        }
        self.pointer = pointer
    }

    deinit { EVP_PKEY_free(pointer) }

    /// DER of the SubjectPublicKeyInfo (RFC 5280).
    func subjectPublicKeyInfo() throws(TLSError) -> [UInt8] {
        try DER.encode("public key") { i2d_PUBKEY(pointer, $0) }
    }

    private static func kind(of key: OpaquePointer) throws(TLSError) -> KeyKind {
        switch EVP_PKEY_get_base_id(key) {
        case EVP_PKEY_ED25519: return .ed25519
        case EVP_PKEY_EC:
            guard groupName(of: key) == "prime256v1" else {
                throw TLSError(.unsupportedKey, "an elliptic-curve key that is not on P-256")
            }
            return .p256
        case EVP_PKEY_RSA:
            let bits = EVP_PKEY_get_bits(key)
            guard (2048...8192).contains(bits) else {
                throw TLSError(.unsupportedKey, "an RSA key of \(bits) bits; 2048 to 8192 are allowed")
            }
            return .rsa
        default:
            throw TLSError(.unsupportedKey, "a key that is not P-256, Ed25519 or RSA")
        }
    }

    private static func groupName(of key: OpaquePointer) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            var length = 0
            guard EVP_PKEY_get_group_name(key, buffer.baseAddress, buffer.count, &length) == 1,
                let start = buffer.baseAddress
            else { return nil }
            return String(cString: start)
        }
    }
}

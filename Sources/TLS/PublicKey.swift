import COpenSSL

/// A decoded public key; keep it, since decoding costs more than a verification.
///
/// Immutable and usable from many threads at once. Equal when the SubjectPublicKeyInfo is equal.
package final class PublicKey: Sendable, Hashable, CustomStringConvertible {
    /// The largest accepted encoding in bytes.
    package static let maximumLength = 8192

    let handle: KeyHandle
    /// DER of the SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    package let der: [UInt8]

    init(_ handle: KeyHandle) throws(TLSError) {
        self.handle = handle
        der = try handle.subjectPublicKeyInfo()
    }

    /// From the DER of a SubjectPublicKeyInfo. Refuses trailing bytes, other encodings of the same key (compressed points,
    /// spelled-out curves), points that are not on the curve and kinds of key that Axle does not use.
    package convenience init(der: [UInt8]) throws(TLSError) {
        let pointer = try DER.parse(
            der, limit: Self.maximumLength, "public key", free: { (key: OpaquePointer) in EVP_PKEY_free(key) },
            { d2i_PUBKEY(nil, $0, $1) })
        try self.init(KeyHandle(takingOwnership: pointer))
        guard self.der == der, kind != .p256 || der.starts(with: Self.p256Header) else {
            throw TLSError(.malformed, "the public key is not in its only encoding")
        }
    }

    /// What precedes the 64 bytes of x and y in the one encoding of a P-256 key (RFC 5480): names, and an uncompressed point.
    private static let p256Header: [UInt8] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
        0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ]

    /// From PEM (`BEGIN PUBLIC KEY`).
    package convenience init(pem: [UInt8]) throws(TLSError) {
        guard pem.count <= 2 * Self.maximumLength else { throw TLSError(.malformed, "the public key is too large") }
        let source = try MemoryBIO(reading: pem)
        let pointer = try ErrorQueue.require(.malformed, "not a PEM public key") {
            PEM_read_bio_PUBKEY(source.pointer, nil, nil, nil)
        }
        try self.init(KeyHandle(takingOwnership: pointer))
    }

    /// From the 32 bytes of an Ed25519 key (RFC 8032).
    package convenience init(ed25519 raw: [UInt8]) throws(TLSError) {
        guard raw.count == 32 else { throw TLSError(.malformed, "an Ed25519 key has 32 bytes, not \(raw.count)") }
        let pointer = try ErrorQueue.require(.malformed, "not an Ed25519 key") {
            EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, raw, raw.count)
        }
        try self.init(KeyHandle(takingOwnership: pointer))
    }

    /// The kind of key.
    package var kind: KeyKind { handle.kind }

    /// SHA-256 of the SubjectPublicKeyInfo (32 bytes): the pin of a join token, the key id of a certificate.
    package var fingerprint: [UInt8] { SHA256.hash(der) }

    /// The 32 bytes of an Ed25519 key; nil for another kind.
    package var ed25519Bytes: [UInt8]? {
        // RFC 8410: twelve bytes of header, then the key.
        kind == .ed25519 && der.count == 44 ? [UInt8](der[12...]) : nil
    }

    /// PEM (`BEGIN PUBLIC KEY`), UTF-8.
    package func pem() throws(TLSError) -> [UInt8] {
        let target = try MemoryBIO()
        try ErrorQueue.check(.library, "cannot write the public key") {
            PEM_write_bio_PUBKEY(target.pointer, handle.pointer)
        }
        return target.contents
    }

    /// Whether `signature` is this key's over `message`. A signature that is malformed, or of an algorithm for another
    /// kind of key, is simply not valid.
    package func isValid(_ signature: [UInt8], of message: [UInt8], by algorithm: SignatureAlgorithm) -> Bool {
        Signing.verify(signature, of: message, by: algorithm, with: handle)
    }

    package static func == (one: PublicKey, other: PublicKey) -> Bool { one.der == other.der }

    package func hash(into hasher: inout Hasher) { hasher.combine(der) }

    package var description: String { "\(kind.rawValue) public key" }
}

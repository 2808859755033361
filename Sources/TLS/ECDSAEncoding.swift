import COpenSSL

/// The two encodings of a P-256 signature: 64 bytes r‖s, and DER `SEQUENCE { r INTEGER, s INTEGER }`.
enum ECDSAEncoding {
    /// The DER form of 64 raw bytes; nil for any other length.
    static func der(fromRaw raw: [UInt8]) -> [UInt8]? {
        guard raw.count == 64, let signature = ECDSA_SIG_new() else { return nil }
        defer { ECDSA_SIG_free(signature) }
        let r = raw.withUnsafeBufferPointer { BN_bin2bn($0.baseAddress, 32, nil) }
        let s = raw.withUnsafeBufferPointer { BN_bin2bn($0.baseAddress.map { $0 + 32 }, 32, nil) }
        guard let r, let s, ECDSA_SIG_set0(signature, r, s) == 1 else {
            BN_free(r)
            BN_free(s)
            return nil
        }
        // An error here means no memory; the caller then has no valid signature.
        return try? DER.encode("signature") { i2d_ECDSA_SIG(signature, $0) }
    }

    /// The 64 raw bytes of a DER form; nil if it is malformed or its numbers are too large.
    static func raw(fromDER der: [UInt8]) -> [UInt8]? {
        // An error here means malformed, which the nil says.
        let parsed = try? DER.parse(
            der, limit: 72, "signature", free: { (signature: OpaquePointer) in ECDSA_SIG_free(signature) },
            { d2i_ECDSA_SIG(nil, $0, $1) })
        guard let parsed else { return nil }
        defer { ECDSA_SIG_free(parsed) }
        var done = false
        let raw = [UInt8](unsafeUninitializedCapacity: 64) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            done =
                BN_bn2binpad(ECDSA_SIG_get0_r(parsed), start, 32) == 32
                && BN_bn2binpad(ECDSA_SIG_get0_s(parsed), start + 32, 32) == 32
            count = done ? 64 : 0
        }
        return done ? raw : nil
    }
}

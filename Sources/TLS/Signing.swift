import COpenSSL

/// Signing and verifying with `EVP_DigestSign`/`EVP_DigestVerify`, and ECDSA's two encodings.
enum Signing {
    static func sign(
        _ message: [UInt8], by algorithm: SignatureAlgorithm, with key: KeyHandle
    ) throws(TLSError) -> [UInt8] {
        guard algorithm.keyKind == key.kind else {
            throw TLSError(.unsupportedKey, "a \(key.kind.rawValue) key cannot sign as \(algorithm)")
        }
        let operation = try DigestOperation()
        var context: OpaquePointer?
        var length = 0
        try ErrorQueue.check(.library, "cannot sign") {
            EVP_DigestSignInit(operation.pointer, &context, digest(algorithm), nil, key.pointer)
        }
        if algorithm == .rsaPSSSHA256 {
            try ErrorQueue.check(.library, "cannot sign") { setPSS(context, salt: 32) ? 1 : 0 }
        }
        try ErrorQueue.check(.library, "cannot sign") {
            EVP_DigestSign(operation.pointer, nil, &length, message, message.count)
        }
        ErrorQueue.clear()
        var done = false
        let signature = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            done = EVP_DigestSign(operation.pointer, buffer.baseAddress, &length, message, message.count) == 1
            count = done ? length : 0
        }
        guard done else { throw ErrorQueue.error(.library, "cannot sign") }
        guard algorithm == .es256 else { return signature }
        guard let raw = ECDSAEncoding.raw(fromDER: signature) else {
            throw ErrorQueue.error(.library, "cannot sign")
        }
        return raw
    }

    static func verify(
        _ signature: [UInt8], of message: [UInt8], by algorithm: SignatureAlgorithm, with key: KeyHandle
    ) -> Bool {
        guard algorithm.keyKind == key.kind else { return false }
        var encoded = signature
        if algorithm == .es256 {
            guard let der = ECDSAEncoding.der(fromRaw: signature) else { return false }
            encoded = der
        }
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        guard let operation = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(operation) }
        var context: OpaquePointer?
        guard EVP_DigestVerifyInit(operation, &context, digest(algorithm), nil, key.pointer) == 1 else { return false }
        // RSA_PSS_SALTLEN_AUTO: the salt's length is taken from the signature.
        if algorithm == .rsaPSSSHA256, !setPSS(context, salt: -2) { return false }
        return EVP_DigestVerify(operation, encoded, encoded.count, message, message.count) == 1
    }

    private static func digest(_ algorithm: SignatureAlgorithm) -> OpaquePointer? {
        algorithm == .ed25519 ? nil : DigestAlgorithm.sha256.pointer
    }

    private static func setPSS(_ context: OpaquePointer?, salt: Int32) -> Bool {
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1
            && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt) == 1
            && EVP_PKEY_CTX_set_rsa_mgf1_md(context, DigestAlgorithm.sha256.pointer) == 1
    }
}

/// An owned `EVP_MD_CTX` for one signature.
private final class DigestOperation {
    let pointer: OpaquePointer

    init() throws(TLSError) {
        pointer = try ErrorQueue.require(.library, "no memory for a signature") { EVP_MD_CTX_new() }
    }

    deinit { EVP_MD_CTX_free(pointer) }
}

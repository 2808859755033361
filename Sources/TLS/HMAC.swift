import COpenSSL

/// HMAC with SHA-256 (RFC 2104), as the join proofs use it.
package enum HMAC {
    /// The 32-byte code of `message` under `key` (any length).
    package static func sha256(key: [UInt8], _ message: [UInt8]) throws(TLSError) -> [UInt8] {
        guard let keyLength = Int32(exactly: key.count) else { throw TLSError(.malformed, "the MAC key is too large") }
        ErrorQueue.clear()
        var made = false
        let code = [UInt8](unsafeUninitializedCapacity: SHA256.length) { buffer, count in
            // An empty array has no address, and OpenSSL takes an absent key for "the key of before".
            let present = key.isEmpty ? [0] : key
            made =
                COpenSSL.HMAC(
                    DigestAlgorithm.sha256.pointer, present, keyLength, message, message.count, buffer.baseAddress, nil)
                != nil
            count = made ? SHA256.length : 0
        }
        guard made else { throw ErrorQueue.error(.library, "cannot compute a MAC") }
        return code
    }

    /// Whether `code` is the code of `message` under `key`, in time that does not depend on where they differ.
    package static func isValid(_ code: [UInt8], key: [UInt8], _ message: [UInt8]) throws(TLSError) -> Bool {
        ConstantTime.equal(code, try sha256(key: key, message))
    }
}

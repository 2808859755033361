import COpenSSL

/// A private key: P-256, Ed25519, or an RSA key of someone else's making.
///
/// Immutable and usable from many threads at once; OpenSSL clears its memory when the last user lets go. It has no
/// description of its content and is never written anywhere but by `withPEM`.
package final class PrivateKey: Sendable, CustomStringConvertible {
    /// Rounds of PBKDF2 between a passphrase and the key that encrypts a private key.
    package static let passphraseRounds: Int32 = 600_000

    let handle: KeyHandle
    /// The public half.
    package let publicKey: PublicKey

    private init(_ handle: KeyHandle) throws(TLSError) {
        self.handle = handle
        publicKey = try PublicKey(handle.publicHalf())
    }

    /// A new random key. RSA is refused: Axle verifies with RSA and signs with the others.
    package static func generate(_ kind: KeyKind) throws(TLSError) -> PrivateKey {
        let name: (algorithm: String, group: String?)
        switch kind {
        case .p256: name = ("EC", "P-256")
        case .ed25519: name = ("ED25519", nil)
        case .rsa: throw TLSError(.unsupportedKey, "Axle makes no RSA keys")
        }
        ErrorQueue.clear()
        guard let context = EVP_PKEY_CTX_new_from_name(nil, name.algorithm, nil) else {
            throw ErrorQueue.error(.library, "cannot make a key")
        }
        defer { EVP_PKEY_CTX_free(context) }
        var made: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1,
            name.group.map({ EVP_PKEY_CTX_set_group_name(context, $0) == 1 }) ?? true,
            EVP_PKEY_generate(context, &made) == 1, let made
        else { throw ErrorQueue.error(.library, "cannot make a key") }
        return try PrivateKey(KeyHandle(takingOwnership: made))
    }

    /// From PEM: PKCS#8 plain or encrypted, or the older forms of OpenSSL. At most 64 KiB. Nobody is ever asked for a
    /// passphrase.
    package convenience init(pem: [UInt8], passphrase: [UInt8]? = nil) throws(TLSError) {
        guard pem.count <= 1 << 16 else { throw TLSError(.malformed, "the private key is too large") }
        let source = try MemoryBIO(reading: pem)
        ErrorQueue.clear()
        var answer = PassphraseAnswer(bytes: passphrase)
        let made = withUnsafeMutablePointer(to: &answer) { answer in
            PEM_read_bio_PrivateKey(
                source.pointer, nil,
                { buffer, size, _, context in
                    guard let answer = context?.assumingMemoryBound(to: PassphraseAnswer.self) else { return -1 }
                    return answer.pointee.give(buffer, size)
                }, answer)
        }
        guard let made else {
            throw answer.wasAsked
                ? ErrorQueue.error(.wrongPassphrase, "the private key is encrypted and the passphrase does not fit")
                : ErrorQueue.error(.malformed, "not a PEM private key")
        }
        try self.init(KeyHandle(takingOwnership: made))
    }

    /// The kind of key.
    package var kind: KeyKind { handle.kind }

    /// Runs `body` over the key as PKCS#8 PEM, encrypted (AES-256-CBC, PBKDF2 of `passphraseRounds`) if a passphrase is
    /// given; the bytes are cleared afterwards, so whoever keeps a copy answers for it.
    package func withPEM<Result>(
        passphrase: [UInt8]? = nil, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        let target = try MemoryBIO()
        if let passphrase {
            try writeEncrypted(to: target, passphrase)
        } else {
            try ErrorQueue.check(.library, "cannot write the private key") {
                PEM_write_bio_PKCS8PrivateKey(target.pointer, handle.pointer, nil, nil, 0, nil, nil)
            }
        }
        return try target.withContents(body)
    }

    /// The signature of `message`. RSA-PSS is for tests and publishers with keys from elsewhere.
    package func sign(_ message: [UInt8], by algorithm: SignatureAlgorithm) throws(TLSError) -> [UInt8] {
        try Signing.sign(message, by: algorithm, with: handle)
    }

    package var description: String { "\(kind.rawValue) private key" }

    private func writeEncrypted(to target: MemoryBIO, _ passphrase: [UInt8]) throws(TLSError) {
        guard !passphrase.isEmpty, passphrase.count <= 1024 else {
            throw TLSError(.wrongPassphrase, "a passphrase has 1 to 1024 bytes")
        }
        let plain = try ErrorQueue.require(.library, "cannot write the private key") { EVP_PKEY2PKCS8(handle.pointer) }
        defer { PKCS8_PRIV_KEY_INFO_free(plain) }
        let encrypted = try ErrorQueue.require(.library, "cannot encrypt the private key") {
            passphrase.withUnsafeBytes { bytes in
                // No salt given: OpenSSL draws one. PBE number −1 chooses PBES2 with the given cipher.
                PKCS8_encrypt(
                    -1, EVP_aes_256_cbc(), bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                    Int32(bytes.count), nil, 0, Self.passphraseRounds, plain)
            }
        }
        defer { X509_SIG_free(encrypted) }
        try ErrorQueue.check(.library, "cannot write the private key") {
            PEM_write_bio_PKCS8(target.pointer, encrypted)
        }
    }
}

/// What a passphrase callback may answer, and whether it was asked at all.
private struct PassphraseAnswer {
    let bytes: [UInt8]?
    var wasAsked = false

    mutating func give(_ buffer: UnsafeMutablePointer<CChar>?, _ size: Int32) -> Int32 {
        wasAsked = true
        guard let bytes, let buffer, bytes.count <= Int(size) else { return -1 }
        for (index, byte) in bytes.enumerated() { buffer[index] = CChar(bitPattern: byte) }
        return Int32(bytes.count)
    }
}

extension KeyHandle {
    /// A key of its own that holds the public half only.
    func publicHalf() throws(TLSError) -> KeyHandle {
        let der = try subjectPublicKeyInfo()
        let pointer = try DER.parse(
            der, limit: PublicKey.maximumLength, "public key", free: { (key: OpaquePointer) in EVP_PKEY_free(key) },
            { d2i_PUBKEY(nil, $0, $1) })
        return try KeyHandle(takingOwnership: pointer)
    }
}

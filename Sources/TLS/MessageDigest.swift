import COpenSSL

/// A digest algorithm, fetched from OpenSSL once: fetching costs more than hashing a short message.
struct DigestAlgorithm: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer?
    let length: Int

    static let sha256 = DigestAlgorithm(name: "SHA256", length: 32)
    static let sha512 = DigestAlgorithm(name: "SHA512", length: 64)

    private init(name: String, length: Int) {
        pointer = EVP_MD_fetch(nil, name, nil)
        self.length = length
        precondition(pointer != nil, "OpenSSL has no \(name)")
    }
}

/// A streaming message digest (`EVP_MD_CTX`). Not for use from two threads at once.
final class MessageDigest {
    private let pointer: OpaquePointer
    private let algorithm: DigestAlgorithm

    init(_ algorithm: DigestAlgorithm) {
        guard let made = EVP_MD_CTX_new() else { preconditionFailure("out of memory for a digest") }
        pointer = made
        self.algorithm = algorithm
        restart()
    }

    private init(copying other: MessageDigest) {
        guard let made = EVP_MD_CTX_new(), EVP_MD_CTX_copy_ex(made, other.pointer) == 1 else {
            preconditionFailure("out of memory for a digest")
        }
        pointer = made
        algorithm = other.algorithm
    }

    deinit { EVP_MD_CTX_free(pointer) }

    func copy() -> MessageDigest { MessageDigest(copying: self) }

    func restart() {
        let done = EVP_DigestInit_ex2(pointer, algorithm.pointer, nil)
        precondition(done == 1, "OpenSSL refuses to start a digest")
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        let done = EVP_DigestUpdate(pointer, bytes.baseAddress, bytes.count)
        precondition(done == 1, "OpenSSL refuses to continue a digest")
    }

    /// The digest of all bytes so far; `restart()` before the next use.
    func finish() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: algorithm.length) { buffer, count in
            let done = EVP_DigestFinal_ex(pointer, buffer.baseAddress, nil)
            precondition(done == 1, "OpenSSL refuses to finish a digest")
            count = algorithm.length
        }
    }
}

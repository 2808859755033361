package import Model

/// Which bytes: how many, and their hash.
package struct ContentIdentity: Hashable, Sendable, CustomStringConvertible {
    package let length: UInt64
    package let sha256: SHA256Digest

    package init(length: UInt64, sha256: SHA256Digest) {
        self.length = length
        self.sha256 = sha256
    }

    package var description: String { "\(length) bytes of SHA-256 \(sha256)" }
}

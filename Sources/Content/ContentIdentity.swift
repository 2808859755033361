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

    /// Reads what the headers of patches and chunk deltas say of a content: 8 bytes of length, big-endian, and its hash. Throws `malformed`.
    init(encoded bytes: ArraySlice<UInt8>) throws(ContentError) {
        do throws(ModelError) {
            length = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            sha256 = try SHA256Digest(bytes: Array(bytes.dropFirst(8)))
        } catch {
            throw ContentError(.malformed, "\(error)")
        }
    }

    /// As `init(encoded:)` reads it.
    var encoded: [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: length >> UInt64($0)) } + sha256.bytes
    }
}

/// A SHA-256 hash: 32 bytes held inline, written as 64 lowercase hexadecimal digits.
package struct SHA256Digest: TextForm {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// A hash of exactly 32 bytes.
    package init(bytes: [UInt8]) throws(ModelError) {
        guard bytes.count == 32 else {
            throw ModelError("SHA-256", ASCII.hex(bytes.prefix(40)), "must have 32 bytes")
        }
        words = (
            ASCII.word(bytes[0..<8]), ASCII.word(bytes[8..<16]), ASCII.word(bytes[16..<24]), ASCII.word(bytes[24..<32])
        )
    }

    package init(_ text: String) throws(ModelError) {
        guard text.utf8.count == 64, let bytes = ASCII.bytes(hex: text) else {
            throw ModelError("SHA-256", text, "must be 64 lowercase hexadecimal digits")
        }
        try self.init(bytes: bytes)
    }

    /// The 32 bytes.
    package var bytes: [UInt8] {
        ASCII.bytes(words.0) + ASCII.bytes(words.1) + ASCII.bytes(words.2) + ASCII.bytes(words.3)
    }
    /// 64 lowercase hexadecimal digits.
    package var hex: String { ASCII.hex(bytes) }
    package var description: String { hex }

    package static func == (left: Self, right: Self) -> Bool { left.words == right.words }
    package static func < (left: Self, right: Self) -> Bool { left.words < right.words }
    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

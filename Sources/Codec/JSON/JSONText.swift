/// A JSON string or member name as its UTF-8 bytes.
///
/// Two texts are equal when their bytes are equal and are ordered byte by byte, which is the order of code points.
/// Swift's `String` is not used because it takes "é" in NFC and in NFD for the same, which would merge two names that a
/// signature tells apart. A text without escapes is a piece of the parsed file and keeps that in memory: a large file has
/// hundreds of thousands of texts, and no allocation is made for any of them.
package struct JSONText: Sendable, Hashable {
    private let storage: [UInt8]
    private let start: Int32
    private let end: Int32

    /// Takes bytes that the caller knows to be UTF-8, at most 2 GiB; the writer refuses none, so outside bytes go through
    /// the parser.
    package init(utf8 bytes: [UInt8]) {
        self.init(utf8: bytes, 0..<bytes.count)
    }

    /// A piece of UTF-8 bytes.
    init(utf8 storage: [UInt8], _ range: Range<Int>) {
        self.storage = storage
        start = Int32(clamping: range.lowerBound)
        end = Int32(clamping: range.upperBound)
    }

    package init(_ string: String) {
        self.init(utf8: Array(string.utf8))
    }

    private var range: Range<Int> { Int(start)..<Int(end) }

    /// A copy of the bytes.
    package var bytes: [UInt8] { Array(storage[range]) }

    /// The number of bytes.
    package var count: Int { Int(end - start) }

    /// The text as a `String`, for messages and for values that are validated afterwards.
    package var string: String { String(decoding: storage[range], as: UTF8.self) }

    /// Runs `body` over the bytes without copying them.
    package func withBytes<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(storage.span.extracting(range))
    }

    package static func == (left: JSONText, right: JSONText) -> Bool {
        guard left.count == right.count else { return false }
        let a = left.storage.span.extracting(left.range)
        let b = right.storage.span.extracting(right.range)
        var index = 0
        while index < a.count {
            if a[index] != b[index] { return false }
            index += 1
        }
        return true
    }

    /// Hashes eight bytes at a time.
    package func hash(into hasher: inout Hasher) {
        let bytes = storage.span.extracting(range)
        var word: UInt64 = 0
        var index = 0
        while index < bytes.count {
            word = word << 8 | UInt64(bytes[index])
            index += 1
            if index & 7 == 0 {
                hasher.combine(word)
                word = 0
            }
        }
        hasher.combine(word)
        hasher.combine(bytes.count)
    }
}

extension JSONText: Comparable {
    package static func < (left: JSONText, right: JSONText) -> Bool {
        ByteSpan.order(left.storage.span.extracting(left.range), right.storage.span.extracting(right.range)) < 0
    }
}

extension JSONText: ExpressibleByStringLiteral, CustomStringConvertible {
    package init(stringLiteral value: String) {
        self.init(value)
    }

    package var description: String { string }
}

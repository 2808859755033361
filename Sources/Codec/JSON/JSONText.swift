/// A JSON string or member name as its UTF-8 bytes.
///
/// Two texts are equal when their bytes are equal and are ordered byte by byte, which is the order of code points.
/// Swift's `String` is not used because it takes "é" in NFC and in NFD for the same, which would merge two names that a
/// signature tells apart.
package struct JSONText: Sendable, Hashable {
    /// The bytes: well-formed UTF-8 when the text came from the parser or from a `String`.
    package let bytes: [UInt8]

    /// Takes bytes that the caller knows to be UTF-8; the writer refuses none, so outside bytes go through the parser.
    package init(utf8 bytes: [UInt8]) {
        self.bytes = bytes
    }

    package init(_ string: String) {
        bytes = Array(string.utf8)
    }

    /// The text as a `String`, for messages and for values that are validated afterwards.
    package var string: String {
        String(decoding: bytes, as: UTF8.self)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(bytes)
    }
}

extension JSONText: Comparable {
    package static func < (left: JSONText, right: JSONText) -> Bool {
        let a = left.bytes.span
        let b = right.bytes.span
        let common = min(a.count, b.count)
        var index = 0
        while index < common {
            if a[index] != b[index] { return a[index] < b[index] }
            index += 1
        }
        return a.count < b.count
    }
}

extension JSONText: ExpressibleByStringLiteral, CustomStringConvertible {
    package init(stringLiteral value: String) {
        self.init(value)
    }

    package var description: String { string }
}

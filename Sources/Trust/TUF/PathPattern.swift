package import Codec

/// A shell-like pattern of target paths: `*` stands for any bytes but `/`, `?` for one character but `/`; every other
/// character, brackets included, stands for itself.
package struct PathPattern: Sendable, Equatable {
    package let text: JSONText

    package init(_ text: JSONText) {
        self.text = text
    }

    /// Whether the whole path fits. Time is at most proportional to the product of both lengths.
    package func matches(_ path: JSONText) -> Bool {
        text.withBytes { pattern in path.withBytes { subject in Self.matches(pattern, subject) } }
    }

    private static func matches(_ pattern: Span<UInt8>, _ subject: Span<UInt8>) -> Bool {
        var p = 0
        var s = 0
        // Where to go on after the last star has taken one more byte.
        var star: (pattern: Int, subject: Int)?
        while s < subject.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                star = (p + 1, s)
                p += 1
            } else if p < pattern.count, pattern[p] == UInt8(ascii: "?"), subject[s] != UInt8(ascii: "/") {
                p += 1
                s += 1
                while s < subject.count, subject[s] & 0xC0 == 0x80 { s += 1 }
            } else if p < pattern.count, pattern[p] != UInt8(ascii: "?"), pattern[p] == subject[s] {
                p += 1
                s += 1
            } else if let last = star, subject[last.subject] != UInt8(ascii: "/") {
                star = (last.pattern, last.subject + 1)
                p = last.pattern
                s = last.subject + 1
            } else {
                return false
            }
        }
        while p < pattern.count, pattern[p] == UInt8(ascii: "*") { p += 1 }
        return p == pattern.count
    }
}

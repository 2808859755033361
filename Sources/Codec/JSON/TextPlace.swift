/// A place in a text as editors count it: line and column, both from 1 on, columns in characters.
package struct TextPlace: Hashable, Sendable {
    package let line: Int
    package let column: Int

    /// The place of a byte; one behind the text is its end.
    package init(_ offset: Int, in bytes: [UInt8]) {
        let before = bytes.prefix(max(0, offset))
        let start = (before.lastIndex(of: 0x0A) ?? -1) + 1
        line = before.count { $0 == 0x0A } + 1
        // Bytes that continue a character are none of their own.
        column = before[start...].count { $0 & 0xC0 != 0x80 } + 1
    }
}

extension TextPlace: CustomStringConvertible {
    package var description: String { "line \(line), column \(column)" }
}

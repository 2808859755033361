/// Text for a terminal or a journal.
package enum PlainText {
    /// The text with `?` for each control character but line feed and tab, and for each character that
    /// changes the direction of text: what a peer or a file says can neither move the cursor, nor colour or hide
    /// anything, nor be taken for the terminal's own input.
    package static func clean(_ text: String) -> String {
        if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) || $0 == 0x0A || $0 == 0x09 }) { return text }
        var cleaned = ""
        for scalar in text.unicodeScalars { cleaned.unicodeScalars.append(isHarmless(scalar) ? scalar : "?") }
        return cleaned
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: true
        case ..<0x20, 0x7F...0x9F, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: false
        default: true
        }
    }

    /// The text as one word of a shell's command, quoted where it needs that.
    static func shellWord(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2B, 0x2C, 0x2D, 0x2E, 0x2F, 0x5F, 0x7E].contains(byte)
        }
        return isPlain && !text.isEmpty
            ? text
            : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}

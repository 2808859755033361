/// Byte classes of ASCII and hexadecimal text; no locale and no Unicode tables take part.
package enum ASCII {
    /// `0`–`9`.
    package static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    /// `A`–`Z`, `a`–`z`.
    package static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
    /// `a`–`z`.
    package static func isLowercase(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }
    /// A letter or a digit.
    package static func isAlphanumeric(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }

    /// The value of a lowercase hexadecimal digit, else nil; uppercase is refused so that every value has one text.
    package static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// Bytes as lowercase hexadecimal.
    package static func hex(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            text.unicodeScalars.append(hexDigit(byte >> 4))
            text.unicodeScalars.append(hexDigit(byte & 0x0F))
        }
        return text
    }

    /// The bytes of lowercase hexadecimal text, else nil (odd length, other characters).
    package static func bytes(hex text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 2)
        var high: UInt8?
        for byte in text.utf8 {
            guard let value = hexValue(byte) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }

    private static func hexDigit(_ value: UInt8) -> Unicode.Scalar {
        Unicode.Scalar(value < 10 ? 0x30 + value : 0x61 + value - 10)
    }

    /// A non-negative decimal number of digits only, else nil (empty, sign, other characters, overflow).
    package static func number(_ text: some Sequence<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        var any = false
        for byte in text {
            guard isDigit(byte) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.addingReportingOverflow(UInt64(byte - 0x30))
            guard !overflow, !overflow2 else { return nil }
            value = sum
            any = true
        }
        return any ? value : nil
    }

    /// A big-endian 64-bit word of at most eight bytes.
    package static func word(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The eight bytes of a word, big-endian.
    package static func bytes(_ word: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
    }
}

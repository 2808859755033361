/// The characters of a JSON string beyond plain ASCII.
enum JSONScalar {
    /// The character of an escape whose `\u` is behind `index`; `start` is where it begins, for errors.
    static func escaped(_ bytes: [UInt8], _ index: inout Int, _ start: Int) throws(JSONError) -> Unicode.Scalar {
        let unit = try hexUnit(bytes, &index, 4, start)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        // A surrogate: the high half must come first and the low half at once after it.
        guard unit < 0xDC00 else { throw JSONError(.loneSurrogate, at: start) }
        for expected in [UInt8(ascii: "\\"), UInt8(ascii: "u")] {
            guard index < bytes.count else { throw JSONError(.truncated, at: index) }
            guard bytes[index] == expected else { throw JSONError(.loneSurrogate, at: start) }
            index += 1
        }
        let low = try hexUnit(bytes, &index, 4, start)
        guard (0xDC00...0xDFFF).contains(low) else { throw JSONError(.loneSurrogate, at: start) }
        guard let scalar = Unicode.Scalar(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)) else {
            throw JSONError(.loneSurrogate, at: start)
        }
        return scalar
    }

    /// So many hexadecimal digits (at most eight) as a number.
    static func hexUnit(
        _ bytes: [UInt8], _ index: inout Int, _ digits: Int, _ start: Int
    ) throws(JSONError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<digits {
            guard index < bytes.count else { throw JSONError(.truncated, at: index) }
            guard let digit = hexDigit(bytes[index]) else { throw JSONError(.malformedEscape, at: start) }
            unit = unit << 4 | UInt32(digit)
            index += 1
        }
        return unit
    }

    /// The value of a hexadecimal digit, else nil.
    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The length of the well-formed multi-byte scalar at `index` (Unicode, table 3-7).
    static func length(_ bytes: [UInt8], at index: Int) throws(JSONError) -> Int {
        let first = bytes[index]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF:
            length = 3
            if first == 0xE0 { second = 0xA0...0xBF }
            if first == 0xED { second = 0x80...0x9F }
        case 0xF0...0xF4:
            length = 4
            if first == 0xF0 { second = 0x90...0xBF }
            if first == 0xF4 { second = 0x80...0x8F }
        default: throw JSONError(.malformedUTF8, at: index)
        }
        guard bytes.count - index >= length else { throw JSONError(.malformedUTF8, at: index) }
        guard second.contains(bytes[index + 1]) else { throw JSONError(.malformedUTF8, at: index) }
        for place in 2..<max(2, length) where !(0x80...0xBF).contains(bytes[index + place]) {
            throw JSONError(.malformedUTF8, at: index)
        }
        return length
    }
}

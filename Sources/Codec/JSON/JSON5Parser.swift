/// JSON5 (https://spec.json5.org) for the few files that people write: strict JSON and, beyond it, comments, trailing commas, names without
/// quotes, single quotes, strings over several lines, hexadecimal numbers and a leading plus.
///
/// Refused as in strict JSON: names that an object has already, lone surrogates, trailing data, and what passes `JSONLimits`. Refused of
/// JSON5: fractions, exponents, `Infinity` and `NaN`, since no setting is one, and names without quotes of other characters than ASCII letters,
/// digits, `_` and `$`. Integers are `JSONIntegers.wide`. Each refusal is a `JSONError` with its place. One pass, no backtracking;
/// recursion is bounded by the depth limit.
package struct JSON5Parser {
    private let bytes: [UInt8]
    private let limits: JSONLimits
    /// Whether malformed words and numbers and repeated names are kept for the reader to refuse.
    private let keepsFaults: Bool
    private var index = 0
    private var items = 0
    private var depth = 0

    private init(_ bytes: [UInt8], _ limits: JSONLimits, keepsFaults: Bool) {
        self.bytes = bytes
        self.limits = limits
        self.keepsFaults = keepsFaults
    }

    /// Reads exactly one value that fills the whole text.
    package static func parse(_ bytes: [UInt8], limits: JSONLimits) throws(JSONError) -> JSONValue {
        try node(bytes, limits, keepsFaults: false).value
    }

    /// Reads exactly one value that fills the whole text, with the place of each value and name.
    ///
    /// A name that an object has already, and a word or number that is no JSON, are part of the
    /// result and not refused: the caller knows what is expected there, and can name every mistake
    /// of the text at once.
    package static func document(_ bytes: [UInt8], limits: JSONLimits) throws(JSONError) -> JSONNode {
        try node(bytes, limits, keepsFaults: true)
    }

    private static func node(
        _ bytes: [UInt8], _ limits: JSONLimits, keepsFaults: Bool
    ) throws(JSONError) -> JSONNode {
        guard bytes.count <= min(limits.bytes, Int(Int32.max)) else { throw JSONError(.tooLarge, at: limits.bytes) }
        var parser = JSON5Parser(bytes, limits, keepsFaults: keepsFaults)
        let node = try parser.value()
        try parser.skipSpace()
        guard parser.index == bytes.count else { throw JSONError(.trailingData, at: parser.index) }
        return node
    }

    // MARK: Values

    private mutating func value() throws(JSONError) -> JSONNode {
        items += 1
        guard items <= limits.items else { throw JSONError(.tooManyItems, at: index) }
        try skipSpace()
        let start = index
        return JSONNode(content: try content(try peek()), offset: start)
    }

    private mutating func content(_ first: UInt8) throws(JSONError) -> JSONNode.Content {
        switch first {
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return .scalar(.string(try string()))
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return try scalar { parser throws(JSONError) in try parser.number() }
        default: return try scalar { parser throws(JSONError) in try parser.word() }
        }
    }

    /// A word or number, or its text where it is malformed and such are kept.
    private mutating func scalar(
        _ read: (inout JSON5Parser) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONNode.Content {
        let start = index
        do throws(JSONError) {
            return .scalar(try read(&self))
        } catch {
            index = start
            while index < bytes.count, Self.isOfName(bytes[index]) || Self.isOfNumber(bytes[index]) { index += 1 }
            guard keepsFaults, index > start else { throw error }
            return .malformed(String(decoding: bytes[start..<index], as: UTF8.self), error.code)
        }
    }

    private mutating func object() throws(JSONError) -> [JSONNode.Member] {
        try enter()
        var members: [JSONNode.Member] = []
        while try !closes(with: UInt8(ascii: "}")) {
            let start = index
            let name = try name()
            try skipSpace()
            guard try peek() == UInt8(ascii: ":") else { throw JSONError(.unexpectedByte, at: index) }
            index += 1
            members.append(JSONNode.Member(name: name, offset: start, node: try value()))
            try separate(until: UInt8(ascii: "}"))
        }
        guard !keepsFaults else { return members }
        var seen: Set<JSONText> = []
        if let again = members.first(where: { !seen.insert($0.name).inserted }) {
            throw JSONError(.duplicateKey, at: again.offset)
        }
        return members
    }

    private mutating func array() throws(JSONError) -> [JSONNode] {
        try enter()
        var elements: [JSONNode] = []
        while try !closes(with: UInt8(ascii: "]")) {
            elements.append(try value())
            try separate(until: UInt8(ascii: "]"))
        }
        return elements
    }

    /// Steps past an opening bracket.
    private mutating func enter() throws(JSONError) {
        depth += 1
        guard depth <= limits.depth else { throw JSONError(.tooDeep, at: index) }
        index += 1
    }

    /// Steps past the closing bracket, if it is there.
    private mutating func closes(with bracket: UInt8) throws(JSONError) -> Bool {
        try skipSpace()
        guard try peek() == bracket else { return false }
        index += 1
        depth -= 1
        return true
    }

    /// Steps past the comma after an element, the last one's too; only a closing bracket may come in its place.
    private mutating func separate(until bracket: UInt8) throws(JSONError) {
        try skipSpace()
        let byte = try peek()
        if byte == bracket { return }
        guard byte == UInt8(ascii: ",") else { throw JSONError(.unexpectedByte, at: index) }
        index += 1
    }

    /// A member's name, with quotes or without.
    private mutating func name() throws(JSONError) -> JSONText {
        let byte = try peek()
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { return try string() }
        guard !Self.isDigit(byte), Self.isOfName(byte) else { throw JSONError(.unexpectedByte, at: index) }
        let text = identifier()
        return JSONText(utf8: text)
    }

    /// `true`, `false` or `null`.
    private mutating func word() throws(JSONError) -> JSONValue {
        let start = index
        switch String(decoding: identifier(), as: UTF8.self) {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null": return .null
        case "Infinity", "NaN": throw JSONError(.floatingPoint, at: start)
        default: throw JSONError(.unexpectedByte, at: start)
        }
    }

    /// The letters, digits, `_` and `$` from here on; maybe none.
    private mutating func identifier() -> [UInt8] {
        let start = index
        while index < bytes.count, Self.isOfName(bytes[index]) { index += 1 }
        return Array(bytes[start..<index])
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func isOfName(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x41...0x5A).contains(byte & 0xDF) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "$")
    }

    /// Whether the byte is of a sign, fraction or exponent.
    private static func isOfNumber(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    // MARK: Numbers

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = index
        var negative = false
        if bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") {
            negative = bytes[index] == UInt8(ascii: "-")
            index += 1
        }
        let digits = index
        let magnitude: UInt64
        if index + 1 < bytes.count, bytes[index] == UInt8(ascii: "0"), bytes[index + 1] | 0x20 == UInt8(ascii: "x") {
            magnitude = try hexadecimal(start)
        } else {
            magnitude = try JSONIntegers.wide.magnitude(bytes, &index, start)
            if index < bytes.count {
                switch bytes[index] {
                case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "I"), UInt8(ascii: "N"):
                    throw JSONError(.floatingPoint, at: start)
                default: break
                }
            }
            guard index > digits, index == digits + 1 || bytes[digits] != UInt8(ascii: "0") else {
                throw JSONError(.malformedNumber, at: start)
            }
        }
        // `10GB` is text without its quotes.
        guard index == bytes.count || !Self.isOfName(bytes[index]) else { throw JSONError(.malformedNumber, at: start) }
        return try JSONIntegers.wide.value(magnitude, negative: negative, start)
    }

    private mutating func hexadecimal(_ start: Int) throws(JSONError) -> UInt64 {
        index += 2
        let digits = index
        var magnitude: UInt64 = 0
        while index < bytes.count, let digit = JSONScalar.hexDigit(bytes[index]) {
            guard magnitude >> 60 == 0 else { throw JSONError(.integerOutOfRange, at: start) }
            magnitude = magnitude << 4 | UInt64(digit)
            index += 1
        }
        guard index > digits else { throw JSONError(.malformedNumber, at: start) }
        return magnitude
    }

    // MARK: Strings

    private mutating func string() throws(JSONError) -> JSONText {
        let quote = bytes[index]
        index += 1
        var text: [UInt8] = []
        while true {
            let byte = try peek()
            switch byte {
            case quote:
                index += 1
                return JSONText(utf8: text)
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw JSONError(.controlCharacter, at: index)
            case 0x20..<0x80:
                text.append(byte)
                index += 1
            default:
                let length = try JSONScalar.length(bytes, at: index)
                text.append(contentsOf: bytes[index..<index + length])
                index += length
            }
        }
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        let start = index
        index += 1
        let letter = try peek()
        guard letter < 0x80 else {
            // A line may end in U+2028 or U+2029 too; any other character stands for itself.
            let length = try JSONScalar.length(bytes, at: index)
            if !isLineEnd { text.append(contentsOf: bytes[index..<index + length]) }
            index += length
            return
        }
        index += 1
        switch letter {
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "v"): text.append(0x0B)
        case UInt8(ascii: "0"):
            guard index == bytes.count || !Self.isDigit(bytes[index]) else {
                throw JSONError(.malformedEscape, at: start)
            }
            text.append(0x00)
        case UInt8(ascii: "1")...UInt8(ascii: "9"): throw JSONError(.malformedEscape, at: start)
        case UInt8(ascii: "x"):
            let unit = try JSONScalar.hexUnit(bytes, &index, 2, start)
            guard let scalar = Unicode.Scalar(unit) else { throw JSONError(.malformedEscape, at: start) }
            text.append(contentsOf: String(Character(scalar)).utf8)
        case UInt8(ascii: "u"):
            let scalar = try JSONScalar.escaped(bytes, &index, start)
            text.append(contentsOf: String(Character(scalar)).utf8)
        case 0x0D:
            // The string goes on in the next line.
            if index < bytes.count, bytes[index] == 0x0A { index += 1 }
        case 0x0A: break
        case 0..<0x20: throw JSONError(.controlCharacter, at: index - 1)
        default: text.append(letter)
        }
    }

    // MARK: Space

    /// Steps over white space and comments.
    private mutating func skipSpace() throws(JSONError) {
        while index < bytes.count {
            switch bytes[index] {
            case 0x09...0x0D, 0x20: index += 1
            case UInt8(ascii: "/"): try skipComment()
            case 0x80...:
                let length = try JSONScalar.length(bytes, at: index)
                guard let scalar = String(decoding: bytes[index..<index + length], as: UTF8.self).unicodeScalars.first,
                    isLineEnd || scalar == "\u{FEFF}" || scalar.properties.generalCategory == .spaceSeparator
                else { return }
                index += length
            default: return
            }
        }
    }

    private mutating func skipComment() throws(JSONError) {
        let start = index
        index += 1
        switch try peek() {
        case UInt8(ascii: "/"):
            while index < bytes.count, !isLineEnd {
                index += bytes[index] < 0x80 ? 1 : try JSONScalar.length(bytes, at: index)
            }
        case UInt8(ascii: "*"):
            index += 1
            while index + 1 < bytes.count {
                if bytes[index] == UInt8(ascii: "*"), bytes[index + 1] == UInt8(ascii: "/") {
                    index += 2
                    return
                }
                index += bytes[index] < 0x80 ? 1 : try JSONScalar.length(bytes, at: index)
            }
            throw JSONError(.truncated, at: start)
        default: throw JSONError(.unexpectedByte, at: start)
        }
    }

    /// Whether a line ends here: LF, CR, U+2028 or U+2029.
    private var isLineEnd: Bool {
        guard index < bytes.count else { return false }
        if bytes[index] == 0x0A || bytes[index] == 0x0D { return true }
        return bytes[index] == 0xE2 && index + 2 < bytes.count && bytes[index + 1] == 0x80
            && bytes[index + 2] & 0xFE == 0xA8
    }

    private func peek() throws(JSONError) -> UInt8 {
        guard index < bytes.count else { throw JSONError(.truncated, at: index) }
        return bytes[index]
    }
}

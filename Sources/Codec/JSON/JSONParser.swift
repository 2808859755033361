/// Strict JSON (RFC 8259) for signed metadata.
///
/// Refused beyond what the RFC refuses: duplicate names, fractions and exponents, minus zero, integers beyond ±2^53 (unless told otherwise), lone
/// surrogates, a byte order mark, trailing data, and whatever passes `JSONLimits`. Each is a `JSONError` with its place.
/// One pass, no backtracking; recursion is bounded by the depth limit.
package struct JSONParser {
    let bytes: [UInt8]
    let limits: JSONLimits
    /// Members of this name are checked and left unread, where they are objects in canonical form.
    private let unreadName: JSONText?
    private let integers: JSONIntegers
    var index = 0
    var items = 0
    private(set) var depth = 0
    /// Whether all that was read so far is written as the canonical form writes it.
    private var isCanonical = true
    /// Where the values of the outermost object's members lie.
    private var memberRanges: [Range<Int>] = []

    private init(_ bytes: [UInt8], _ limits: JSONLimits, _ integers: JSONIntegers, _ unreadName: JSONText?) {
        self.bytes = bytes
        self.limits = limits
        self.integers = integers
        self.unreadName = unreadName
    }

    /// Reads exactly one value that fills the whole text.
    package static func parse(
        _ bytes: [UInt8], limits: JSONLimits, integers: JSONIntegers = .exact
    ) throws(JSONError) -> JSONValue {
        try document(bytes, limits: limits, integers, leaving: nil).value
    }

    /// Reads exactly one value that fills the whole text, and what is known of the text.
    ///
    /// Objects that are members of the name `unread` are checked like all else, but their members are made when they are asked for: a large
    /// file has much of which little is ever looked at.
    package static func document(
        _ bytes: [UInt8], limits: JSONLimits, leaving unread: JSONText? = nil
    ) throws(JSONError) -> JSONDocument {
        // What is left unread is read later by the same rule, hence never with wide integers.
        try document(bytes, limits: limits, .exact, leaving: unread)
    }

    private static func document(
        _ bytes: [UInt8], limits: JSONLimits, _ integers: JSONIntegers, leaving unread: JSONText?
    ) throws(JSONError) -> JSONDocument {
        guard bytes.count <= min(limits.bytes, Int(Int32.max)) else { throw JSONError(.tooLarge, at: limits.bytes) }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { throw JSONError(.byteOrderMark, at: 0) }
        var parser = JSONParser(bytes, limits, integers, unread)
        let value = try parser.value()
        parser.skipWhiteSpace()
        guard parser.index == bytes.count else { throw JSONError(.trailingData, at: parser.index) }
        return JSONDocument(
            bytes: bytes, value: value, isCanonical: parser.isCanonical, memberRanges: parser.memberRanges)
    }

    // MARK: Values

    private mutating func value() throws(JSONError) -> JSONValue {
        items += 1
        guard items <= limits.items else { throw JSONError(.tooManyItems, at: index) }
        skipWhiteSpace()
        switch try peek() {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try integer()
        default: throw JSONError(.unexpectedByte, at: index)
        }
    }

    private mutating func object() throws(JSONError) -> JSONValue {
        let start = index
        try enter()
        var members: [JSONObject.Member] = []
        if try !closes(with: UInt8(ascii: "}")) {
            repeat {
                skipWhiteSpace()
                guard try peek() == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: index) }
                let name = try string()
                skipWhiteSpace()
                try expect(UInt8(ascii: ":"))
                let valueStart = index
                if members.isEmpty { members.reserveCapacity(4) }
                if name == unreadName, let object = unreadObject() {
                    members.append(JSONObject.Member(name, .object(object)))
                } else {
                    members.append(JSONObject.Member(name, try value()))
                }
                if depth == 1 { memberRanges.append(valueStart..<index) }
            } while try continues(until: UInt8(ascii: "}"))
        }
        depth -= 1
        guard let object = JSONObject(members) else { throw JSONError(.duplicateKey, at: start) }
        if !object.isSorted { isCanonical = false }
        return .object(object)
    }

    private mutating func array() throws(JSONError) -> JSONValue {
        try enter()
        var elements: [JSONValue] = []
        if try !closes(with: UInt8(ascii: "]")) {
            repeat { elements.append(try value()) } while try continues(until: UInt8(ascii: "]"))
        }
        depth -= 1
        return .array(elements)
    }

    /// Steps past an opening bracket.
    private mutating func enter() throws(JSONError) {
        depth += 1
        guard depth <= limits.depth else { throw JSONError(.tooDeep, at: index) }
        index += 1
    }

    /// Steps past the closing bracket of an empty array or object.
    private mutating func closes(with bracket: UInt8) throws(JSONError) -> Bool {
        skipWhiteSpace()
        guard try peek() == bracket else { return false }
        index += 1
        return true
    }

    /// Steps past the comma (true) or the closing bracket (false) after an element.
    private mutating func continues(until bracket: UInt8) throws(JSONError) -> Bool {
        skipWhiteSpace()
        let byte = try peek()
        guard byte == bracket || byte == UInt8(ascii: ",") else { throw JSONError(.unexpectedByte, at: index) }
        index += 1
        return byte != bracket
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for letter in word.description.utf8 { try expect(letter) }
        return value
    }

    mutating func integer() throws(JSONError) -> JSONValue {
        let start = index
        let negative = bytes[index] == UInt8(ascii: "-")
        if negative { index += 1 }
        let digits = index
        let magnitude = try integers.magnitude(bytes, &index, start)
        if index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): throw JSONError(.floatingPoint, at: index)
            default: break
            }
        }
        let count = index - digits
        guard count > 0, count == 1 || bytes[digits] != UInt8(ascii: "0"), !(negative && magnitude == 0) else {
            throw JSONError(.malformedNumber, at: start)
        }
        return try integers.value(magnitude, negative: negative, start)
    }

    // MARK: Strings

    private mutating func string() throws(JSONError) -> JSONText {
        index += 1
        let start = index
        // Plain ASCII, which nearly all strings are, is copied in one piece.
        index = endOfPlainText(from: start)
        if index < bytes.count, bytes[index] == UInt8(ascii: "\"") {
            let plain = JSONText(utf8: bytes, start..<index)
            index += 1
            return plain
        }
        var text = Array(bytes[start..<index])
        while true {
            let byte = try peek()
            switch byte {
            case UInt8(ascii: "\""):
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

    /// The first byte from `start` on that ends a string or is more than a plain ASCII character.
    func endOfPlainText(from start: Int) -> Int {
        let source = bytes.span
        var place = start
        while place < source.count {
            let byte = source[place]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 || byte >= 0x80 { break }
            place += 1
        }
        return place
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        let start = index
        index += 1
        let letter = try peek()
        index += 1
        if letter != UInt8(ascii: "\""), letter != UInt8(ascii: "\\") { isCanonical = false }
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            let scalar = try JSONScalar.escaped(bytes, &index, start)
            text.append(contentsOf: String(Character(scalar)).utf8)
        default: throw JSONError(.malformedEscape, at: start)
        }
    }

    // MARK: Bytes

    private mutating func skipWhiteSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x0A, 0x0D, 0x09:
                isCanonical = false
                index += 1
            default: return
            }
        }
    }

    private func peek() throws(JSONError) -> UInt8 {
        guard index < bytes.count else { throw JSONError(.truncated, at: index) }
        return bytes[index]
    }

    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard try peek() == byte else { throw JSONError(.unexpectedByte, at: index) }
        index += 1
    }
}

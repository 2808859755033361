/// Checking without reading: the values of an object are stepped over, and nothing is allocated for them.
extension JSONParser {
    /// Steps over an object that is written in canonical form with plain ASCII strings only, and checks all that reading it would.
    ///
    /// Nil, without a step, for anything else, errors included: then it must be read, which says what is wrong.
    mutating func unreadObject() -> JSONObject? {
        guard index < bytes.count, bytes[index] == UInt8(ascii: "{") else { return nil }
        let (start, itemsBefore) = (index, items)
        guard skipValue(depth) else {
            index = start
            items = itemsBefore
            return nil
        }
        return JSONObject(unread: JSONText(utf8: bytes, start..<index))
    }

    /// `depth` is how many arrays and objects are open around the value.
    private mutating func skipValue(_ depth: Int) -> Bool {
        items += 1
        guard items <= limits.items, index < bytes.count else { return false }
        switch bytes[index] {
        case UInt8(ascii: "{"): return depth < limits.depth && skipObject(depth + 1)
        case UInt8(ascii: "["): return depth < limits.depth && skipArray(depth + 1)
        case UInt8(ascii: "\""): return skipString() != nil
        case UInt8(ascii: "t"): return skip("true")
        case UInt8(ascii: "f"): return skip("false")
        case UInt8(ascii: "n"): return skip("null")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            do {
                // What it takes has one form only, the canonical one.
                _ = try integer()
                return true
            } catch {
                return false
            }
        default: return false
        }
    }

    private mutating func skipObject(_ depth: Int) -> Bool {
        index += 1
        if skip(UInt8(ascii: "}")) { return true }
        var before: Range<Int>?
        while true {
            guard let name = skipString() else { return false }
            // Strictly ascending: sorted, and none twice.
            if let before, ByteSpan.order(bytes.span.extracting(before), bytes.span.extracting(name)) >= 0 {
                return false
            }
            before = name
            guard skip(UInt8(ascii: ":")), skipValue(depth) else { return false }
            if skip(UInt8(ascii: "}")) { return true }
            guard skip(UInt8(ascii: ",")) else { return false }
        }
    }

    private mutating func skipArray(_ depth: Int) -> Bool {
        index += 1
        if skip(UInt8(ascii: "]")) { return true }
        while true {
            guard skipValue(depth) else { return false }
            if skip(UInt8(ascii: "]")) { return true }
            guard skip(UInt8(ascii: ",")) else { return false }
        }
    }

    /// Steps over a string of plain ASCII without escapes; gives the place of its text.
    private mutating func skipString() -> Range<Int>? {
        guard skip(UInt8(ascii: "\"")) else { return nil }
        let start = index
        index = endOfPlainText(from: start)
        let end = index
        return skip(UInt8(ascii: "\"")) ? start..<end : nil
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func skip(_ word: StaticString) -> Bool {
        for letter in word.description.utf8 where !skip(letter) { return false }
        return true
    }
}

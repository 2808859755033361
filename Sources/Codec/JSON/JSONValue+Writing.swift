extension JSONValue {
    /// The canonical form (OLPC) that TUF's signatures and key ids are made over.
    ///
    /// UTF-8, names by code point, no white space, and only `"` and `\` escaped: everything else, control characters
    /// included, is raw and nothing is normalised. It is no JSON text where a string holds a control character.
    package var canonicalForm: [UInt8] {
        var bytes: [UInt8] = []
        writeCanonical(into: &bytes)
        return bytes
    }

    /// Appends the canonical form.
    package func writeCanonical(into bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let bool): bytes.append(contentsOf: bool ? "true".utf8 : "false".utf8)
        case .integer(let integer): bytes.append(contentsOf: String(integer).utf8)
        case .unsigned(let integer): bytes.append(contentsOf: String(integer).utf8)
        case .string(let text): Self.writeCanonical(text, into: &bytes)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            var first = true
            for element in elements {
                if !first { bytes.append(UInt8(ascii: ",")) }
                first = false
                element.writeCanonical(into: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            if let text = object.unreadText { return text.withBytes { ByteSpan.append($0, to: &bytes) } }
            bytes.append(UInt8(ascii: "{"))
            for place in 0..<object.count {
                if place > 0 { bytes.append(UInt8(ascii: ",")) }
                let member = object.sortedMember(place)
                Self.writeCanonical(member.name, into: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.writeCanonical(into: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func writeCanonical(_ text: JSONText, into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        text.withBytes { source in
            if needsEscape(source) {
                for index in source.indices {
                    let byte = source[index]
                    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
                    bytes.append(byte)
                }
            } else {
                ByteSpan.append(source, to: &bytes)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func needsEscape(_ bytes: Span<UInt8>) -> Bool {
        var place = 0
        while place < bytes.count {
            if bytes[place] == UInt8(ascii: "\"") || bytes[place] == UInt8(ascii: "\\") { return true }
            place += 1
        }
        return false
    }

    /// Valid JSON text: members in their order, only what must be escaped is; on one line, or indented for people by two spaces a level.
    ///
    /// Byte for byte what Foundation's `JSONEncoder` writes `withoutEscapingSlashes`, and `prettyPrinted` when indented: files that were
    /// written by it and are written by this do not differ.
    package func text(indented: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        write(into: &bytes, level: indented ? 0 : nil)
        return bytes
    }

    private func write(into bytes: inout [UInt8], level: Int?) {
        switch self {
        case .null, .bool, .integer, .unsigned: writeCanonical(into: &bytes)
        case .string(let text): Self.write(text, into: &bytes)
        case .array(let elements):
            Self.write(into: &bytes, "[", "]", elements, level) { element, bytes, inner in
                element.write(into: &bytes, level: inner)
            }
        case .object(let object):
            Self.write(into: &bytes, "{", "}", object.members, level) { member, bytes, inner in
                Self.write(member.name, into: &bytes)
                bytes.append(contentsOf: (inner == nil ? ":" : " : ").utf8)
                member.value.write(into: &bytes, level: inner)
            }
        }
    }

    private static func write<Element>(
        into bytes: inout [UInt8], _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ elements: [Element],
        _ level: Int?, _ one: (Element, inout [UInt8], Int?) -> Void
    ) {
        bytes.append(UInt8(ascii: open))
        let inner = level.map { $0 + 1 }
        newLine(into: &bytes, elements.isEmpty ? inner.map { _ in 0 } : inner)
        var first = true
        for element in elements {
            if !first {
                bytes.append(UInt8(ascii: ","))
                newLine(into: &bytes, inner)
            }
            first = false
            one(element, &bytes, inner)
        }
        newLine(into: &bytes, level)
        bytes.append(UInt8(ascii: close))
    }

    private static func newLine(into bytes: inout [UInt8], _ level: Int?) {
        guard let level else { return }
        bytes.append(0x0A)
        bytes.append(contentsOf: repeatElement(0x20, count: 2 * level))
    }

    private static func write(_ text: JSONText, into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        text.withBytes { source in
            for index in source.indices {
                let byte = source[index]
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
                case 0x08: bytes.append(contentsOf: "\\b".utf8)
                case 0x09: bytes.append(contentsOf: "\\t".utf8)
                case 0x0A: bytes.append(contentsOf: "\\n".utf8)
                case 0x0C: bytes.append(contentsOf: "\\f".utf8)
                case 0x0D: bytes.append(contentsOf: "\\r".utf8)
                case 0..<0x20:
                    bytes.append(contentsOf: (byte < 0x10 ? "\\u000" : "\\u00").utf8)
                    bytes.append(contentsOf: String(byte, radix: 16).utf8)
                default: bytes.append(byte)
                }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

/// Writes CBOR in its one deterministic form (RFC 8949 §4.2.1): shortest heads and floats, definite lengths, map keys
/// ascending by their encoded bytes. The same value gives the same bytes on every machine, so they may be signed and compared.
///
/// The caller builds the tree, so its depth is the caller's; a map with two equal keys is a mistake of the program and traps.
package enum CBOREncoder {
    /// The encoding of an item.
    package static func encode(_ item: CBOR) -> [UInt8] {
        var output: [UInt8] = []
        append(item, to: &output)
        return output
    }

    /// Appends the encoding of an item.
    package static func append(_ item: CBOR, to output: inout [UInt8]) {
        switch item {
        case .unsigned(let value): appendHead(0, value, to: &output)
        case .negative(let value): appendHead(1, value, to: &output)
        case .bytes(let value):
            appendHead(2, UInt64(value.count), to: &output)
            output.append(contentsOf: value)
        case .text(let value):
            appendHead(3, UInt64(value.utf8.count), to: &output)
            output.append(contentsOf: value.utf8)
        case .array(let items):
            appendHead(4, UInt64(items.count), to: &output)
            for item in items { append(item, to: &output) }
        case .map(let pairs): appendMap(pairs, to: &output)
        case .tagged(let tag, let item):
            appendHead(6, tag, to: &output)
            append(item, to: &output)
        case .bool(let value): output.append(value ? 0xf5 : 0xf4)
        case .null: output.append(0xf6)
        case .undefined: output.append(0xf7)
        case .simple(let value): appendSimple(value, to: &output)
        case .float(let value): appendFloat(value, to: &output)
        }
    }

    private static func appendHead(_ major: UInt8, _ value: UInt64, to output: inout [UInt8]) {
        let type = major << 5
        switch value {
        case 0..<24: output.append(type | UInt8(value))
        case 24...0xff:
            output.append(type | 24)
            output.append(UInt8(value))
        case 0x100...0xffff:
            output.append(type | 25)
            appendBigEndian(value, bytes: 2, to: &output)
        case 0x1_0000...0xffff_ffff:
            output.append(type | 26)
            appendBigEndian(value, bytes: 4, to: &output)
        default:
            output.append(type | 27)
            appendBigEndian(value, bytes: 8, to: &output)
        }
    }

    private static func appendBigEndian(_ value: UInt64, bytes: Int, to output: inout [UInt8]) {
        for index in stride(from: bytes - 1, through: 0, by: -1) {
            output.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index)))
        }
    }

    private static func appendMap(_ pairs: [CBORPair], to output: inout [UInt8]) {
        appendHead(5, UInt64(pairs.count), to: &output)
        var entries = pairs.map { (key: encode($0.key), value: $0.value) }
        entries.sort { $0.key.lexicographicallyPrecedes($1.key) }
        var previous: [UInt8]?
        for entry in entries {
            precondition(entry.key != previous, "a CBOR map with two equal keys")
            output.append(contentsOf: entry.key)
            append(entry.value, to: &output)
            previous = entry.key
        }
    }

    private static func appendSimple(_ value: UInt8, to output: inout [UInt8]) {
        precondition(value < 20 || value > 31, "a CBOR simple value that has no encoding of its own")
        if value < 24 {
            output.append(0xe0 | value)
        } else {
            output.append(0xf8)
            output.append(value)
        }
    }

    private static func appendFloat(_ value: Double, to output: inout [UInt8]) {
        if value.isNaN {
            output.append(contentsOf: [0xf9, 0x7e, 0x00])
        } else if let half = CBORFloat.half(exactly: value) {
            output.append(0xf9)
            appendBigEndian(UInt64(half), bytes: 2, to: &output)
        } else if Double(Float(value)) == value {
            output.append(0xfa)
            appendBigEndian(UInt64(Float(value).bitPattern), bytes: 4, to: &output)
        } else {
            output.append(0xfb)
            appendBigEndian(value.bitPattern, bytes: 8, to: &output)
        }
    }
}

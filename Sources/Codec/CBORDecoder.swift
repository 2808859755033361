/// Reads one CBOR item from untrusted bytes.
///
/// | initial byte | 7…5 major type | 4…0 additional information |
/// |---|---|---|
/// | 0…23 | the value or length itself | |
/// | 24, 25, 26, 27 | 1, 2, 4, 8 bytes follow, big endian | |
/// | 28…30 | refused | |
/// | 31 | indefinite length or break | lenient form only |
///
/// Refuses in both forms: truncation, trailing bytes, duplicate keys, text that is not UTF-8, anything over `CBORLimits`.
/// No count or length of the input leads to an allocation before the bytes that it promises are known to be there.
package struct CBORDecoder: Sendable {
    /// What is taken beyond the limits.
    package enum Form: Sendable {
        /// Only what `CBOREncoder` writes (RFC 8949 §4.2.1): what is signed or compared has one encoding.
        case deterministic
        /// Anything well-formed.
        case lenient
    }

    package let limits: CBORLimits
    package let form: Form

    package init(limits: CBORLimits, form: Form = .deterministic) {
        self.limits = limits
        self.form = form
    }

    /// The one item that the bytes hold.
    package func decode(_ input: Span<UInt8>) throws(CBORError) -> CBOR {
        guard input.count <= limits.bytes else { throw .tooLarge(offset: limits.bytes) }
        var reader = Reader(itemsLeft: limits.items)
        let item = try decodeItem(input, &reader, depth: 1)
        guard reader.offset == input.count else { throw .trailingBytes(offset: reader.offset) }
        return item
    }

    /// The one item that the bytes hold.
    package func decode(_ input: [UInt8]) throws(CBORError) -> CBOR {
        try decode(input.span)
    }

    private struct Reader {
        var offset = 0
        var itemsLeft: Int
    }

    private struct Head {
        var offset: Int
        var major: UInt8
        var info: UInt8
        /// The value, length, count or bits; 0 when `isIndefinite`.
        var value: UInt64
        var isIndefinite: Bool { info == 31 }
    }

    private static let breakByte: UInt8 = 0xff

    private func decodeItem(_ input: Span<UInt8>, _ reader: inout Reader, depth: Int) throws(CBORError) -> CBOR {
        guard depth <= limits.depth else { throw .tooDeep(offset: reader.offset) }
        guard reader.itemsLeft > 0 else { throw .tooLarge(offset: reader.offset) }
        reader.itemsLeft -= 1
        let head = try readHead(input, &reader)
        switch head.major {
        case 0: return .unsigned(head.value)
        case 1: return .negative(head.value)
        case 2: return .bytes(try readString(head, input, &reader))
        case 3: return .text(try readText(head, input, &reader))
        case 4: return .array(try readArray(head, input, &reader, depth: depth))
        case 5: return .map(try readMap(head, input, &reader, depth: depth))
        case 6: return .tagged(head.value, try decodeItem(input, &reader, depth: depth + 1))
        default: return try simpleOrFloat(head)
        }
    }

    private func readHead(_ input: Span<UInt8>, _ reader: inout Reader) throws(CBORError) -> Head {
        let start = reader.offset
        let initial = try readByte(input, &reader)
        var head = Head(offset: start, major: initial >> 5, info: initial & 0x1f, value: 0)
        switch head.info {
        case 0..<24: head.value = UInt64(head.info)
        case 24...27:
            let length = 1 << Int(head.info - 24)
            for _ in 0..<length { head.value = head.value << 8 | UInt64(try readByte(input, &reader)) }
            // The shortest form cannot have said it with half the bytes; floats have a rule of their own.
            let least: [UInt64] = [24, 0x100, 0x1_0000, 0x1_0000_0000]
            if form == .deterministic, head.major != 7, head.value < least[Int(head.info - 24)] {
                throw .notDeterministic(offset: start)
            }
        case 31:
            guard (2...5).contains(head.major) else { throw .illFormed(offset: start) }
            guard form == .lenient else { throw .notDeterministic(offset: start) }
        default: throw .illFormed(offset: start)
        }
        return head
    }

    private func readByte(_ input: Span<UInt8>, _ reader: inout Reader) throws(CBORError) -> UInt8 {
        guard reader.offset < input.count else { throw .truncated(offset: reader.offset) }
        defer { reader.offset += 1 }
        return input[reader.offset]
    }

    /// True, and the break is taken, when an indefinite-length item ends here.
    private func readBreak(_ input: Span<UInt8>, _ reader: inout Reader) throws(CBORError) -> Bool {
        guard reader.offset < input.count else { throw .truncated(offset: reader.offset) }
        guard input[reader.offset] == CBORDecoder.breakByte else { return false }
        reader.offset += 1
        return true
    }

    private func readString(
        _ head: Head, _ input: Span<UInt8>, _ reader: inout Reader
    ) throws(CBORError) -> [UInt8] {
        guard head.isIndefinite else { return try readChunk(head, input, &reader) }
        var whole: [UInt8] = []
        while try !readBreak(input, &reader) {
            whole += try readChunk(try readChunkHead(of: head, input, &reader), input, &reader)
        }
        return whole
    }

    private func readText(_ head: Head, _ input: Span<UInt8>, _ reader: inout Reader) throws(CBORError) -> String {
        guard head.isIndefinite else { return try text(try readChunk(head, input, &reader), at: head) }
        var whole = ""
        while try !readBreak(input, &reader) {
            // Every chunk must be UTF-8 by itself (RFC 8949 §3.2.3).
            let chunk = try readChunkHead(of: head, input, &reader)
            whole += try text(try readChunk(chunk, input, &reader), at: chunk)
        }
        return whole
    }

    private func readChunkHead(
        of whole: Head, _ input: Span<UInt8>, _ reader: inout Reader
    ) throws(CBORError) -> Head {
        guard reader.itemsLeft > 0 else { throw .tooLarge(offset: reader.offset) }
        reader.itemsLeft -= 1
        let chunk = try readHead(input, &reader)
        guard chunk.major == whole.major, !chunk.isIndefinite else { throw .illFormed(offset: chunk.offset) }
        return chunk
    }

    private func readChunk(
        _ head: Head, _ input: Span<UInt8>, _ reader: inout Reader
    ) throws(CBORError) -> [UInt8] {
        guard head.value <= UInt64(limits.bytes) else { throw .tooLarge(offset: head.offset) }
        let length = Int(head.value)
        guard length <= input.count - reader.offset else { throw .truncated(offset: head.offset) }
        defer { reader.offset += length }
        return ByteSpan.array(input.extracting(reader.offset..<reader.offset + length))
    }

    private func text(_ bytes: [UInt8], at head: Head) throws(CBORError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .notUTF8(offset: head.offset) }
        return text
    }

    /// The count of a definite array or map, once the input is known to be long enough for so many items of a byte each.
    private func count(
        _ head: Head, itemsEach: UInt64, _ input: Span<UInt8>, _ reader: Reader
    ) throws(CBORError) -> Int {
        guard head.value <= UInt64(max(reader.itemsLeft, 0)) / itemsEach else { throw .tooLarge(offset: head.offset) }
        guard head.value <= UInt64(input.count - reader.offset) / itemsEach else {
            throw .truncated(offset: head.offset)
        }
        return Int(head.value)
    }

    private func readArray(
        _ head: Head, _ input: Span<UInt8>, _ reader: inout Reader, depth: Int
    ) throws(CBORError) -> [CBOR] {
        var items: [CBOR] = []
        if head.isIndefinite {
            while try !readBreak(input, &reader) {
                items.append(try decodeItem(input, &reader, depth: depth + 1))
            }
        } else {
            let count = try count(head, itemsEach: 1, input, reader)
            items.reserveCapacity(count)
            for _ in 0..<count { items.append(try decodeItem(input, &reader, depth: depth + 1)) }
        }
        return items
    }

    private func readMap(
        _ head: Head, _ input: Span<UInt8>, _ reader: inout Reader, depth: Int
    ) throws(CBORError) -> [CBORPair] {
        var map = MapReader()
        if head.isIndefinite {
            while try !readBreak(input, &reader) { try readPair(into: &map, input, &reader, depth: depth) }
        } else {
            let count = try count(head, itemsEach: 2, input, reader)
            map.pairs.reserveCapacity(count)
            for _ in 0..<count { try readPair(into: &map, input, &reader, depth: depth) }
        }
        return map.pairs
    }

    private struct MapReader {
        var pairs: [CBORPair] = []
        /// Lenient form: the deterministic encodings of the keys so far.
        var seen: Set<[UInt8]> = []
        /// Deterministic form: where the key before lies in the input.
        var previous: Range<Int>?
    }

    private func readPair(
        into map: inout MapReader, _ input: Span<UInt8>, _ reader: inout Reader, depth: Int
    ) throws(CBORError) {
        let start = reader.offset
        let key = try decodeItem(input, &reader, depth: depth + 1)
        switch form {
        case .lenient:
            guard map.seen.insert(CBOREncoder.encode(key)).inserted else { throw .duplicateKey(offset: start) }
        case .deterministic:
            let range = start..<reader.offset
            if let previous = map.previous {
                switch ByteSpan.order(input.extracting(previous), input.extracting(range)) {
                case 0: throw .duplicateKey(offset: start)
                case 1: throw .notDeterministic(offset: start)
                default: break
                }
            }
            map.previous = range
        }
        map.pairs.append(CBORPair(key, try decodeItem(input, &reader, depth: depth + 1)))
    }

    private func simpleOrFloat(_ head: Head) throws(CBORError) -> CBOR {
        switch head.info {
        case 20: return .bool(false)
        case 21: return .bool(true)
        case 22: return .null
        case 23: return .undefined
        case 0..<20: return .simple(head.info)
        case 24:
            // f800 … f81f are not well-formed (RFC 8949 §3.3).
            guard head.value >= 32 else { throw .illFormed(offset: head.offset) }
            return .simple(UInt8(truncatingIfNeeded: head.value))
        default: return .float(try float(head))
        }
    }

    private func float(_ head: Head) throws(CBORError) -> Double {
        let value: Double
        let isShortest: Bool
        switch head.info {
        case 25:
            value = CBORFloat.value(half: UInt16(truncatingIfNeeded: head.value))
            isShortest = !value.isNaN || head.value == 0x7e00
        case 26:
            value = Double(Float(bitPattern: UInt32(truncatingIfNeeded: head.value)))
            isShortest = !value.isNaN && CBORFloat.half(exactly: value) == nil
        default:
            value = Double(bitPattern: head.value)
            isShortest = !value.isNaN && Double(Float(value)) != value
        }
        guard isShortest || form == .lenient else { throw .notDeterministic(offset: head.offset) }
        return value
    }
}

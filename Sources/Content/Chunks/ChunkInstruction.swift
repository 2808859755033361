/// One instruction of a chunk delta: so many bytes that are written out, then so many that are copied from the old content.
///
/// Encoded as three numbers, seven bits a byte and the lowest first (LEB128), of at most seven bytes: the bytes written out; the bytes copied; and, where
/// there are any, how far their place in the old content is from the expected one, with the sign in the lowest bit (zigzag). Expected is the end
/// of the copy before plus the bytes written out since, since most changes replace bytes by as many others.
package struct ChunkInstruction: Hashable, Sendable {
    /// Bytes of the new content that are written out.
    package var literal: UInt64
    /// Bytes that are copied behind them; 0 for none.
    package var copy: UInt64
    /// Where in the old content they are; 0 where none are copied.
    package var source: UInt64

    package init(literal: UInt64, copy: UInt64, source: UInt64) {
        self.literal = literal
        self.copy = copy
        self.source = copy == 0 ? 0 : source
    }

    /// Bytes of the longest encoding.
    static let longest = 3 * longestNumber
    private static let longestNumber = 7

    /// Where the next instruction's copy is expected, when this one's was at `expected`.
    func expected(after expected: UInt64) -> UInt64 { copy > 0 ? source + copy : expected + literal }

    /// Appends the encoding; all numbers at most 2^40.
    func write(expected: UInt64, to bytes: inout [UInt8]) {
        Self.write(literal, to: &bytes)
        Self.write(copy, to: &bytes)
        guard copy > 0 else { return }
        let shift = Int64(clamping: source) - Int64(clamping: expected) - Int64(clamping: literal)
        Self.write(UInt64(bitPattern: shift << 1 ^ shift >> 63), to: &bytes)
    }

    /// Reads one from `at` on and steps behind it.
    ///
    /// - Parameters:
    ///   - expected: as `expected(after:)` gives it, below 2^42; zero at first.
    ///   - oldLength: a copy from beyond it is refused.
    ///   - room: what is left of the new content; more is refused, and so is an instruction that makes nothing.
    package init(
        _ bytes: [UInt8], at: inout Int, expected: UInt64, oldLength: UInt64, room: UInt64
    ) throws(ContentError) {
        literal = try Self.number(bytes, &at)
        copy = try Self.number(bytes, &at)
        guard literal <= room, copy <= room - literal else {
            throw ContentError(.malformed, "the chunk delta makes more bytes than its header says")
        }
        guard literal > 0 || copy > 0 else {
            throw ContentError(.malformed, "the chunk delta has an instruction that makes nothing")
        }
        guard copy > 0 else {
            source = 0
            return
        }
        let zigzag = try Self.number(bytes, &at)
        let shift = Int64(bitPattern: zigzag >> 1) ^ -Int64(bitPattern: zigzag & 1)
        // All three are below 2^49.
        let place = Int64(clamping: expected) + Int64(clamping: literal) + shift
        guard let place = UInt64(exactly: place), place <= oldLength, copy <= oldLength - place else {
            throw ContentError(.malformed, "the chunk delta copies from beyond the old content")
        }
        source = place
    }

    private static func write(_ number: UInt64, to bytes: inout [UInt8]) {
        var rest = number
        while rest > 0x7F {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    private static func number(_ bytes: [UInt8], _ at: inout Int) throws(ContentError) -> UInt64 {
        var number: UInt64 = 0
        for index in 0..<longestNumber {
            guard bytes.indices.contains(at) else {
                throw ContentError(.malformed, "the chunk delta has an instruction that is cut off")
            }
            let byte = bytes[at]
            at += 1
            number |= UInt64(byte & 0x7F) << UInt64(7 * index)
            guard byte & 0x80 != 0 else {
                // One way to write each number.
                guard byte != 0 || index == 0 else { break }
                return number
            }
        }
        throw ContentError(.malformed, "the chunk delta has a number that is too long")
    }
}

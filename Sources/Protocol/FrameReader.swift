import Codec

/// Cuts a stream of bytes, in whatever pieces they come, into frames.
///
/// Data frames are passed on piece by piece as ranges of the input and are never gathered. Other frames are used where they lie if
/// the input holds them whole, else gathered up to the limit of their type; memory grows with the bytes that have come, never
/// with the length that a header promises. Idle state: a few words, no buffer.
package struct FrameReader: Sendable {
    /// What was cut off the input.
    package enum Piece: Equatable, Sendable {
        /// Bytes of a data frame, which may be none; `isFirst` and `isLast` of this frame.
        case data(FrameHeader, Range<Int>, isFirst: Bool, isLast: Bool)
        /// A whole frame of another type, its payload in the input.
        case whole(FrameHeader, Range<Int>)
        /// A whole frame of another type; `takeGathered()` has the payload.
        case gathered(FrameHeader)
    }

    /// The frame whose payload is coming, nil between frames.
    private var current: FrameHeader?
    /// Bytes of its payload that have not come yet.
    private var left = 0
    /// Header bytes so far: bytes 0–7, bytes 8–11 and how many in all.
    private var high: UInt64 = 0
    private var low: UInt32 = 0
    private var headerCount = 0
    private var gathered: [UInt8] = []
    /// Until the peer's hello nothing else is taken, so that a stranger cannot make us gather more than one.
    package var takesOnlyHello = true

    package init() {}

    /// The next piece at `offset`, which moves past it; nil when the input is used up.
    package mutating func next(_ input: Span<UInt8>, _ offset: inout Int) throws(ProtocolError) -> Piece? {
        let header: FrameHeader
        let isFirst: Bool
        if let current {
            (header, isFirst) = (current, false)
        } else {
            guard let read = try readHeader(input, &offset) else { return nil }
            (header, isFirst) = (read, true)
            current = read
            left = Int(read.length)
        }
        let available = min(left, input.count - offset)
        if header.type == .data {
            guard isFirst || available > 0 else { return nil }
            return .data(header, take(available, &offset), isFirst: isFirst, isLast: left == 0)
        }
        if gathered.isEmpty, available == left { return .whole(header, take(available, &offset)) }
        ByteSpan.append(input.extracting(take(available, &offset)), to: &gathered)
        return current == nil ? .gathered(header) : nil
    }

    /// The payload of the frame that `next` gave as `gathered`, once.
    package mutating func takeGathered() -> [UInt8] {
        defer { gathered = [] }
        return gathered
    }

    private mutating func take(_ count: Int, _ offset: inout Int) -> Range<Int> {
        let range = offset..<offset + count
        offset += count
        left -= count
        if left == 0 { current = nil }
        return range
    }

    private mutating func readHeader(
        _ input: Span<UInt8>, _ offset: inout Int
    ) throws(ProtocolError) -> FrameHeader? {
        while headerCount < ProtocolLimits.headerLength {
            guard offset < input.count else { return nil }
            if headerCount < 8 {
                high = high << 8 | UInt64(input[offset])
            } else {
                low = low << 8 | UInt32(input[offset])
            }
            headerCount += 1
            offset += 1
        }
        headerCount = 0
        let header = try FrameHeader(high: high, low: low)
        guard !takesOnlyHello || header.type == .hello || header.type == .goAway else {
            throw ProtocolError(.unexpectedFrame, "a \(header.type) frame before hello")
        }
        return header
    }
}

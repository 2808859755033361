/// The kinds of frames of `axle/1`.
package enum FrameType: UInt8, CaseIterable, Sendable {
    case hello = 1
    /// One control message in deterministic CBOR.
    case message = 2
    /// Raw bulk bytes.
    case data = 3
    case credit = 4
    case ping = 5
    case pong = 6
    case goAway = 7
    case reset = 8

    /// The payload lengths that are taken.
    package var lengths: ClosedRange<Int> {
        switch self {
        case .hello: 1...ProtocolLimits.helloLength
        case .message: 1...ProtocolLimits.messageLength
        case .data: 0...ProtocolLimits.dataLength
        case .credit, .reset: 4...4
        case .ping, .pong: 8...8
        case .goAway: 1...ProtocolLimits.goAwayLength
        }
    }

    /// The flags that mean something.
    var flags: UInt8 {
        switch self {
        case .message: FrameHeader.openFlag | FrameHeader.endFlag
        case .data: FrameHeader.endFlag
        default: 0
        }
    }

    /// Whether the frame is about one stream (true), the session (false), or either (nil).
    var isOnStream: Bool? {
        switch self {
        case .message, .data, .reset: true
        case .credit: nil
        case .hello, .ping, .pong, .goAway: false
        }
    }
}

/// The 12 bytes before every frame's payload, integers big endian.
///
/// | bytes | field | refused |
/// |---|---|---|
/// | 0–3 | payload length | outside `FrameType.lengths` |
/// | 4 | type | unknown |
/// | 5 | flags: 1 open, 2 end | unknown bits |
/// | 6 | priority, counts on `open` | never |
/// | 7 | reserved | not 0 |
/// | 8–11 | stream | 0 or not 0 against the type, over `ProtocolLimits.lastStream` |
package struct FrameHeader: Equatable, Sendable {
    /// The first frame of a stream.
    package static let openFlag: UInt8 = 1
    /// The last frame of this direction of the stream.
    package static let endFlag: UInt8 = 2

    package let length: UInt32
    package let type: FrameType
    package let flags: UInt8
    package let priority: Priority
    package let stream: StreamID

    package init(
        length: UInt32, type: FrameType, flags: UInt8 = 0, priority: Priority = .control, stream: StreamID = StreamID(0)
    ) {
        self.length = length
        self.type = type
        self.flags = flags
        self.priority = priority
        self.stream = stream
    }

    package var isOpen: Bool { flags & FrameHeader.openFlag != 0 }
    package var isEnd: Bool { flags & FrameHeader.endFlag != 0 }

    /// Reads a header from two big-endian words: bytes 0–7 and bytes 8–11.
    package init(high: UInt64, low: UInt32) throws(ProtocolError) {
        let length = UInt32(truncatingIfNeeded: high >> 32)
        let flags = UInt8(truncatingIfNeeded: high >> 16)
        let number = UInt8(truncatingIfNeeded: high >> 24)
        guard let type = FrameType(rawValue: number) else {
            throw ProtocolError(.unknownFrame, "frame type \(number) is not in axle/1")
        }
        guard type.lengths.contains(Int(length)) else {
            throw ProtocolError(
                Int(length) > type.lengths.upperBound ? .frameTooLarge : .malformed,
                "a \(type) frame of \(length) bytes; \(type.lengths.lowerBound) to \(type.lengths.upperBound) are allowed"
            )
        }
        guard flags & ~type.flags == 0 else { throw ProtocolError(.malformed, "flags \(flags) on a \(type) frame") }
        guard high & 0xff == 0 else { throw ProtocolError(.malformed, "the reserved byte of a frame is not 0") }
        guard low <= ProtocolLimits.lastStream, type.isOnStream.map({ $0 == (low != 0) }) ?? true else {
            throw ProtocolError(.badStream, "a \(type) frame on stream \(low)")
        }
        self.init(
            length: length, type: type, flags: flags,
            priority: Priority(rawValue: UInt8(truncatingIfNeeded: high >> 8)),
            stream: StreamID(low))
    }

    /// Bytes 0–7 as a big-endian word.
    var high: UInt64 {
        UInt64(length) << 32 | UInt64(type.rawValue) << 24 | UInt64(flags) << 16 | UInt64(priority.rawValue) << 8
    }

    /// Appends the 12 bytes.
    package func append(to output: inout [UInt8]) {
        let high = high
        output.append(addingCapacity: ProtocolLimits.headerLength) { bytes in
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: high >> shift))
            }
            for shift in stride(from: UInt32(24), through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: stream.number >> shift))
            }
        }
    }
}

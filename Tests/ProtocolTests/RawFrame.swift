import Codec
import Model
import Protocol

/// Frames put together by hand, right or wrong, for playing a peer.
enum RawFrame {
    static func make(
        type: UInt8, flags: UInt8 = 0, priority: UInt8 = 0, reserved: UInt8 = 0, stream: UInt32 = 0,
        length: UInt32? = nil, _ payload: [UInt8] = []
    ) -> [UInt8] {
        bigEndian(length ?? UInt32(payload.count)) + [type, flags, priority, reserved] + bigEndian(stream) + payload
    }

    static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        stride(from: value.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    static func hello(_ hello: Hello) -> [UInt8] { make(type: 1, CBOREncoder.encode(hello.cbor)) }

    static func message(_ stream: UInt32, _ message: Message, isOpen: Bool = false, isEnd: Bool = true) -> [UInt8] {
        make(type: 2, flags: (isOpen ? 1 : 0) | (isEnd ? 2 : 0), stream: stream, CBOREncoder.encode(message.cbor))
    }

    static func data(_ stream: UInt32, _ bytes: [UInt8], isEnd: Bool = false) -> [UInt8] {
        make(type: 3, flags: isEnd ? 2 : 0, stream: stream, bytes)
    }

    static func credit(_ stream: UInt32, _ amount: UInt32) -> [UInt8] {
        make(type: 4, stream: stream, bigEndian(amount))
    }
    static func ping(_ number: UInt64) -> [UInt8] { make(type: 5, bigEndian(number)) }
    static func pong(_ number: UInt64) -> [UInt8] { make(type: 6, bigEndian(number)) }
    static func goAway(_ goAway: GoAway) -> [UInt8] { make(type: 7, CBOREncoder.encode(goAway.cbor)) }
    static func reset(_ stream: UInt32, _ code: UInt32 = 1) -> [UInt8] {
        make(type: 8, stream: stream, bigEndian(code))
    }

    /// The frames in a whole number of them: type, flags, stream, payload.
    static func split(_ bytes: [UInt8]) -> [(type: UInt8, flags: UInt8, stream: UInt32, payload: [UInt8])] {
        var frames: [(type: UInt8, flags: UInt8, stream: UInt32, payload: [UInt8])] = []
        var rest = bytes[...]
        while rest.count >= 12 {
            let head = Array(rest.prefix(12))
            let length = head[0..<4].reduce(0) { $0 << 8 | Int($1) }
            let stream = head[8..<12].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            rest = rest.dropFirst(12)
            frames.append((head[4], head[5], stream, Array(rest.prefix(length))))
            rest = rest.dropFirst(length)
        }
        return frames
    }

    /// The header of a frame that a caller of the session writes itself.
    static func header(_ frame: DirectFrame) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: frame.high >> UInt64(56 - 8 * $0)) }
            + (0..<4).map { UInt8(truncatingIfNeeded: frame.low >> UInt32(24 - 8 * $0)) }
    }
}

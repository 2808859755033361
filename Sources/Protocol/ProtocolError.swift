/// Why a session ends or a message is refused, as a code for programs and a sentence for people.
package struct ProtocolError: Error, Equatable, Sendable, CustomStringConvertible {
    package let code: SessionCode
    package let text: String

    package init(_ code: SessionCode, _ text: String) {
        self.code = code
        self.text = text
    }

    package var description: String { "\(code): \(text)" }
}

/// The code of a go-away: why a session ended. Numbers are stable; a number that this release does not know is `other`.
package enum SessionCode: Hashable, Sendable, CustomStringConvertible {
    /// Graceful: no new streams, the open ones are finished.
    case leaving
    /// A header, CBOR or field that the protocol does not allow.
    case malformed
    /// A frame over the limit of its type.
    case frameTooLarge
    /// A frame type that this version does not have.
    case unknownFrame
    /// A frame at a time when it is not allowed: before hello, hello twice, a second message on a stream.
    case unexpectedFrame
    /// A stream id of the wrong parity, used before, never opened, or one stream too many.
    case badStream
    /// More data than credit, or more credit than can be counted.
    case creditExceeded
    /// No protocol version in common.
    case noCommonVersion
    /// Silence, or no hello in time.
    case timedOut
    /// More pings, or more unread answers, than anyone needs.
    case flooded
    /// The peer is not (or no longer) welcome: role, fleet, revocation.
    case refused
    /// Too many peers; come back after `retryAfter`.
    case busy
    /// A fault of the side that says it.
    case internalFault
    /// A newer session of the same peer has taken this one's place.
    case replaced
    case other(UInt64)

    private static let known: [SessionCode] = [
        .leaving, .malformed, .frameTooLarge, .unknownFrame, .unexpectedFrame, .badStream, .creditExceeded,
        .noCommonVersion, .timedOut, .flooded, .refused, .busy, .internalFault, .replaced,
    ]

    /// The code of a number from the wire.
    package init(number: UInt64) {
        guard number < UInt64(SessionCode.known.count) else {
            self = .other(number)
            return
        }
        self = SessionCode.known[Int(number)]
    }

    /// The number on the wire.
    package var number: UInt64 {
        if case .other(let number) = self { return number }
        return UInt64(SessionCode.known.firstIndex(of: self) ?? 0)
    }

    package var description: String {
        switch self {
        case .leaving: "leaving"
        case .malformed: "malformed"
        case .frameTooLarge: "frameTooLarge"
        case .unknownFrame: "unknownFrame"
        case .unexpectedFrame: "unexpectedFrame"
        case .badStream: "badStream"
        case .creditExceeded: "creditExceeded"
        case .noCommonVersion: "noCommonVersion"
        case .timedOut: "timedOut"
        case .flooded: "flooded"
        case .refused: "refused"
        case .busy: "busy"
        case .internalFault: "internalFault"
        case .replaced: "replaced"
        case .other(let number): "code \(number)"
        }
    }
}

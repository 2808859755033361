package import Network
package import Protocol

/// Why a request, a transfer or a connection did not succeed.
package enum TransportError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The link is no more, or never was.
    case closed(LinkClosure)
    /// The peer answered with an error.
    case answered(ErrorReply)
    /// The peer cut the stream off.
    case reset(ResetCode)
    /// No answer, or no more data, in time.
    case timedOut
    /// Too many requests wait on this link.
    case full
    /// The peer answered something that does not fit the question.
    case unexpectedAnswer(String)
    /// Longer than the asker allows.
    case tooLong(length: UInt64, limit: UInt64)
    /// This side could not write what came; its own words.
    case consumerFailed(String)
    /// The work was called off.
    case cancelled
    /// No connection came about.
    case network(NetworkError)
    /// The peer is not who it has to be: trust, never to be retried without a look.
    case wrongPeer(String)

    package var description: String {
        switch self {
        case .closed(let closure): "the connection ended: \(closure.text)"
        case .answered(let reply): "\(reply.code): \(reply.text)"
        case .reset(let code): "the peer cut the transfer off (\(code))"
        case .timedOut: "no answer in time"
        case .full: "too many requests wait on this connection"
        case .unexpectedAnswer(let text): "the peer's answer does not fit: \(text)"
        case .tooLong(let length, let limit): "\(length) bytes are offered, at most \(limit) are taken"
        case .consumerFailed(let text): text
        case .cancelled: "cancelled"
        case .network(let error): error.description
        case .wrongPeer(let text): text
        }
    }
}

extension SessionCode {
    /// The connection broke without a word; never on the wire.
    package static let connectionLost = SessionCode.other(0xffff)
}

/// The code of an `error` reply. Numbers are stable; a number that this release does not know is `other`.
package enum RequestErrorCode: Hashable, Sendable, CustomStringConvertible {
    /// A message or value that the answering side does not know.
    case unsupported
    /// No such file, package, agent or token here.
    case notFound
    /// The asker may not: role, scope, a token that does not fit.
    case refused
    /// Too much to do; try again after `retryAfterSeconds`.
    case busy
    /// No room under the quota or on the disk; try again when there is.
    case full
    /// A field's value makes no sense.
    case invalid
    /// What was asked about is over: an expired order, a used token.
    case expired
    /// A fault of the answering side; nothing was done.
    case internalFault
    case other(UInt64)

    private static let known: [RequestErrorCode] = [
        .unsupported, .notFound, .refused, .busy, .full, .invalid, .expired, .internalFault,
    ]

    /// The code of a number from the wire; numbers begin with 1.
    package init(number: UInt64) {
        guard (1...UInt64(RequestErrorCode.known.count)).contains(number) else {
            self = .other(number)
            return
        }
        self = RequestErrorCode.known[Int(number) - 1]
    }

    /// The number on the wire.
    package var number: UInt64 {
        if case .other(let number) = self { return number }
        return UInt64((RequestErrorCode.known.firstIndex(of: self) ?? 0) + 1)
    }

    /// Whether the same request may succeed later.
    package var isRetryable: Bool {
        switch self {
        case .busy, .full, .internalFault: true
        case .unsupported, .notFound, .refused, .invalid, .expired, .other: false
        }
    }

    package var description: String {
        switch self {
        case .unsupported: "unsupported"
        case .notFound: "notFound"
        case .refused: "refused"
        case .busy: "busy"
        case .full: "full"
        case .invalid: "invalid"
        case .expired: "expired"
        case .internalFault: "internalFault"
        case .other(let number): "code \(number)"
        }
    }
}

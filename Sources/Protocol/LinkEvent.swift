package import Model

/// One connection to one peer as a daemon's core knows it; never used twice while the process runs.
package struct LinkID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let number: UInt64

    package init(_ number: UInt64) {
        self.number = number
    }

    package var description: String { "link \(number)" }

    package static func < (left: LinkID, right: LinkID) -> Bool { left.number < right.number }
}

/// One request on a link. The core numbers those that it sends, the transport those that come in; the two are told apart by the
/// event or effect that they stand in.
package struct RequestID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let number: UInt64

    package init(_ number: UInt64) {
        self.number = number
    }

    package var description: String { "request \(number)" }

    package static func < (left: RequestID, right: RequestID) -> Bool { left.number < right.number }
}

/// What happens on links, told to a daemon's core by the transport or by the simulation.
///
/// For one link: `opened` first, `closed` last. Every request of the core gets exactly one `reply` or `failed`, unless its link
/// closes first: `closed` stands for `failed` of all that are out.
package enum LinkEvent: Equatable, Sendable {
    /// A session with a peer that the transport has checked: certificate, role, revocation.
    case opened(LinkID, PeerIdentity, Hello)
    case closed(LinkID, LinkClosure)
    /// The peer asks; to be answered with `LinkEffect.reply`.
    case request(LinkID, RequestID, Message)
    /// The peer's answer, an `error` message among them.
    case reply(LinkID, RequestID, Message)
    /// There will be no answer; whether the peer has acted is not known.
    case failed(LinkID, RequestID, LinkFailure)

    /// The link on which it happens.
    package var link: LinkID {
        switch self {
        case .opened(let link, _, _), .closed(let link, _), .request(let link, _, _), .reply(let link, _, _),
            .failed(let link, _, _):
            link
        }
    }
}

/// Why a link is no more.
package struct LinkClosure: Equatable, Sendable {
    package var code: SessionCode
    /// For people.
    package var text: String
    /// The peer's wish, in seconds.
    package var retryAfterSeconds: UInt64?
    /// The peer said it, rather than we.
    package var isPeers: Bool

    package init(code: SessionCode, text: String, retryAfterSeconds: UInt64? = nil, isPeers: Bool = false) {
        self.code = code
        self.text = text
        self.retryAfterSeconds = retryAfterSeconds
        self.isPeers = isPeers
    }
}

/// Why a request got no answer.
package enum LinkFailure: Equatable, Sendable {
    /// The link was closed, or never was.
    case closed
    /// The peer cut the stream off.
    case reset(ResetCode)
    /// No answer in time.
    case timedOut
    /// Too many requests wait on this link already.
    case full
}

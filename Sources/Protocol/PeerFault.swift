/// An event of one peer that a daemon's core could not handle: nothing of it was kept, and it costs
/// that peer alone.
///
/// The shell tells it to the core in place of the event. The core names the peer in the log and
/// answers the request, or closes the link if there is nothing to answer.
package struct PeerFault: Equatable, Sendable {
    /// What can be answered.
    package enum Origin: Equatable, Sendable {
        case request(LinkID, RequestID)
        case link(LinkID)
        case join(JoinID)
    }

    package let origin: Origin
    /// The message's name, or what happened on the link.
    package let event: String
    /// Why it failed, for the log.
    package let reason: String

    package init(_ origin: Origin, event: String, reason: String) {
        self.origin = origin
        self.event = event
        self.reason = reason
    }

    /// The fault of an event on a link.
    package init(_ event: LinkEvent, _ error: any Error) {
        let (origin, name): (Origin, String) =
            switch event {
            case .opened(let link, _, _): (.link(link), "the start of a session")
            case .closed(let link, _): (.link(link), "the end of a session")
            case .request(let link, let request, let message): (.request(link, request), message.name)
            case .reply(let link, _, let message): (.link(link), "the answer \(message.name)")
            case .failed(let link, _, _): (.link(link), "a request without an answer")
            }
        self.init(origin, event: name, reason: "\(error)")
    }

    /// What the peer is told.
    package static let answer = "this request cannot be handled here and is left out; the log here says why"
}

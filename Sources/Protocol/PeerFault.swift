package import Model

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
        /// Whatever link this member has now.
        case member(NodeID)
        case join(JoinID)
    }

    package let origin: Origin
    /// The message's name, or what happened on the link.
    package let event: String
    /// Why it failed, for the log.
    package let reason: String
    /// Whose link it is, where the core cannot know it: the start of its session is what failed.
    package let peer: PeerIdentity?

    package init(_ origin: Origin, event: String, reason: String, peer: PeerIdentity? = nil) {
        self.origin = origin
        self.event = event
        self.reason = reason
        self.peer = peer
    }

    /// The fault of an event on a link.
    package init(_ event: LinkEvent, _ reason: String) {
        switch event {
        case .opened(let link, let peer, _):
            self.init(.link(link), event: "the start of a session", reason: reason, peer: peer)
        case .closed(let link, _): self.init(.link(link), event: "the end of a session", reason: reason)
        case .request(let link, let request, let message):
            self.init(.request(link, request), event: message.name, reason: reason)
        case .reply(let link, _, let message):
            self.init(.link(link), event: "the answer \(message.name)", reason: reason)
        case .failed(let link, _, _): self.init(.link(link), event: "a request without an answer", reason: reason)
        }
    }

    /// What the peer is told.
    package static let answer = "this request cannot be handled here and is left out; the log here says why"
}

/// An event of a daemon's core that a peer may have caused.
package protocol PeerCausedEvent: Sendable {
    /// The event that stands for one that was left out.
    static func faulted(_ fault: PeerFault) -> Self

    /// The fault of this event, which could not be handled for a reason; nil for an event of the
    /// daemon's own, which cannot be left out.
    func fault(_ reason: String) -> PeerFault?
}

extension PeerCausedEvent {
    /// The event that is handled in place of this one, which failed; throws its error where it cannot
    /// be left out. `say` gets a line for the journal.
    package func replacement(after error: any Error, _ say: (String) -> Void) throws -> Self {
        guard let fault = fault("\(error)") else { throw error }
        say("\(fault.event) of a peer could not be handled and was left out: \(error)")
        return .faulted(fault)
    }
}

/// What a daemon's core wants done on its links; the transport or the simulation does it, in order for each link.
package enum LinkEffect: Equatable, Sendable {
    /// Asks the peer; the core chooses the number, which is not used twice on a link.
    case request(LinkID, RequestID, Message, Priority)
    /// Answers the peer's request. Nothing happens if the link or the request is gone.
    case reply(LinkID, RequestID, Message)
    /// Ends the link: `SessionCode.leaving` lets open streams finish, any other ends it at once.
    case close(LinkID, SessionCode, String)
}

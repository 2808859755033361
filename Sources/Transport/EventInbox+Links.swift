package import Protocol
package import System

extension EventInbox where Sender == LinkID {
    /// When it is worth asking again what was answered busy.
    private static var retryAfterSeconds: UInt64 { 5 }

    /// Puts in what a peer said, made an event by `wrap`; says besides whether its link may be read
    /// from on.
    ///
    /// Beyond the sender's share a request is answered busy, and in the place of a reply the core
    /// hears that its request is to be repeated: this side asked, so there are no more of these
    /// than it has requests under way.
    package func put(
        _ event: LinkEvent, bytes: Int, over links: Links, _ wrap: (LinkEvent) -> Event
    ) -> (isFirst: Bool, mayGoOn: Bool) {
        let (isFirst, admission) = put(wrap(event), from: event.link, bytes: bytes)
        switch admission {
        case .accepted: return (isFirst, true)
        case .acceptedLast: return (isFirst, false)
        case .refused: break
        }
        switch event {
        case .request(let link, let request, _):
            links.perform(.reply(link, request, .error(Self.busy("too many messages wait here"))))
            return (false, false)
        case .reply(let link, let request, _):
            let reply = Message.error(Self.busy("the answer came while too many messages waited here"))
            return (put(wrap(.reply(link, request, reply))), false)
        case .opened, .closed, .failed:
            return (put(wrap(event)), false)
        }
    }

    private static func busy(_ text: String) -> ErrorReply {
        ErrorReply(code: .busy, text: text, retryAfterSeconds: retryAfterSeconds)
    }
}

import Model
import Protocol

/// What the spoke passes to the hub unread and answers as the hub does: joins and renewals.
///
/// Both are signed or proved end to end, so the spoke can only drop them. Keeps which sessions have
/// a renewal on its way.
struct Relays {
    /// Agents' sessions with a renewal on its way to the hub.
    private var renewing: Set<LinkID> = []

    /// Passes an agent's renewal to the hub, which alone decides.
    ///
    /// One for each session at a time, and an agent's own only, so that nobody takes the others'
    /// places on the way.
    mutating func renew(
        _ renew: Renew, _ agent: NodeID, _ link: LinkID, _ request: RequestID, _ turn: inout SpokeTurn
    ) {
        guard renew.node == agent else {
            return turn.refuse(link, request, .refused, "an agent renews its own certificate only")
        }
        guard renewing.insert(link).inserted else {
            return turn.refuse(
                link, request, .busy, "a renewal of this agent is on its way already", retryAfter: 30)
        }
        guard let hub = turn.hub else {
            renewing.remove(link)
            return turn.refuse(link, request, .busy, "the hub cannot be reached from here now", retryAfter: 300)
        }
        turn.ask(hub, .renew(renew), .renewal(link, request))
    }

    mutating func renewalAnswered(
        _ link: LinkID, _ request: RequestID, _ message: Message, _ turn: inout SpokeTurn
    ) {
        renewing.remove(link)
        turn.reply(link, request, message)
    }

    mutating func renewalFailed(_ link: LinkID, _ request: RequestID, _ turn: inout SpokeTurn) {
        renewing.remove(link)
        turn.refuse(link, request, .busy, "the connection to the hub broke; try again", retryAfter: 30)
    }

    /// Passes a joining agent's message to the hub, which alone decides; the spoke cannot read or
    /// change what is proved.
    static func join(_ join: JoinID, _ message: Message, _ turn: inout SpokeTurn) {
        switch message {
        case .joinBegin, .joinRequest, .renew: break
        default:
            let error = ErrorReply(code: .refused, text: "only joining and renewing are possible without a certificate")
            return turn.effect(.answerJoin(join, .error(error)))
        }
        guard let hub = turn.hub, turn.requests.joins < SpokeLimits.joins else {
            let text =
                turn.hub == nil
                ? "the hub cannot be reached from here now; try again" : "too many machines join at once"
            let error = ErrorReply(code: .busy, text: text, retryAfterSeconds: 10)
            return turn.effect(.answerJoin(join, .error(error)))
        }
        turn.ask(hub, message, .join(join))
    }

    static func joinFailed(_ join: JoinID, _ turn: inout SpokeTurn) {
        let text = "the connection to the hub broke; try again"
        turn.effect(.answerJoin(join, .error(ErrorReply(code: .busy, text: text, retryAfterSeconds: 5))))
    }
}

import Model
import Protocol

/// What the hub signs about the fleet itself: who is revoked, which roots are believed. The spoke
/// keeps it, obeys it and passes it on to its agents as it is. It has no memory of its own.
enum SignedLists {
    /// The shell has looked at an anchor set and, where it is good, keeps it.
    static func anchorsChecked(
        _ refusal: String?, signed: [UInt8], _ link: LinkID, _ request: RequestID, _ sessions: AgentSessions,
        _ turn: inout SpokeTurn
    ) throws {
        if let refusal {
            try turn.log(.error, .attackSeen, "", "an anchor set was refused: \(refusal)")
            return turn.refuse(link, request, .refused, refusal)
        }
        let isNew = try turn.store.setting(.anchors) != signed
        try turn.store.set(.anchors, to: signed)
        turn.reply(link, request, .ok(OK()))
        if isNew { passOn(.anchors(Anchors(signed: signed)), .anchors, sessions, &turn) }
    }

    /// Tells every agent that is here something new.
    static func passOn(
        _ message: Message, _ list: SignedList, _ sessions: AgentSessions, _ turn: inout SpokeTurn
    ) {
        for (agent, link) in sessions.adopted { turn.tell(link, message, .signedList(list, agent)) }
    }

    /// Tells an agent that has just come what the hub has signed about the fleet.
    static func tell(_ agent: NodeID, _ link: LinkID, _ turn: inout SpokeTurn) throws {
        if let signed = try turn.store.setting(.revocations) {
            turn.ask(link, .revocations(Revocations(signed: signed)), .signedList(.revocations, agent))
        }
        if let signed = try turn.store.setting(.anchors) {
            turn.ask(link, .anchors(Anchors(signed: signed)), .signedList(.anchors, agent))
        }
    }
}

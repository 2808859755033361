import Model
import Protocol
import Trust

/// The revocation list that holds here, and the watch over its age.
///
/// The list is in the store. Keeps in memory when an old one is an alarm.
struct RevocationWatch {
    /// When an old list is an alarm (again); nil until it is looked up.
    private var alarm: UnixTime?

    /// The shell has looked at a list of the hub.
    mutating func checked(
        _ outcome: RevocationOutcome, signed: [UInt8], _ link: LinkID, _ request: RequestID,
        _ sessions: inout AgentSessions, _ turn: inout SpokeTurn
    ) throws {
        switch outcome {
        case .refused(let why):
            try turn.log(.error, .attackSeen, "", "a revocation list was refused: \(why)")
            turn.refuse(link, request, .refused, why)
        case .accepted(let revoked):
            let isNew = try turn.store.setting(.revocations) != signed
            try turn.store.set(.revocations, to: signed)
            alarm = nil
            try sessions.drop(revoked, &turn)
            turn.reply(link, request, .ok(OK()))
            if isNew {
                SignedLists.passOn(.revocations(Revocations(signed: signed)), .revocations, sessions, &turn)
            }
        case .failed(let why):
            turn.refuse(link, request, .busy, why, retryAfter: 30)
        }
    }

    /// An old list keeps known peers, and is an alarm: the hub is away for long, or somebody holds
    /// its lists back.
    mutating func settle(_ turn: inout SpokeTurn) throws {
        if alarm == nil {
            guard let signed = try turn.store.setting(.revocations) else { return }
            // The shell has checked it; one that cannot be read counts as very old.
            let issued = (try? RevocationList.readUnverified(signed).issued) ?? .zero
            alarm = issued + RenewalSchedule.listAge
        }
        guard let due = alarm, due <= turn.now else { return }
        try turn.log(
            .warning, .revocationsStale, "",
            "no revocation list has come for 15 days: known peers are kept; connect this site to its hub")
        alarm = turn.now + .seconds(86_400)
    }

    /// When to look again.
    func nextDue() -> UnixTime? { alarm }
}

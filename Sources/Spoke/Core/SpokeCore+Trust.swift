import Model
import Protocol
import Trust

/// What the hub signs about the fleet itself: who is revoked, which roots are believed. The spoke keeps it, obeys it and passes it on to its agents as it is.
extension SpokeCore {
    mutating func revoke(
        _ outcome: RevocationOutcome, signed: [UInt8], _ link: LinkID, _ request: RequestID, at now: UnixTime
    ) throws {
        switch outcome {
        case .refused(let why):
            try log(.error, .attackSeen, "", "a revocation list was refused: \(why)", at: now)
            refuse(link, request, .refused, why)
        case .accepted(let revoked):
            let isNew = try store.setting(.revocations) != signed
            try store.set(.revocations, to: signed)
            listAlarm = nil
            try drop(revoked, at: now)
            reply(link, request, .ok(OK()))
            if isNew { passOn(.revocations(Revocations(signed: signed)), .revocations) }
        case .failed(let why):
            refuse(link, request, .busy, why, retryAfter: 30)
        }
    }

    /// Forgets agents that are revoked and ends their sessions.
    mutating func drop(_ revoked: Set<NodeID>, at now: UnixTime) throws {
        for agent in revoked.sorted() {
            try store.removeAgent(agent)
            guard let link = agents[agent]?.link else { continue }
            close(link, .refused, "this certificate has been revoked")
            forgetAgent(on: link, at: now)
        }
    }

    /// The shell has looked at an anchor set and, where it is good, keeps it.
    mutating func anchorsChecked(
        _ refusal: String?, signed: [UInt8], _ link: LinkID, _ request: RequestID, at now: UnixTime
    ) throws {
        if let refusal {
            try log(.error, .attackSeen, "", "an anchor set was refused: \(refusal)", at: now)
            return refuse(link, request, .refused, refusal)
        }
        let isNew = try store.setting(.anchors) != signed
        try store.set(.anchors, to: signed)
        reply(link, request, .ok(OK()))
        if isNew { passOn(.anchors(Anchors(signed: signed)), .anchors) }
    }

    private mutating func passOn(_ message: Message, _ kind: FleetWord) {
        for agent in agents.keys.sorted() where agents[agent]?.isAdopted == true {
            supersede(.fleetWord(kind, agent))
            if let open = agents[agent] { ask(open.link, message, .fleetWord(kind, agent)) }
        }
    }

    /// Tells an agent that has just come what the hub has signed about the fleet.
    mutating func tellFleetWord(to agent: NodeID) throws {
        guard let open = agents[agent] else { return }
        if let signed = try store.setting(.revocations) {
            ask(open.link, .revocations(Revocations(signed: signed)), .fleetWord(.revocations, agent))
        }
        if let signed = try store.setting(.anchors) {
            ask(open.link, .anchors(Anchors(signed: signed)), .fleetWord(.anchors, agent))
        }
    }

    /// An old list keeps known peers, and is an alarm: the hub is away for long, or somebody holds its lists back. Gives when to look again.
    mutating func watchList(at now: UnixTime) throws -> UnixTime? {
        guard let signed = try store.setting(.revocations) else { return nil }
        if listAlarm == nil {
            // The shell has checked it; one that cannot be read is as good as very old.
            let issued = (try? RevocationList.readUnverified(signed).issued) ?? .zero
            listAlarm = issued + RenewalSchedule.listAge
        }
        guard let due = listAlarm, due <= now else { return listAlarm }
        try log(
            .warning, .revocationsStale, "",
            "no revocation list has come for 15 days: known peers are kept; connect this site to its hub", at: now)
        listAlarm = now + .seconds(86_400)
        return listAlarm
    }
}

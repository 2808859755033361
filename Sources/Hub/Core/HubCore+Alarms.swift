import Model
import Protocol
import Rollout

/// Conditions that events show and `axle status` names: copies of machines, restored backups, wrong clocks.
extension HubCore {
    /// Keeps an alarm, or notes that it is seen again; one that nobody is shown any more goes.
    mutating func alarm(_ subject: NodeID, _ code: WarningCode, _ text: String, at now: UnixTime) throws {
        try store.removeAlarms(seenBefore: now - HubLimits.alarmShown)
        let known = try store.alarm(of: subject, code)
        try store.putAlarm(
            AlarmRecord(
                subject: subject, code: code, began: known?.began ?? now, seen: now,
                text: Event.singleLine(text, limit: 512)))
    }

    /// The alarm of a client whose identity two machines used in the last day.
    func activeClone(_ client: NodeID, at now: UnixTime) throws -> AlarmRecord? {
        guard let alarm = try store.alarm(of: client, .machineCloned), now - alarm.seen < HubLimits.cloneAlarm else {
            return nil
        }
        return alarm
    }

    /// Two machines use the identity of a client: what counted as its success in rollouts that are not over is uncertain.
    mutating func noticeClone(_ client: ClientEntry, _ text: String, at now: UnixTime) throws {
        let isNew = try activeClone(client.id, at: now) == nil
        try alarm(client.id, .machineCloned, text, at: now)
        guard isNew else { return }
        for var action in try store.actions(of: client.id, limit: HubLimits.explainingActions)
        where action.state == .succeeded {
            guard let rollout = try store.rollout(action.rollout), !rollout.state.isFinal else { continue }
            action.notes = [Note(.machineCloned, Event.singleLine(text, limit: 512))]
            try move(&action, by: .identityShared, text, at: now)
        }
    }

    /// A spoke saw two processes with one identity at once. It may say so of its own agents only.
    mutating func spokeSawClone(_ message: EventMessage, at spoke: SpokeRecord, at now: UnixTime) throws {
        let parts = message.subject.split(separator: "/", maxSplits: 1)
        // Text that is no id names no client.
        guard parts.count == 2, parts[0] == "client", let id = try? NodeID(String(parts[1])),
            let client = try store.client(id), client.spoke == spoke.id, client.revoked == nil
        else { return }
        try noticeClone(client, "client \(client.name) at \(spoke.name): \(message.text)", at: now)
    }

    /// Writes down how far a member's clock is off, by a time that it showed just now.
    mutating func noteClock(of node: NodeID, shows time: UnixTime, at now: UnixTime) throws {
        guard var standing = try store.standing(of: node) else { return }
        let error = time - now
        let isWrong = error > HubLimits.clockError || error < .zero - HubLimits.clockError
        let known = standing.clockError
        standing.clockError =
            isWrong ? time.milliseconds.subtractingReportingOverflow(now.milliseconds).partialValue : 0
        guard standing.clockError != known else { return }
        try store.putStanding(standing)
    }
}

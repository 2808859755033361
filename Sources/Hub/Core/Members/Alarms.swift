import Model
import Protocol
import Rollout

/// Conditions that events show and `axle status` names: copies of machines, restored backups, wrong clocks.
enum Alarms {
    /// Keeps an alarm, or notes that it is seen again; one that nobody is shown any more goes.
    static func alarm(_ subject: NodeID, _ code: WarningCode, _ text: String, _ turn: inout HubTurn) throws {
        try turn.store.removeAlarms(seenBefore: turn.now - HubLimits.alarmShown)
        let known = try turn.store.alarm(of: subject, code)
        try turn.store.putAlarm(
            AlarmRecord(
                subject: subject, code: code, began: known?.began ?? turn.now, seen: turn.now,
                text: Event.singleLine(text, limit: 512)))
    }

    /// The alarm of a client whose identity two machines used in the last day.
    static func activeClone(_ client: NodeID, _ turn: HubTurn) throws -> AlarmRecord? {
        guard let alarm = try turn.store.alarm(of: client, .machineCloned), turn.now - alarm.seen < HubLimits.cloneAlarm
        else {
            return nil
        }
        return alarm
    }

    /// Two machines use the identity of a client: what counted as its success in rollouts that are not over is uncertain.
    static func noticeClone(_ client: ClientEntry, _ text: String, _ turn: inout HubTurn) throws {
        let isNew = try activeClone(client.id, turn) == nil
        try alarm(client.id, .machineCloned, text, &turn)
        guard isNew else { return }
        for var action in try turn.store.actions(of: client.id, limit: HubLimits.explainingActions)
        where action.state == .succeeded {
            guard let rollout = try turn.store.rollout(action.rollout), !rollout.state.isFinal else { continue }
            action.notes = [Note(.machineCloned, Event.singleLine(text, limit: 512))]
            try Actions.move(&action, by: .identityShared, text, &turn)
        }
    }

    /// A spoke saw two processes with one identity at once. It may say so of its own agents only.
    static func spokeSawClone(_ message: EventMessage, at spoke: SpokeRecord, _ turn: inout HubTurn) throws {
        let parts = message.subject.split(separator: "/", maxSplits: 1)
        // Text that is no id names no client.
        guard parts.count == 2, parts[0] == "client", let id = try? NodeID(String(parts[1])),
            let client = try turn.store.client(id), client.spoke == spoke.id, client.revoked == nil
        else { return }
        try noticeClone(client, "client \(client.name) at \(spoke.name): \(message.text)", &turn)
    }

    /// Writes down how far a member's clock is off, by a time that it showed just now.
    static func noteClock(of node: NodeID, shows time: UnixTime, _ turn: inout HubTurn) throws {
        guard var standing = try turn.store.standing(of: node) else { return }
        let error = time - turn.now
        let isWrong = error > HubLimits.clockError || error < .zero - HubLimits.clockError
        let known = standing.clockError
        standing.clockError =
            isWrong ? time.milliseconds.subtractingReportingOverflow(turn.now.milliseconds).partialValue : 0
        guard standing.clockError != known else { return }
        try turn.store.putStanding(standing)
    }
}

internal import Model
internal import Protocol
internal import Rollout
internal import Trust

/// The journal of actions: what every change of an action goes through.
enum Journal {
    /// Moves an action to a stage by an event, saves it and queues the report of it in the same
    /// transaction.
    static func move(
        _ record: inout ActionRecord, by event: AgentActionEvent, to stage: ActionStage, reasons: [Reason] = [],
        notes: [Note] = [], detail: String = "", attack: AttackSeen? = nil, _ turn: inout AgentTurn
    ) throws {
        guard AgentActionMachine.next(record.state, event) == stage.state else {
            return turn.log(.error, "\(event.rawValue) is not allowed while \(record.state.name)")
        }
        record.stage = stage
        if !detail.isEmpty { record.detail = Event.singleLine(detail, limit: 1024) }
        try turn.store.save(record)
        if stage.state.isFinal { turn.note(.factsDue) }
        try turn.report(record, reasons: reasons, notes: notes, detail: detail, attack: attack)
    }

    /// Refuses an action that cannot be trusted.
    static func refuseTrust(
        _ record: inout ActionRecord, _ why: String, attack: AttackCode?, _ turn: inout AgentTurn
    ) throws {
        let seen = attack.map { "attack seen, \($0.rawValue): " } ?? ""
        turn.log(.error, "\(seen)action \(record.id) is refused: \(why)")
        try move(
            &record, by: .refuse, to: record.stage.ended(.refused), reasons: [Reason(.trustFailed, why)], detail: why,
            attack: attack.map { AttackSeen($0, why) }, &turn)
    }

    /// The order of a record; it was verified before it was journalled, and is verified again.
    static func order(of record: ActionRecord, _ turn: AgentTurn) throws -> Order {
        do {
            return try Order.open(
                record.order, keys: [turn.identity.orderKey], verifier: turn.cryptography.verifier)
        } catch {
            throw AgentError(.storeDamaged, "the journalled order of \(record.id) cannot be verified: \(error)")
        }
    }

    /// Whether another action is changing the machine now.
    static func isAnyChanging(but action: ActionID, _ turn: AgentTurn) throws -> Bool {
        try turn.store.openActions().contains { $0.id != action && $0.state.isChanging }
    }
}

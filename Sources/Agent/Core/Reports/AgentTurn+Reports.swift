internal import Model
internal import Protocol
internal import Rollout
internal import Trust

/// The ways into the queue of signed reports, which is in the store; `Reports` sends what is in it.
extension AgentTurn {
    /// Queues the report of an action's state, in the transaction that changes it.
    mutating func report(
        _ record: ActionRecord, reasons: [Reason] = [], notes: [Note] = [], detail: String = "",
        attack: AttackSeen? = nil
    ) throws {
        try queueReport(record: record, reasons: reasons, notes: notes, detail: detail, attack: attack)
    }

    /// Logs that something was tried on this agent, and queues a report of it while the link's
    /// budget lasts.
    mutating func reportAttack(_ attack: AttackCode?, _ text: String) throws {
        guard let attack else { return log(.warning, text) }
        if attack == .hashMismatch {
            // A wrong hash tells damage from an attack no better on this machine than at the hub,
            // which decides.
            let damage = AttackSeen.bytesRefused(by: "this agent", text)
            log(.warning, "\(EventCode.bytesRefused.rawValue): \(damage)")
            guard attacks.takeRefusal() else { return }
        } else {
            log(.warning, "attack seen, \(attack.rawValue): \(text)")
            guard attacks.takeAttack() else { return }
        }
        try queueReport(detail: text, attack: AttackSeen(attack, text))
    }

    /// Signs a report and puts it at the end of the queue.
    mutating func queueReport(
        record: ActionRecord? = nil, reasons: [Reason] = [], notes: [Note] = [], facts: ClientFacts? = nil,
        detail: String = "", attack: AttackSeen? = nil, newestOrder: [UInt8]? = nil
    ) throws {
        let number = try store.takeReportCounter()
        let report = Report(
            agent: identity.id, incarnation: number.incarnation, counter: number.counter, time: now,
            fleet: identity.fleet, action: record?.id, state: record?.state, reasons: reasons, notes: notes,
            installed: try facts?.installed ?? store.installed(), facts: facts, attack: attack,
            detail: Event.singleLine(detail, limit: RecordLimits.text), orderSequence: record?.sequence,
            newestOrder: newestOrder.flatMap { $0.count <= RecordLimits.shownOrder ? $0 : nil })
        let signed = try report.shortened(to: RecordLimits.record).signed(by: cryptography.signer)
        try store.queue(QueuedReport(number: number, signed: signed))
        try store.setLastReport(now)
    }
}

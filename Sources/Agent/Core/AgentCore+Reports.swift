internal import Model
internal import Protocol
internal import Rollout
internal import Trust

extension AgentCore {
    /// How many actions are told again when the hub asks for it.
    static let actionsSaidAnew = 64
    static let sendRetry = RetryPolicy(first: .seconds(5), longest: .seconds(600), attempts: nil)

    /// Queues the signed report of an action's state, in the transaction that changes it.
    mutating func report(
        _ record: ActionRecord, reasons: [Reason] = [], notes: [Note] = [], detail: String = "",
        attack: AttackSeen? = nil
    ) throws {
        try queueReport(record: record, reasons: reasons, notes: notes, detail: detail, attack: attack)
    }

    /// Refusals of bytes that are reported on one link: the first has the spoke check its copy, and the
    /// second says that it was not the copy.
    static let refusalsReportedMost = 2

    /// Logs that something was tried on this agent, and queues a report of it; once on a link, so that an attacker cannot fill the
    /// queue.
    mutating func reportAttack(_ attack: AttackCode?, _ text: String) throws {
        guard let attack else {
            effects.append(.log(.warning, text))
            return
        }
        if attack == .hashMismatch {
            // A wrong hash tells damage from an attack no better on this machine than at the hub, which decides.
            let damage = AttackSeen.bytesRefused(by: "this agent", text)
            effects.append(.log(.warning, "\(EventCode.bytesRefused.rawValue): \(damage)"))
            guard refusalsReported < Self.refusalsReportedMost else { return }
            refusalsReported += 1
        } else {
            effects.append(.log(.warning, "attack seen, \(attack.rawValue): \(text)"))
            guard !attackReported else { return }
            attackReported = true
        }
        try queueReport(detail: text, attack: AttackSeen(attack, text))
    }

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
        try store.queue(
            QueuedReport(number: number, signed: try report.shortened(to: RecordLimits.record).signed(by: signer)))
        try store.setLastReport(now)
    }

    /// Begins a new incarnation and says everything that the hub may have missed: facts, open actions and those that ended last.
    mutating func reportAnew() throws {
        try store.setIncarnation(random.next() >> 2 | 1)
        try store.setReportedFacts(nil)
        factsDue = machineNow
        for record in try store.lastActions(limit: Self.actionsSaidAnew) { try report(record, detail: record.detail) }
        effects.append(.log(.notice, "the hub asked to hear everything anew"))
    }

    /// Sends the oldest report that the spoke has not acknowledged; gives the machine's time to try again, if it waits for time.
    mutating func sendReports() throws -> UnixTime? {
        guard let link, sending == nil, let oldest = try store.queuedReports(limit: 1).first else { return nil }
        guard sendNotBefore <= machineNow else { return sendNotBefore }
        let request = RequestID(nextRequest)
        nextRequest += 1
        sending = (request, oldest.number)
        let message = ReportMessage(
            agent: identity.id, incarnation: oldest.number.incarnation, counter: oldest.number.counter,
            signed: oldest.signed)
        effects.append(.link(.request(link, request, .report(message), .control)))
        return nil
    }

    /// The spoke has answered a report: it is durable there, or it is to be sent again later.
    mutating func reportAnswered(_ number: ReportNumber, _ message: Message) throws {
        switch message {
        case .ok:
            sending = nil
            sendFailures = 0
            try store.removeReport(number)
            if !isConfirmed {
                isConfirmed = true
                effects.append(.confirmTrial)
            }
        case .error(let error) where error.code == .invalid || error.code == .unsupported:
            // It can never be taken as it is, and those behind it must not wait for ever.
            sending = nil
            try store.removeReport(number)
            effects.append(.log(.error, "the spoke cannot take report \(number.counter): \(error.text)"))
        case .error(let error):
            reportFailed(after: error.retryAfterSeconds.map { .seconds(Int64(min($0, 3600))) })
        default:
            reportFailed(after: nil)
        }
    }

    mutating func reportFailed(after wish: Duration?) {
        sending = nil
        sendFailures += 1
        let delay = Self.sendRetry.delay(afterFailure: sendFailures, using: &random) ?? Self.sendRetry.longest
        sendNotBefore = machineNow + max(delay, wish ?? .zero)
    }
}

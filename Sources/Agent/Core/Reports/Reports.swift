internal import Model
internal import Protocol
internal import Rollout

/// The sending of queued reports: one at a time, oldest first, each until the spoke has
/// acknowledged it.
///
/// Remembers when to try again. It notes `reportAcknowledged`.
struct Reports: AgentPart {
    private static let retry = RetryPolicy(first: .seconds(5), longest: .seconds(600), attempts: nil)
    /// How many actions are told again when the hub asks for it.
    private static let actionsSaidAnew = 64
    /// Not to be sent before, by the machine's clock.
    private var notBefore = UnixTime.distantPast
    private var failures = 0

    /// A link was opened: nothing has failed on it yet.
    mutating func opened() {
        sendNow()
        failures = 0
    }

    /// Waits no longer for the next attempt.
    mutating func sendNow() { notBefore = .distantPast }

    /// Sends the oldest report that the spoke has not acknowledged.
    mutating func settle(_ turn: inout AgentTurn) throws {
        guard turn.uplink.isOpen, !turn.uplink.isAsking, notBefore <= turn.machine,
            let oldest = try turn.store.queuedReports(limit: 1).first,
            let (link, request) = turn.uplink.ask(about: oldest.number)
        else { return }
        let message = ReportMessage(
            agent: turn.identity.id, incarnation: oldest.number.incarnation, counter: oldest.number.counter,
            signed: oldest.signed)
        turn.effect(.link(.request(link, request, .report(message), .control)))
    }

    func nextDue(_ turn: AgentTurn) throws -> UnixTime? {
        guard turn.uplink.isOpen, !turn.uplink.isAsking, notBefore > turn.machine,
            try !turn.store.queuedReports(limit: 1).isEmpty
        else { return nil }
        return notBefore
    }

    /// The spoke has answered a report: it is durable there, or it is to be sent again later.
    mutating func answered(_ number: ReportNumber, _ message: Message, _ turn: inout AgentTurn) throws {
        switch message {
        case .ok:
            failures = 0
            try turn.store.removeReport(number)
            turn.note(.reportAcknowledged)
        case .error(let error) where error.code == .invalid || error.code == .unsupported:
            // It can never be taken as it is, and those behind it must not wait for ever.
            try turn.store.removeReport(number)
            turn.log(.error, "the spoke cannot take report \(number.counter): \(error.text)")
        case .error(let error):
            failed(retryAfter: error.retryAfter, &turn)
        default:
            failed(retryAfter: nil, &turn)
        }
    }

    /// A report was not answered, or not taken now: it is sent again later.
    mutating func failed(retryAfter wait: Duration?, _ turn: inout AgentTurn) {
        failures += 1
        let delay = Self.retry.delay(afterFailure: failures, using: &turn.random) ?? Self.retry.longest
        notBefore = turn.machine + max(delay, wait ?? .zero)
    }

    /// Begins a new incarnation and says everything that the hub may have missed: facts, open
    /// actions and those that ended last.
    static func reportAnew(_ turn: inout AgentTurn) throws {
        try turn.store.setIncarnation(turn.random.next() >> 2 | 1)
        try turn.store.setReportedFacts(nil)
        turn.note(.factsDue)
        for record in try turn.store.lastActions(limit: actionsSaidAnew) {
            try turn.report(record, detail: record.detail)
        }
        turn.log(.notice, "the hub asked to hear everything anew")
    }
}

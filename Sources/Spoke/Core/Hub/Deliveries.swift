import Model
import Protocol
import Trust

/// What the spoke carries to its hub: the agents' reports and the events of its own.
///
/// They are in the store until the hub has acknowledged them. Keeps in memory how much each agent
/// may bring and until when the hub asked for patience.
struct Deliveries {
    /// Which agents' reports are taken now.
    private var intake = ReportIntake()
    /// Reports and events pause until then after the hub has asked for patience; neither waits for
    /// the other.
    private var reportsNotBefore = UnixTime.zero
    private var eventsNotBefore = UnixTime.zero

    mutating func start(_ turn: SpokeTurn) throws {
        intake = ReportIntake(
            kept: try turn.store.reportTallies().mapValues {
                ReportIntake.Tally(reports: $0.reports, bytes: $0.bytes)
            })
    }

    /// Patience was asked for over an earlier link.
    mutating func hubOpened() { (reportsNotBefore, eventsNotBefore) = (.zero, .zero) }

    // MARK: - From the agents

    /// Keeps a report for the hub if it is the agent's own, and if the agent may bring one now.
    mutating func take(
        _ report: ReportMessage, _ agent: NodeID, reportKey: [UInt8]?, _ link: LinkID, _ request: RequestID,
        _ pool: PoolContents, _ doubts: inout Doubts, _ turn: inout SpokeTurn
    ) throws {
        guard report.agent == agent else {
            try turn.log(
                .error, .attackSeen, "client/\(agent)", "the agent sent a report in the name of \(report.agent)")
            return turn.refuse(link, request, .refused, "a report goes in the agent's own name")
        }
        if let refusal = intake.refusal(of: agent, bytes: report.signed.count, at: turn.now) {
            return turn.refuse(link, request, .busy, refusal.text, retryAfter: refusal.retryAfter)
        }
        let said: Report?
        do throws(RecordError) {
            said = try Self.read(report, reportKey, turn)
        } catch {
            try turn.log(.error, .attackSeen, "client/\(agent)", "a report of this agent was refused: \(error)")
            return turn.refuse(link, request, .refused, "\(error)")
        }
        let isNew = try turn.store.keep(
            CarriedReport(
                agent: agent, incarnation: report.incarnation, counter: report.counter, signed: report.signed))
        if isNew {
            intake.stored(agent, bytes: report.signed.count)
            if said?.attack?.code == .hashMismatch, said?.action == nil { doubts.refused(by: agent, pool, &turn) }
        }
        turn.reply(link, request, .ok(OK()))
    }

    /// What a report says. Throws where it is not what the agent signed; without the agent's key
    /// that is for the hub to find out, and a report that cannot be read says nothing here.
    private static func read(
        _ message: ReportMessage, _ key: [UInt8]?, _ turn: SpokeTurn
    ) throws(RecordError) -> Report? {
        guard let key else {
            // See above.
            return try? Report.readUnverified(message.signed)
        }
        let report = try Report.open(message.signed, keys: [key], verifier: turn.verifier)
        guard report.agent == message.agent, report.incarnation == message.incarnation,
            report.counter == message.counter
        else { throw RecordError.malformed("report: the header differs from what is signed") }
        return report
    }

    // MARK: - To the hub

    /// Sends waiting reports and events to the hub, oldest first.
    mutating func settle(_ turn: inout SpokeTurn) throws {
        guard let hub = turn.hub else { return }
        for report in try turn.store.reports(
            limit: reportsNotBefore > turn.now ? 0 : SpokeLimits.reportsInFlight)
        {
            let message = ReportMessage(
                agent: report.agent, incarnation: report.incarnation, counter: report.counter, signed: report.signed)
            turn.ask(
                hub, .report(message),
                .report(agent: report.agent, incarnation: report.incarnation, counter: report.counter))
        }
        // One at a time: events are few, and they must arrive in their order.
        if eventsNotBefore <= turn.now, let next = try turn.store.events(limit: 1).first {
            let event = next.event
            let message = EventMessage(
                sequence: next.sequence, time: event.time, severity: event.severity, code: event.code,
                subject: event.subject, text: event.text)
            turn.ask(hub, .event(message), .event(next.sequence))
        }
    }

    func nextDue(_ turn: SpokeTurn) -> UnixTime? {
        turn.hub == nil ? nil : [reportsNotBefore, eventsNotBefore].filter { $0 > turn.now }.min()
    }

    mutating func reportAnswered(
        _ agent: NodeID, _ incarnation: UInt64, _ counter: UInt64, _ message: Message, _ turn: inout SpokeTurn
    ) throws {
        if case .error(let error) = message {
            if error.code.isRetryable { return reportsNotBefore = turn.retryTime(error) }
            turn.blame(agent)
            try turn.log(
                .error, .reportRefused, "client/\(agent)", "the hub refused report \(counter): \(error.text)")
        }
        if let bytes = try turn.store.removeReport(agent: agent, incarnation: incarnation, counter: counter) {
            intake.removed(agent, bytes: bytes)
        }
    }

    mutating func eventAnswered(_ sequence: UInt64, _ message: Message, _ turn: inout SpokeTurn) throws {
        if case .error(let error) = message, error.code.isRetryable {
            return eventsNotBefore = turn.retryTime(error)
        }
        try turn.eventsTaken(through: sequence)
    }

    /// The hub gave no answer to a report, and its link is open.
    mutating func reportFailed(_ turn: SpokeTurn) { reportsNotBefore = turn.retryTime(nil) }

    /// The hub gave no answer to an event, and its link is open.
    mutating func eventFailed(_ turn: SpokeTurn) { eventsNotBefore = turn.retryTime(nil) }
}

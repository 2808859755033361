internal import Model

/// Reports of the machine's facts: when they have changed, and at least every six hours.
///
/// Remembers when to gather them next. It takes `factsDue`.
struct FactReports: AgentPart {
    private static let interval: Duration = .seconds(900)
    /// Facts are reported at least so often, changed or not: a longer silence means that somebody
    /// withholds reports.
    private static let heartbeat: Duration = .seconds(6 * 3600)

    private var isAsked = false
    private var due = UnixTime.distantFuture

    /// Gathers facts as soon as there is a link.
    mutating func reportNow(at machine: UnixTime) { due = machine }

    mutating func settle(_ turn: inout AgentTurn) throws {
        if turn.take(.factsDue) { reportNow(at: turn.machine) }
        guard turn.uplink.isOpen, !isAsked, due <= turn.machine else { return }
        isAsked = true
        turn.effect(.gatherFacts(.report, nil, try turn.known))
    }

    func nextDue(_ turn: AgentTurn) -> UnixTime? { turn.uplink.isOpen && !isAsked ? due : nil }

    /// Facts were gathered: they are reported if they are new, or if nothing was reported for long.
    mutating func gathered(_ facts: ClientFacts, _ turn: inout AgentTurn) throws {
        isAsked = false
        due = turn.machine + Self.interval
        try Self.note(installed: facts, turn)
        let isSilent =
            try turn.store.lastReport().map { turn.now - $0 >= Self.heartbeat || $0 > turn.now } ?? true
        if !isSilent, let reported = try turn.store.reportedFacts(), reported.isEssentiallyEqual(to: facts) { return }
        try turn.store.setReportedFacts(facts)
        try turn.queueReport(facts: facts)
    }

    /// Has all reports from now on say what Axle's receipts say is installed.
    static func note(installed facts: ClientFacts, _ turn: AgentTurn) throws {
        let receipts = facts.installed.filter { $0.source == .axle }
        let stored = try turn.store.installed()
        for package in stored where !receipts.contains(where: { $0.product == package.product }) {
            try turn.store.removeInstalled(package.product)
        }
        for package in receipts where !stored.contains(package) { try turn.store.setInstalled(package) }
    }
}

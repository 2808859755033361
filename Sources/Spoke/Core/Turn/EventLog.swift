import Model

/// The events that the spoke writes for the hub's activity log, within the budget of the agent that
/// causes them. Nothing else writes events.
struct EventLog {
    /// The agent whose input is being handled; nil for the spoke itself and its hub, which have no
    /// budget.
    private(set) var cause: NodeID?
    private var budget = LogBudget<NodeID>(SpokeLimits.agentEvents)
    /// Events in the store; nil until they are counted.
    private var count: Int?

    /// What is written next is the doing of this agent, or with nil of the spoke itself.
    mutating func blame(_ agent: NodeID?) { cause = agent }

    mutating func write(_ event: Event, in store: any SpokeStore) throws {
        if let cause {
            let verdict = budget.verdict(for: cause, at: event.time)
            if let notice = verdict.notice {
                try append(
                    Event(
                        time: event.time, severity: .warning, code: SpokeEventCode.linesLeftOut.code,
                        subject: "client/\(cause)", text: notice), in: store)
            }
            guard verdict.isWritten else { return }
        }
        try append(event, in: store)
    }

    private mutating func append(_ event: Event, in store: any SpokeStore) throws {
        let before = try count ?? store.eventCount()
        _ = try store.append(event)
        count = before + 1
        guard before >= SpokeLimits.events else { return }
        // A tenth at a time, so that a long absence of the hub does not cost a search for each
        // event.
        let gone = try store.trimEvents(to: SpokeLimits.events * 9 / 10)
        _ = try store.append(
            Event(
                time: event.time, severity: .warning, code: SpokeEventCode.linesLeftOut.code, subject: "",
                text: "\(gone) events that waited for the hub were removed, those that matter least first"))
        count = before + 2 - gone
    }

    /// The hub has taken the events up to a sequence.
    mutating func taken(through sequence: UInt64, in store: any SpokeStore) throws {
        let removed = try store.removeEvents(through: sequence)
        count = count.map { $0 - removed }
    }
}

import Model

/// The writer of the activity log: each line is the doing of somebody, and costs that one's budget.
struct ActivityLog {
    /// Whose input is being handled.
    private(set) var cause = LogCause.hub
    private var joinerLines = LogBudget<LogCause>(HubLimits.joinerLines)
    private var spokeLines = LogBudget<LogCause>(HubLimits.spokeLines)
    private var clientLines = LogBudget<LogCause>(HubLimits.clientLines)
    /// Of each agent at each spoke, so that a spoke that lies about another's agents hides nothing
    /// of them.
    private var presenceLines = LogBudget<LogCause>(HubLimits.presenceLines)
    /// Of all agents of a spoke together.
    private var carriedLines = LogBudget<NodeID>(HubLimits.spokeLines)

    /// From here on, lines are the doing of this peer and count against its budget.
    mutating func blame(_ cause: LogCause) { self.cause = cause }

    /// Writes a line, or leaves it out where the budget of the current cause is used up.
    mutating func write(
        _ severity: EventSeverity, _ code: EventCode, _ subject: String, _ text: String, peerTime: UnixTime?,
        in store: any HubStore, at now: UnixTime
    ) throws {
        let verdict: LogBudget<LogCause>.Verdict
        switch cause {
        case .hub, .admin, .admitted: verdict = .write
        case .joiners, .joinersThrough: verdict = joinerLines.verdict(for: cause, at: now)
        case .spoke: verdict = spokeLines.verdict(for: cause, at: now)
        case .client: verdict = clientLines.verdict(for: cause, at: now)
        case .carried(_, let spoke):
            return try writeCarried(by: spoke, severity, code, subject, text, in: store, at: now)
        }
        if let notice = verdict.notice {
            try append(
                .warning, .linesLeftOut, try name(of: cause, in: store), notice, peerTime: nil, in: store, at: now)
        }
        guard verdict.isWritten else { return }
        try append(severity, code, subject, text, peerTime: peerTime, in: store, at: now)
    }

    /// Writes a line about an agent that its spoke says or may repeat: within a budget that the
    /// agent has for such lines, and within one of all agents of the spoke, however many they are.
    private mutating func writeCarried(
        by spoke: NodeID, _ severity: EventSeverity, _ code: EventCode, _ subject: String, _ text: String,
        in store: any HubStore, at now: UnixTime
    ) throws {
        func note(_ notice: String?, of cause: LogCause) throws {
            guard let notice else { return }
            try append(
                .warning, .linesLeftOut, try name(of: cause, in: store), notice, peerTime: nil, in: store, at: now)
        }
        let own = presenceLines.verdict(for: cause, at: now)
        guard own.isWritten || own.notice != nil else { return }
        let all = carriedLines.verdict(for: spoke, at: now)
        try note(all.notice, of: .spoke(spoke))
        guard all.isWritten else { return }
        try note(own.notice, of: cause)
        guard own.isWritten else { return }
        try append(severity, code, subject, text, peerTime: nil, in: store, at: now)
    }

    /// Writes a line that is within its budget.
    func append(
        _ severity: EventSeverity, _ code: EventCode, _ subject: String, _ text: String, peerTime: UnixTime?,
        in store: any HubStore, at now: UnixTime
    ) throws {
        try store.appendEvent(
            Event(
                time: now, severity: severity, code: code, subject: subject, text: text, peerTime: peerTime,
                actor: try actor(in: store)))
    }

    /// Takes a line off the budget of the current cause for an event that its spoke keeps if there
    /// is none.
    mutating func mayLogEvent(at now: UnixTime) -> Bool { spokeLines.take(cause, at: now) }

    /// How the log names a cause; empty for the hub and its operator.
    func name(of cause: LogCause, in store: any HubStore) throws -> String {
        switch cause {
        case .hub, .admin: ""
        case .joiners, .admitted: "joiners"
        case .spoke(let node), .joinersThrough(let node), .client(let node), .carried(let node, _):
            try Self.subject(of: node, in: store)
        }
    }

    /// How the log names a member.
    static func subject(of node: NodeID, in store: any HubStore) throws -> String {
        if let spoke = try store.spoke(node) { return "spoke/\(spoke.name)" }
        if let client = try store.client(node) { return "client/\(client.name)" }
        return "node/\(node)"
    }

    /// The current cause as the log names who did it.
    private func actor(in store: any HubStore) throws -> String {
        switch cause {
        case .hub: "hub"
        case .admin: "admin"
        case .joiners, .admitted(through: nil): "joiners"
        case .joinersThrough(let node), .admitted(through: let node?):
            "joiners at \(try Self.subject(of: node, in: store))"
        case .spoke(let node), .client(let node), .carried(let node, _): try Self.subject(of: node, in: store)
        }
    }
}

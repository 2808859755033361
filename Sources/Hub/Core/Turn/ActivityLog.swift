import Model

/// The writer of the activity log: each line is the doing of somebody, and costs that one's budget.
struct ActivityLog {
    /// Whose input is being handled.
    var cause = LogCause.hub
    private var joinerLines = LogBudget<LogCause>(HubLimits.joinerLines)
    private var spokeLines = LogBudget<LogCause>(HubLimits.spokeLines)
    private var clientLines = LogBudget<LogCause>(HubLimits.clientLines)

    /// Writes a line, or leaves it out where the budget of the current cause is used up.
    mutating func write(
        _ severity: EventSeverity, _ code: EventCode, _ subject: String, _ text: String, peerTime: UnixTime?,
        in store: any HubStore, at now: UnixTime
    ) throws {
        let verdict: LogBudget<LogCause>.Verdict =
            switch cause {
            case .hub, .admin: .write
            case .joiners, .joinersThrough: joinerLines.verdict(for: cause, at: now)
            case .spoke: spokeLines.verdict(for: cause, at: now)
            case .client: clientLines.verdict(for: cause, at: now)
            }
        if let notice = verdict.notice {
            try append(
                .warning, .linesLeftOut, try name(of: cause, in: store), notice, peerTime: nil, in: store, at: now)
        }
        guard verdict.isWritten else { return }
        try append(severity, code, subject, text, peerTime: peerTime, in: store, at: now)
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

    /// Takes a line off the budget of the current cause for an event that its spoke keeps if there is none.
    mutating func mayLogEvent(at now: UnixTime) -> Bool { spokeLines.take(cause, at: now) }

    /// How the log names a cause; empty for the hub and its operator.
    func name(of cause: LogCause, in store: any HubStore) throws -> String {
        switch cause {
        case .hub, .admin: ""
        case .joiners: "joiners"
        case .spoke(let node), .joinersThrough(let node), .client(let node): try Self.subject(of: node, in: store)
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
        case .joiners: "joiners"
        case .joinersThrough(let node): "joiners at \(try Self.subject(of: node, in: store))"
        case .spoke(let node), .client(let node): try Self.subject(of: node, in: store)
        }
    }
}

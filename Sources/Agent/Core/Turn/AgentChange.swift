/// What one part of an agent's core tells another within a turn.
enum AgentChange: Hashable {
    /// The facts may have changed, or the hub lacks them; for `FactReports`.
    case factsDue
    /// The spoke has acknowledged a report; for `Actions`.
    case reportAcknowledged
}

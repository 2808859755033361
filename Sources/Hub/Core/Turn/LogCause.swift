import Model

/// Who causes the lines that are written to the activity log.
enum LogCause: Hashable, Sendable {
    /// The hub itself; it has no budget.
    case hub
    /// Who has the admin token; without a budget too.
    case admin
    /// Everyone at the hub's own join listener, together.
    case joiners
    case spoke(NodeID)
    /// Everyone at a spoke's join listener, and members whose renewal is not verified yet.
    case joinersThrough(NodeID)
    /// An agent, by the signature of its reports.
    case client(NodeID)
    /// An agent by the word of its spoke, or by what the spoke may repeat: presence and renewals.
    case carried(NodeID, by: NodeID)
    /// A machine that a token lets in; without a budget, since the token has its uses.
    case admitted(through: NodeID?)
}

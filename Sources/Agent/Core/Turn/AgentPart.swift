internal import Model

/// A part of an agent's core that has work of its own at the end of a turn.
///
/// A part keeps its memory private. It reads and writes the store, which all parts share, and
/// learns from the others by the changes of the turn.
protocol AgentPart {
    /// Does what can be done now, and takes the changes that concern this part.
    mutating func settle(_ turn: inout AgentTurn) throws

    /// When something of this part is due next, by the machine's clock; nil where nothing is. Asked
    /// after every part has settled.
    func nextDue(_ turn: AgentTurn) throws -> UnixTime?
}

import Model

/// A part of a hub's core that has work of its own at the end of a turn.
///
/// A part keeps its memory private. It reads and writes the store, which all parts share, and
/// learns from the others by the changes of the turn.
protocol HubPart {
    /// Moves on whatever can move now, and takes the changes that concern this part.
    mutating func settle(_ turn: inout HubTurn) throws

    /// When something of this part is due next; nil where nothing is. Asked after every part has
    /// settled.
    func nextDue(_ turn: HubTurn) throws -> UnixTime?

    /// The invariant of this part that does not hold between two turns; nil when all is well.
    func invariantViolation(_ store: any HubStore, _ configuration: HubConfiguration) throws -> String?
}

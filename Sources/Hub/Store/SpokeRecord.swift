package import Model
package import Trust

/// A spoke as the hub knows it.
package struct SpokeRecord: Hashable, Sendable {
    package var id: NodeID
    /// Unique among spokes.
    package var name: NodeName
    package var joined: UnixTime
    /// When it was revoked; it never comes back.
    package var revoked: UnixTime?
    package var isConnected: Bool
    /// When its link last opened or closed.
    package var since: UnixTime?
    /// The program's version in its last hello.
    package var program: String
    /// The sequence of the last event taken from it; older ones are answered and not stored again.
    package var lastEvent: Int64
    /// The newest order that it has stored; nil before the first.
    package var lastOrder: OrderSequence?

    package init(
        id: NodeID, name: NodeName, joined: UnixTime, revoked: UnixTime? = nil, isConnected: Bool = false,
        since: UnixTime? = nil, program: String = "", lastEvent: Int64 = 0,
        lastOrder: OrderSequence? = nil
    ) {
        self.id = id
        self.name = name
        self.joined = joined
        self.revoked = revoked
        self.isConnected = isConnected
        self.since = since
        self.program = program
        self.lastEvent = lastEvent
        self.lastOrder = lastOrder
    }
}

/// Spokes.
package protocol SpokeStore: AnyObject {
    /// Keeps a new spoke; refuses an id or name that is there.
    func insertSpoke(_ spoke: SpokeRecord) throws
    /// Replaces a spoke's record.
    func updateSpoke(_ spoke: SpokeRecord) throws
    /// Forgets a spoke, which has no clients any more, and all that is kept of it.
    func removeSpoke(_ id: NodeID) throws
    func spoke(_ id: NodeID) throws -> SpokeRecord?
    func spoke(named name: NodeName) throws -> SpokeRecord?
    /// Spokes in the order of their names, behind `name`.
    func spokes(after name: NodeName?, limit: Int) throws -> [SpokeRecord]
    /// Marks every spoke as not connected: the hub has just started.
    func disconnectAllSpokes() throws
}

extension SpokeStore {
    /// Every spoke, in the order of names.
    package func spokes() throws -> [SpokeRecord] { try spokes(after: nil, limit: .max) }
}

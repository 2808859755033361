package import Model

/// What a member has last proved by the signature of its certificate's key: which roots it believes, what it uses, how its clock is.
package struct StandingRecord: Hashable, Sendable {
    package var node: NodeID
    /// Number of the anchor set that it believes; 0 for the roots of its join.
    package var anchors: UInt64
    /// When it was last heard.
    package var heard: UnixTime
    /// How far its clock is ahead of the hub's (negative: behind), in milliseconds.
    package var clockError: Int64
    /// SHA-256 of the public key of the root that its certificate is under; empty if that is not known.
    package var root: [UInt8]
    /// The end of the certificate that it uses.
    package var expires: UnixTime

    package init(
        node: NodeID, anchors: UInt64, heard: UnixTime, clockError: Int64 = 0, root: [UInt8], expires: UnixTime
    ) {
        self.node = node
        self.anchors = anchors
        self.heard = heard
        self.clockError = clockError
        self.root = root
        self.expires = expires
    }
}

/// The standing of members.
package protocol StandingStore: AnyObject {
    func standing(of node: NodeID) throws -> StandingRecord?
    /// Adds or replaces a member's standing.
    func putStanding(_ standing: StandingRecord) throws
    /// The standing of every member that is not revoked, in the order of ids.
    func standings() throws -> [StandingRecord]
}

package import Model

/// A revoked node that the revocation list names itself.
package struct RevocationRecord: Hashable, Sendable {
    package var node: NodeID
    package var role: Role
    /// From then on nothing can be done with its certificates, and the list no longer names it.
    package var ends: UnixTime

    package init(node: NodeID, role: Role, ends: UnixTime) {
        self.node = node
        self.role = role
        self.ends = ends
    }
}

/// A segment of the revocation list; its ids are read apart from it.
package struct SegmentRecord: Hashable, Sendable {
    package var sha256: SHA256Digest
    package var role: Role
    package var count: Int
    /// When the last of its ids has ended: it leaves the list as a whole.
    package var ends: UnixTime

    package init(sha256: SHA256Digest, role: Role, count: Int, ends: UnixTime) {
        self.sha256 = sha256
        self.role = role
        self.count = count
        self.ends = ends
    }
}

/// What the revocation list is made of, so that it is signed without a look at every revoked node.
package protocol RevocationStore: AnyObject {
    /// Keeps a revocation that the list names itself; one of the same node is replaced.
    func putRevocation(_ revocation: RevocationRecord) throws
    /// The revocations that the list names itself, in the order of ids.
    func revocations() throws -> [RevocationRecord]
    /// Forgets the revocation of a node, which a segment names now.
    func removeRevocation(of node: NodeID) throws
    /// Keeps a segment; refuses one that is there.
    func insertSegment(_ segment: SegmentRecord, bytes: [UInt8]) throws
    /// Every segment, by end, role and hash.
    func segments() throws -> [SegmentRecord]
    /// The bytes of a segment.
    func segment(_ sha256: SHA256Digest) throws -> [UInt8]?
    func removeSegment(_ sha256: SHA256Digest) throws
    /// Forgets revocations and segments that have ended.
    func removeRevocations(endingBy time: UnixTime) throws
}

package import Model

/// A package's copy at one spoke, as the hub wants it and as the spoke last said.
package struct ReplicaRecord: Hashable, Sendable {
    package var spoke: NodeID
    package var path: TargetPath
    package var digest: SHA256Digest
    package var state: ReplicaState
    package var bytesHeld: Int64
    /// Why it is not further, in the spoke's words.
    package var text: String?
    /// Whether the spoke has stored the wish.
    package var isAcknowledged: Bool
    package var changed: UnixTime
    /// How its bytes came last, what has been sent for it, in bytes, and why that way; nil before anything was.
    package var means: TransferMeans?
    package var wireBytes: UInt64?
    package var reason: String?

    package init(
        spoke: NodeID, path: TargetPath, digest: SHA256Digest, state: ReplicaState = .pending, bytesHeld: Int64 = 0,
        text: String? = nil, isAcknowledged: Bool = false, changed: UnixTime
    ) {
        self.spoke = spoke
        self.path = path
        self.digest = digest
        self.state = state
        self.bytesHeld = bytesHeld
        self.text = text
        self.isAcknowledged = isAcknowledged
        self.changed = changed
    }
}

/// Replicas, by spoke and path.
package protocol ReplicaStore: AnyObject {
    /// Keeps or replaces a replica's record.
    func putReplica(_ replica: ReplicaRecord) throws
    func replica(spoke: NodeID, path: TargetPath) throws -> ReplicaRecord?
    func removeReplica(spoke: NodeID, path: TargetPath) throws
    /// The replicas of a package, in the order of spokes' ids.
    func replicas(of path: TargetPath) throws -> [ReplicaRecord]
    /// The replicas at a spoke, in the order of paths.
    func replicas(at spoke: NodeID) throws -> [ReplicaRecord]
    /// Wishes that the spoke has not stored yet, in the order of paths, behind `path`.
    func unacknowledgedReplicas(at spoke: NodeID, after path: TargetPath?, limit: Int) throws -> [ReplicaRecord]
}

package import Model
package import Protocol

/// A package's copy at one spoke, as the hub wants it and as the spoke last said.
package struct ReplicaRecord: Hashable, Sendable {
    package var spoke: NodeID
    package var path: TargetPath
    package var digest: SHA256Digest
    package var state: ReplicaState
    package var bytesHeld: Int64
    /// Why it is not further, in the spoke's words.
    package var text: String?
    /// Bytes that the spoke's pool lacks for it; nil where it lacks none.
    package var lacking: ByteCount?
    /// Whether the spoke has stored the wish.
    package var isAcknowledged: Bool
    package var changed: UnixTime
    /// How its bytes came last, what has been sent for it, in bytes, whatever became of them, and why that way; nil before anything was.
    package var means: TransferMeans?
    package var wireBytes: UInt64?
    package var reason: String?
    /// The object that was fetched last for it, by its hash, and where in it the bytes that are counted end.
    package var object: SHA256Digest?
    package var objectBytes: UInt64 = 0

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

    /// Forgets how it came: it will come anew.
    package mutating func forgetWay() {
        (means, wireBytes, reason, lacking) = (nil, nil, nil, nil)
        (object, objectBytes) = (nil, 0)
    }

    /// Its spoke fetches an object by this means, from where its own bytes of that end.
    package mutating func fetches(_ fetch: FetchPackage, by means: TransferMeans) {
        var uncounted: UInt64 = 0
        if object == fetch.sha256 {
            // What went out in a process that ended before it could count it. A repair fetches in pieces.
            if fetch.offset > objectBytes, state != .corrupt { uncounted = fetch.offset - objectBytes }
        } else if object == nil {
            // A release before this one counted whole objects when they were begun.
            wireBytes = nil
        }
        self.means = means
        object = fetch.sha256
        objectBytes = fetch.offset
        add(uncounted)
    }

    /// These bytes of a fetch have gone out.
    package mutating func took(_ bytes: UInt64, of fetch: FetchPackage) {
        // It was lost or dropped meanwhile.
        guard wireBytes != nil else { return }
        add(bytes)
        guard object == fetch.sha256 else { return }
        let (end, isOver) = fetch.offset.addingReportingOverflow(bytes)
        objectBytes = isOver ? .max : end
    }

    private mutating func add(_ bytes: UInt64) {
        let (sum, isOver) = (wireBytes ?? 0).addingReportingOverflow(bytes)
        wireBytes = isOver ? .max : sum
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

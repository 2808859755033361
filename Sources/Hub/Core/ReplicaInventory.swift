import Model

/// What a spoke says after connecting that it was asked to hold, beside what it had stored before: so the hub notices wishes that the spoke has lost.
///
/// By hash and not by path, since a spoke holds the same bytes once, under the path that was wished last.
struct ReplicaInventory: Hashable, Sendable {
    /// How many replicas it will say.
    let count: UInt64
    /// What the spoke had stored by the hub's books when the saying began.
    let acknowledged: Set<SHA256Digest>
    private var said: Set<SHA256Digest> = []

    init(count: UInt64, acknowledged records: [ReplicaRecord]) {
        self.count = count
        acknowledged = Set(records.lazy.filter(\.isAcknowledged).map(\.digest))
    }

    var isComplete: Bool { UInt64(said.count) >= count }

    /// The spoke has said one; a wish that was not stored when the saying began (`isWished` is that there is one) is not among those counted.
    mutating func said(_ digest: SHA256Digest, isWished: Bool) {
        guard !isWished || acknowledged.contains(digest) else { return }
        said.insert(digest)
    }

    /// What the spoke does not know any more, of the records as they are now.
    func forgotten(of records: [ReplicaRecord]) -> [ReplicaRecord] {
        records.filter {
            $0.isAcknowledged && $0.state != .evicted && acknowledged.contains($0.digest) && !said.contains($0.digest)
        }
    }
}

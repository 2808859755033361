import Model

/// What a spoke says after connecting that it was asked to hold, beside what it had stored before: so the hub notices wishes that the spoke has lost.
///
/// By hash and path, since the same bytes may be several packages. A spoke of an older release knows such bytes by one path only, and is
/// asked for the others again.
struct ReplicaInventory: Hashable, Sendable {
    /// How many replicas it will say.
    let count: UInt64
    /// What the spoke had stored by the hub's books when the saying began.
    let acknowledged: Set<Item>
    private var said: Set<Item> = []

    struct Item: Hashable, Sendable {
        let path: TargetPath
        let digest: SHA256Digest
    }

    init(count: UInt64, acknowledged records: [ReplicaRecord]) {
        self.count = count
        acknowledged = Set(records.lazy.filter(\.isAcknowledged).map { Item(path: $0.path, digest: $0.digest) })
    }

    var isComplete: Bool { UInt64(said.count) >= count }

    /// The spoke has said one; a wish that was not stored when the saying began (`isWished` is that there is one) is not among those counted.
    mutating func said(_ item: Item, isWished: Bool) {
        guard !isWished || acknowledged.contains(item) else { return }
        said.insert(item)
    }

    /// What the spoke does not know any more, of the records as they are now.
    func forgotten(of records: [ReplicaRecord]) -> [ReplicaRecord] {
        records.filter { record in
            let item = Item(path: record.path, digest: record.digest)
            return record.isAcknowledged && record.state != .evicted && acknowledged.contains(item)
                && !said.contains(item)
        }
    }
}

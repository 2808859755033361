import Model

/// A pool's books, without IO: what is published, what is left over from transfers, what is reserved, and the quota over all of it.
///
/// The one rule: `committed` (published + leftovers + the whole length of every reservation) never grows beyond the quota. A pool that is opened with more
/// on disk than its quota (it was made smaller meanwhile) keeps what it has and takes nothing new.
struct PoolLedger {
    /// A reservation: its bytes written so far count as used, the rest as reserved.
    struct Open {
        let digest: SHA256Digest
        let length: UInt64
        var written: UInt64
    }

    private(set) var quota: UInt64
    private(set) var published: [SHA256Digest: UInt64] = [:]
    /// Partial transfers without a reservation, oldest first.
    private(set) var leftovers: [(digest: SHA256Digest, bytes: UInt64)] = []
    private(set) var open: [UInt64: Open] = [:]
    private var readers: [SHA256Digest: Int] = [:]
    private var nextID: UInt64 = 1

    init(quota: ByteCount) {
        self.quota = quota.bytes
    }

    /// Bytes on disk.
    var used: UInt64 { sum(published.values) &+ sum(leftovers.map(\.bytes)) &+ sum(open.values.map(\.written)) }
    /// Bytes promised and not yet written.
    var reserved: UInt64 { sum(open.values.map { $0.length - min($0.length, $0.written) }) }
    /// What the quota is compared with.
    var committed: UInt64 { used.addingReportingOverflow(reserved).overflow ? .max : used + reserved }

    /// Takes over what was found on disk at start.
    mutating func adopt(published digest: SHA256Digest, length: UInt64) {
        published[digest] = length
    }

    /// Takes over a partial transfer; the caller adds them oldest first.
    mutating func adopt(leftover digest: SHA256Digest, bytes: UInt64) {
        leftovers.append((digest, bytes))
    }

    /// Checks that a reservation may begin and says which leftovers have to go first to make the room; changes nothing.
    func planReservation(_ digest: SHA256Digest, length: ByteCount) throws(StorageError) -> [SHA256Digest] {
        guard published[digest] == nil else { throw .alreadyHeld(digest) }
        guard !open.values.contains(where: { $0.digest == digest }) else { throw .inTransfer(digest) }
        let own = leftovers.first { $0.digest == digest }?.bytes ?? 0
        return try plan(room: length.bytes, asIfGone: own, keeping: digest)
    }

    /// Which leftovers have to go for a new quota; changes nothing.
    func planQuota(_ quota: ByteCount) throws(StorageError) -> [SHA256Digest] {
        var left = committed
        var victims: [SHA256Digest] = []
        for leftover in leftovers where left > quota.bytes {
            left -= min(left, leftover.bytes)
            victims.append(leftover.digest)
        }
        guard left <= quota.bytes else { throw .quotaBelowUse(ByteCount(left)) }
        return victims
    }

    private func plan(
        room: UInt64, asIfGone own: UInt64, keeping digest: SHA256Digest
    ) throws(StorageError) -> [SHA256Digest] {
        var left = committed - min(committed, own)
        var victims: [SHA256Digest] = []
        for leftover in leftovers where quota - min(quota, left) < room && leftover.digest != digest {
            left -= min(left, leftover.bytes)
            victims.append(leftover.digest)
        }
        let available = quota - min(quota, left)
        guard available >= room else {
            throw .quotaExceeded(needed: ByteCount(room), available: ByteCount(available))
        }
        return victims
    }

    mutating func setQuota(_ quota: ByteCount) {
        self.quota = quota.bytes
    }

    /// Begins a reservation whose first `written` bytes are here already (its leftover becomes part of it).
    mutating func begin(_ digest: SHA256Digest, length: ByteCount, written: UInt64) -> UInt64 {
        dropLeftover(digest)
        let id = nextID
        nextID &+= 1
        open[id] = Open(digest: digest, length: length.bytes, written: min(written, length.bytes))
        return id
    }

    mutating func dropLeftover(_ digest: SHA256Digest) {
        leftovers.removeAll { $0.digest == digest }
    }

    /// Notes that more bytes of a reservation are on disk.
    mutating func wrote(_ id: UInt64, upTo written: UInt64) {
        guard var entry = open[id] else { return }
        entry.written = min(written, entry.length)
        open[id] = entry
    }

    /// Ends a reservation; its bytes become a package, a leftover, or nothing.
    mutating func end(_ id: UInt64, as outcome: Outcome) {
        guard let entry = open.removeValue(forKey: id) else { return }
        switch outcome {
        case .published: published[entry.digest] = entry.length
        case .leftover: if entry.written > 0 { leftovers.append((entry.digest, entry.written)) }
        case .removed: break
        }
    }

    /// How a reservation ends.
    enum Outcome {
        case published, leftover, removed
    }

    /// Checks that a package may be removed.
    func checkEviction(_ digest: SHA256Digest) throws(StorageError) {
        guard published[digest] != nil else { throw .notHeld(digest) }
        guard readers[digest] == nil else { throw .inUse(digest) }
    }

    mutating func removePublished(_ digest: SHA256Digest) {
        published.removeValue(forKey: digest)
    }

    /// Counts a reader in; gives the length.
    mutating func beginReading(_ digest: SHA256Digest) throws(StorageError) -> UInt64 {
        guard let length = published[digest] else { throw .notHeld(digest) }
        readers[digest, default: 0] += 1
        return length
    }

    mutating func endReading(_ digest: SHA256Digest) {
        guard let count = readers[digest] else { return }
        readers[digest] = count > 1 ? count - 1 : nil
    }

    func account(freeOnDisk: ByteCount) -> PoolAccount {
        PoolAccount(
            quota: ByteCount(quota), used: ByteCount(used), reserved: ByteCount(reserved), freeOnDisk: freeOnDisk)
    }

    /// Sums sizes; all are at most 2^63 − 1 and stand for bytes of one disk, and a sum beyond 2^64 saturates.
    private func sum(_ sizes: some Sequence<UInt64>) -> UInt64 {
        sizes.reduce(0) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
    }
}

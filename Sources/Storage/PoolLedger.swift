import Model

/// A pool's books, without IO: what is held, what is left over from transfers, what is reserved, and the quota over all of it.
///
/// The one rule: `committed` (all that is on disk + all that is promised to reservations) never grows beyond the quota. A pool that is opened with more
/// on disk than its quota (it was made smaller meanwhile) keeps what it has and takes nothing new.
package struct PoolLedger {
    /// A package: its length, the bytes of its own files on the disk, and its mark.
    struct Held {
        let length: UInt64
        var stored: UInt64
        var mark: PackageMark?
    }

    /// A reservation: the bytes of its own that are on disk, and those promised to it that are not yet.
    struct Open {
        let digest: SHA256Digest
        let length: UInt64
        var stored: UInt64
        var promised: UInt64
    }

    private(set) var quota: UInt64
    private(set) var held: [SHA256Digest: Held] = [:]
    /// Partial transfers without a reservation, oldest first.
    private(set) var leftovers: [(digest: SHA256Digest, bytes: UInt64)] = []
    private(set) var open: [UInt64: Open] = [:]
    /// Bytes on disk that belong to no single package: containers and their indexes.
    var shared: UInt64 = 0
    var access = PoolAccess.readWrite
    private var readers: [SHA256Digest: Int] = [:]
    private var nextID: UInt64 = 1

    init(quota: ByteCount) {
        self.quota = quota.bytes
    }

    /// Bytes on disk.
    var used: UInt64 {
        sum([sum(held.values.map(\.stored)), sum(leftovers.map(\.bytes)), sum(open.values.map(\.stored)), shared])
    }
    /// Bytes promised and not yet written.
    var reserved: UInt64 { sum(open.values.map(\.promised)) }
    /// What the quota is compared with.
    var committed: UInt64 { sum([used, reserved]) }
    /// What may still be promised.
    var available: UInt64 { quota - min(quota, committed) }

    /// Takes over what was found on disk at start.
    mutating func adopt(held digest: SHA256Digest, length: UInt64, stored: UInt64, mark: PackageMark? = nil) {
        held[digest] = Held(length: length, stored: stored, mark: mark)
    }

    /// Takes over a partial transfer; the caller adds them oldest first.
    mutating func adopt(leftover digest: SHA256Digest, bytes: UInt64) {
        leftovers.append((digest, bytes))
    }

    // MARK: Access

    func checkReadable() throws(StorageError) {
        if access == .unavailable { throw .noAccess(access) }
    }

    /// Checks that packages may be removed and repaired.
    func checkWritable() throws(StorageError) {
        if access != .readWrite, access != .draining { throw .noAccess(access) }
    }

    // MARK: Reservations

    /// Checks that a transfer of the package may begin.
    func checkBeginning(_ digest: SHA256Digest) throws(StorageError) {
        if access != .readWrite { throw .noAccess(access) }
        if let package = held[digest] {
            switch package.mark {
            case nil: throw .alreadyHeld(digest)
            case .withheld: throw .withheld(digest, .withheld)
            case .corrupt: if readers[digest] != nil { throw .inUse(digest) }
            }
        }
        guard !open.values.contains(where: { $0.digest == digest }) else { throw .inTransfer(digest) }
    }

    /// Which leftovers have to go, oldest first, so that `room` bytes can be promised; the package's own leftover and corrupt copy count as gone.
    func planRoom(_ room: UInt64, for digest: SHA256Digest) throws(StorageError) -> [SHA256Digest] {
        let own = sum([leftover(of: digest), held[digest]?.stored ?? 0])
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

    mutating func setQuota(_ quota: ByteCount) {
        self.quota = quota.bytes
    }

    /// The bytes on disk of a package's leftover; 0 without one.
    func leftover(of digest: SHA256Digest) -> UInt64 {
        leftovers.first { $0.digest == digest }?.bytes ?? 0
    }

    /// Begins a reservation; its leftover, of which `stored` bytes are kept, becomes part of it.
    mutating func begin(_ digest: SHA256Digest, length: ByteCount, stored: UInt64, promised: UInt64) -> UInt64 {
        dropLeftover(digest)
        let id = nextID
        nextID &+= 1
        open[id] = Open(digest: digest, length: length.bytes, stored: stored, promised: promised)
        return id
    }

    mutating func dropLeftover(_ digest: SHA256Digest) {
        leftovers.removeAll { $0.digest == digest }
    }

    /// Notes what a reservation has on disk now, and what it may still need.
    mutating func progress(_ id: UInt64, stored: UInt64, promised: UInt64) {
        guard var entry = open[id] else { return }
        entry.stored = stored
        entry.promised = promised
        open[id] = entry
    }

    /// Ends a reservation; its bytes become a package, a leftover, or nothing.
    mutating func end(_ id: UInt64, as outcome: Outcome) {
        guard let entry = open.removeValue(forKey: id) else { return }
        switch outcome {
        case .published: held[entry.digest] = Held(length: entry.length, stored: entry.stored)
        case .leftover: if entry.stored > 0 { leftovers.append((entry.digest, entry.stored)) }
        case .removed: break
        }
    }

    /// How a reservation ends.
    enum Outcome {
        case published, leftover, removed
    }

    // MARK: Packages

    /// What is visible.
    var visible: [SHA256Digest: UInt64] { held.filter { $0.value.mark == nil }.mapValues(\.length) }
    /// What is withheld.
    var marks: [SHA256Digest: PackageMark] { held.compactMapValues(\.mark) }

    func visibleLength(of digest: SHA256Digest) -> UInt64? {
        held[digest].flatMap { $0.mark == nil ? $0.length : nil }
    }

    /// Checks that a package may be marked so; false if it is so already.
    func checkMarking(_ digest: SHA256Digest, _ mark: PackageMark?) throws(StorageError) -> Bool {
        guard let package = held[digest] else { throw .notHeld(digest) }
        if package.mark == .corrupt, mark != .corrupt { throw .withheld(digest, .corrupt) }
        return package.mark != mark
    }

    mutating func setMark(_ digest: SHA256Digest, _ mark: PackageMark?) {
        held[digest]?.mark = mark
    }

    mutating func setStored(_ digest: SHA256Digest, length: UInt64, stored: UInt64) {
        guard let package = held[digest] else { return }
        held[digest] = Held(length: length, stored: stored, mark: package.mark)
    }

    /// Checks that a package may be removed.
    func checkEviction(_ digest: SHA256Digest) throws(StorageError) {
        try checkWritable()
        guard held[digest] != nil else { throw .notHeld(digest) }
        guard readers[digest] == nil else { throw .inUse(digest) }
        // A repair has it open.
        guard !open.values.contains(where: { $0.digest == digest }) else { throw .inTransfer(digest) }
    }

    mutating func remove(_ digest: SHA256Digest) {
        held.removeValue(forKey: digest)
    }

    /// Counts a reader in; gives the length.
    mutating func beginReading(_ digest: SHA256Digest) throws(StorageError) -> UInt64 {
        try checkReadable()
        guard let package = held[digest] else { throw .notHeld(digest) }
        if let mark = package.mark { throw .withheld(digest, mark) }
        readers[digest, default: 0] += 1
        return package.length
    }

    mutating func endReading(_ digest: SHA256Digest) {
        guard let count = readers[digest] else { return }
        readers[digest] = count > 1 ? count - 1 : nil
    }

    func account(freeOnDisk: ByteCount) -> PoolAccount {
        PoolAccount(
            quota: ByteCount(quota), used: ByteCount(used), reserved: ByteCount(reserved), freeOnDisk: freeOnDisk,
            access: access)
    }

    /// Sums sizes; all are at most 2^63 − 1 and stand for bytes of one disk, and a sum beyond 2^64 saturates.
    private func sum(_ sizes: some Sequence<UInt64>) -> UInt64 {
        sizes.reduce(0) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
    }
}

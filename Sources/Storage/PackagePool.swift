package import Model

/// Where a hub or spoke keeps package bytes, by the hash of the package, under a quota.
///
/// Guarantees of every pool (one conformance suite holds them to it):
/// - bytes stored + bytes reserved never grow beyond the quota;
/// - a visible package equals its hash: it is published only after every byte was hashed and is on the disk; partial bytes are never readable;
/// - a crash at any moment leaves every published package, and of a transfer in progress a prefix that can be resumed;
/// - every reservation ends: published, abandoned, or abandoned by its last reference going away.
///
/// All verbs block on the disk: call them on a named queue, never in `async` code. They may be called from several threads.
package protocol PackagePool: AnyObject, Sendable {
    /// Quota, use and room, at this moment.
    func account() -> PoolAccount

    /// Changes the quota; refused below what is stored and reserved (partial transfers that nobody has open are dropped first).
    func setQuota(_ quota: ByteCount) throws(StorageError)

    /// Sets aside room for a package of exactly `length` bytes; what an earlier transfer left is checked and kept (`Reservation.resumeOffset`).
    ///
    /// Partial transfers that nobody has open are dropped, oldest first, when that makes the room.
    func reserve(_ digest: SHA256Digest, length: ByteCount) throws(StorageError) -> Reservation

    /// Appends bytes; `offset` must be where the last write ended (or `resumeOffset`), since each byte is hashed once, as it comes.
    func write(_ reservation: Reservation, at offset: ByteCount, _ bytes: RawSpan) throws(StorageError)

    /// Checks length and hash, makes the package durable and then visible, and ends the reservation.
    ///
    /// A wrong hash removes the bytes and ends the reservation; missing bytes leave it open.
    func publish(_ reservation: Reservation) throws(StorageError)

    /// Ends a reservation; the bytes so far stay for resuming, or go.
    func abandon(_ reservation: Reservation, keepingBytes: Bool)

    /// Opens a published package for reading; it is not evicted while the reader lives.
    func open(_ digest: SHA256Digest) throws(StorageError) -> any PackageReader

    /// Reads the package again and compares it with its hash; one that differs is removed and `corrupt` thrown.
    func verify(_ digest: SHA256Digest) throws(StorageError)

    /// Removes a package; refused while it is being read.
    func evict(_ digest: SHA256Digest) throws(StorageError)

    /// The length of a published package, else nil.
    func length(of digest: SHA256Digest) -> ByteCount?

    /// What is published, in the order of the hashes.
    func list() -> [PoolEntry]

    /// Ends what a dropped reservation left open; called by `Reservation` alone.
    func reservationWasDropped(_ id: UInt64)
}

/// A published package in a pool.
package struct PoolEntry: Hashable, Sendable {
    package let digest: SHA256Digest
    package let length: ByteCount

    package init(digest: SHA256Digest, length: ByteCount) {
        self.digest = digest
        self.length = length
    }
}

/// A pool's books at one moment.
package struct PoolAccount: Hashable, Sendable {
    /// The limit for `used` + `reserved`.
    package let quota: ByteCount
    /// Bytes stored: published packages and partial transfers.
    package let used: ByteCount
    /// Bytes promised to open reservations and not yet written.
    package let reserved: ByteCount
    /// What the disk below has left, whatever the quota; the greatest count where nobody knows.
    package let freeOnDisk: ByteCount

    package init(quota: ByteCount, used: ByteCount, reserved: ByteCount, freeOnDisk: ByteCount) {
        self.quota = quota
        self.used = used
        self.reserved = reserved
        self.freeOnDisk = freeOnDisk
    }
}

/// A published package, open for reading from several threads.
package protocol PackageReader: AnyObject, Sendable {
    var digest: SHA256Digest { get }
    var length: ByteCount { get }

    /// At most `count` bytes at `offset`; fewer, or none, only at the end.
    func read(at offset: ByteCount, count: Int) throws(StorageError) -> [UInt8]
}

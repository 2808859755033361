package import Model
package import System

/// Where a hub or spoke keeps package bytes, by the hash of the package, under a quota.
///
/// Guarantees of every pool (one conformance suite holds them to it):
/// - bytes on disk + bytes reserved never grow beyond the quota;
/// - a visible package equals its hash: it is published only after every byte was hashed and is on the disk; partial and marked bytes are never readable;
/// - a crash at any moment leaves every published package, and of a transfer in progress a prefix that can be resumed;
/// - every reservation ends: published, abandoned, or abandoned by its last reference going away.
///
/// All verbs block on the disk: call them on a named queue, never in `async` code. They may be called from several threads.
package protocol PackagePool: AnyObject, Sendable {
    /// Quota, use and room, at this moment.
    func account() -> PoolAccount

    /// Changes the quota; refused below what is stored and reserved (partial transfers that nobody has open are dropped first).
    func setQuota(_ quota: ByteCount) throws(StorageError)

    /// Says what may be done with the pool: a read-only one takes and removes nothing, an unavailable one does not read either, a draining one only takes nothing.
    func setAccess(_ access: PoolAccess)

    /// Sets aside room for a package of exactly `length` bytes; what an earlier transfer left is checked and kept (`Reservation.resumeOffset`).
    ///
    /// Partial transfers that nobody has open are dropped, oldest first, when that makes the room; so is a copy of the package that is marked corrupt.
    func reserve(_ digest: SHA256Digest, length: ByteCount) throws(StorageError) -> Reservation

    /// Appends bytes; `offset` must be where the last write ended (or `resumeOffset`), since each byte is hashed once, as it comes.
    func write(_ reservation: Reservation, at offset: ByteCount, _ bytes: RawSpan) throws(StorageError)

    /// Lends the file that the package belongs in, empty, as long as the package, and with its room taken: for somebody who fills it in place, such as a
    /// limited child. Nil where a pool keeps packages in another form; then `write` them.
    ///
    /// What was written before is dropped, and `write` refused from here on. Nothing of it is believed: `publish` hashes the whole file, once,
    /// and whoever had it must have ended by then. Abandoning removes it.
    func lend(_ reservation: Reservation) throws(StorageError) -> FileDescriptor?

    /// Checks length and hash, makes the package durable and then visible, and ends the reservation.
    ///
    /// A wrong hash removes the bytes and ends the reservation; missing bytes leave it open.
    func publish(_ reservation: Reservation) throws(StorageError)

    /// Ends a reservation; the bytes so far stay for resuming (a container pool keeps whole chunks), or go.
    func abandon(_ reservation: Reservation, keepingBytes: Bool)

    /// Opens a published package for reading; it is not evicted while the reader lives.
    func open(_ digest: SHA256Digest) throws(StorageError) -> any PackageReader

    /// Reads the package again and compares it with its hash; one that differs is marked corrupt, which withholds it, and `corrupt` thrown.
    func verify(_ digest: SHA256Digest) throws(StorageError)

    /// Marks a package, which withholds it: its bytes stay and count, and nobody may open it. Durable on return.
    ///
    /// Nil makes a withheld package visible again; a corrupt one becomes visible by `repair` alone.
    func mark(_ digest: SHA256Digest, _ mark: PackageMark?) throws(StorageError)

    /// Makes a damaged package whole: what is damaged, and no more, is read from `source`; then all is checked against the package's hash.
    ///
    /// `length` is the package's length as it was signed. Ends with the package visible, or throws and leaves it marked corrupt.
    func repair(
        _ digest: SHA256Digest, length: ByteCount, from source: any RepairSource
    ) throws(StorageError) -> RepairReport

    /// Removes a package, visible or marked; refused while it is being read.
    func evict(_ digest: SHA256Digest) throws(StorageError)

    /// Gives back the room that evicted packages left inside shared files; says how much. `reserve` does as much of it as it needs by itself.
    @discardableResult
    func compact() throws(StorageError) -> ByteCount

    /// The length of a visible package, else nil.
    func length(of digest: SHA256Digest) -> ByteCount?

    /// Whether a package is here, visible or marked.
    func contains(_ digest: SHA256Digest) -> Bool

    /// Bytes on disk that a transfer that nobody has open has left of a package.
    func part(of digest: SHA256Digest) -> ByteCount

    /// What is visible, in the order of the hashes.
    func list() -> [PoolEntry]

    /// The packages that are withheld, and why.
    func marks() -> [SHA256Digest: PackageMark]

    /// What a scrub has to read so that every byte of the pool is read once, in an order that stays the same.
    func scrubUnits() -> [ScrubUnit]

    /// Reads one unit again; packages that it finds damaged are marked corrupt and told. `pace` hears of each stretch read, and may wait.
    func scrub(_ unit: ScrubUnit, pace: (ByteCount) -> Void) throws(StorageError) -> [SHA256Digest]

    /// Compares books and storage; with `readData` also reads every byte, as a scrub of all units does.
    func check(readData: Bool) -> PoolCheck

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

/// A published package, open for reading from several threads.
package protocol PackageReader: AnyObject, Sendable {
    var digest: SHA256Digest { get }
    var length: ByteCount { get }

    /// Fills the buffer from `offset` on, less of it only at the end; says how much.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: ByteCount) throws(StorageError) -> Int

    /// As `read`, and never blocks: some of it, as far as it is in memory, or nil where it is not or cannot be known. What fails is for `read` to tell.
    func readAtHand(into buffer: UnsafeMutableRawBufferPointer, at offset: ByteCount) -> Int?

    /// An open file that holds exactly the package's bytes, for what reads or maps files; its position means nothing.
    ///
    /// A file pool gives its own file. Others write the bytes out into a nameless file in `scratch`, which takes as much room again until it is closed:
    /// refused with `scratchFull` where the disk has not that room. Keep the reader as long as the file, so that the package is not evicted.
    func file(scratch: String) throws(StorageError) -> FileDescriptor
}

extension PackagePool {
    package func lend(_ reservation: Reservation) throws(StorageError) -> FileDescriptor? { nil }
    package func contains(_ digest: SHA256Digest) -> Bool { length(of: digest) != nil || marks()[digest] != nil }
}

extension PackageReader {
    package func readAtHand(into buffer: UnsafeMutableRawBufferPointer, at offset: ByteCount) -> Int? { nil }

    /// At most `count` bytes at `offset`; fewer, or none, only at the end.
    package func read(at offset: ByteCount, count: Int) throws(StorageError) -> [UInt8] {
        guard offset < length, count > 0 else { return [] }
        let wanted = min(count, Int(clamping: (length - offset).bytes))
        var failure: StorageError?
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, used in
            do throws(StorageError) {
                used = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    package func file(scratch: String) throws(StorageError) -> FileDescriptor {
        let file = try ScratchFile.make(in: scratch, length: length)
        var offset = ByteCount.zero
        while offset < length {
            let piece = try read(at: offset, count: 1 << 20)
            guard !piece.isEmpty else { throw .corrupt(digest) }
            do throws(SystemError) {
                try file.write(piece, at: offset.signed)
            } catch {
                throw StorageError(error)
            }
            offset += ByteCount(UInt64(piece.count))
        }
        return file
    }
}

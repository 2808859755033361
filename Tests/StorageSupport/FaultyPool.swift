package import Model
package import Storage
package import System

/// A pool that fails at chosen calls and passes all others on: for what uses a pool, which has to bear a failure at any call.
package final class FaultyPool: PackagePool {
    private let pool: any PackagePool
    private let faults: NativeLock<(calls: Int, failing: Set<Int>, error: StorageError)>

    /// Fails at the calls of these numbers, from 1; books and marks never fail, as they do no IO.
    package init(_ pool: any PackagePool, failing: Set<Int> = [], error: StorageError = .io("a fault on purpose")) {
        self.pool = pool
        faults = NativeLock((0, failing, error))
    }

    /// Calls that could have failed so far.
    package var calls: Int { faults.withLock { $0.calls } }

    private func call() throws(StorageError) {
        try faults.withLock { (faults) throws(StorageError) in
            faults.calls += 1
            if faults.failing.contains(faults.calls) { throw faults.error }
        }
    }

    package func account() -> PoolAccount { pool.account() }
    package func setAccess(_ access: PoolAccess) { pool.setAccess(access) }
    package func length(of digest: SHA256Digest) -> ByteCount? { pool.length(of: digest) }
    package func contains(_ digest: SHA256Digest) -> Bool { pool.contains(digest) }
    package func part(of digest: SHA256Digest) -> ByteCount { pool.part(of: digest) }
    package func list() -> [PoolEntry] { pool.list() }
    package func marks() -> [SHA256Digest: PackageMark] { pool.marks() }
    package func scrubUnits() -> [ScrubUnit] { pool.scrubUnits() }
    package func check(readData: Bool) -> PoolCheck { pool.check(readData: readData) }
    package func reservationWasDropped(_ id: UInt64) { pool.reservationWasDropped(id) }

    package func setQuota(_ quota: ByteCount) throws(StorageError) {
        try call()
        try pool.setQuota(quota)
    }

    package func reserve(_ digest: SHA256Digest, length: ByteCount) throws(StorageError) -> Reservation {
        try call()
        return try pool.reserve(digest, length: length)
    }

    package func write(_ reservation: Reservation, at offset: ByteCount, _ bytes: RawSpan) throws(StorageError) {
        try call()
        try pool.write(reservation, at: offset, bytes)
    }

    package func lend(_ reservation: Reservation) throws(StorageError) -> FileDescriptor? {
        try call()
        return try pool.lend(reservation)
    }

    package func publish(_ reservation: Reservation) throws(StorageError) {
        try call()
        try pool.publish(reservation)
    }

    package func abandon(_ reservation: Reservation, keepingBytes: Bool) {
        pool.abandon(reservation, keepingBytes: keepingBytes)
    }

    package func open(_ digest: SHA256Digest) throws(StorageError) -> any PackageReader {
        try call()
        return try pool.open(digest)
    }

    package func verify(_ digest: SHA256Digest) throws(StorageError) {
        try call()
        try pool.verify(digest)
    }

    package func mark(_ digest: SHA256Digest, _ mark: PackageMark?) throws(StorageError) {
        try call()
        try pool.mark(digest, mark)
    }

    package func repair(
        _ digest: SHA256Digest, length: ByteCount, from source: any RepairSource
    ) throws(StorageError) -> RepairReport {
        try call()
        return try pool.repair(digest, length: length, from: source)
    }

    package func evict(_ digest: SHA256Digest) throws(StorageError) {
        try call()
        try pool.evict(digest)
    }

    package func compact() throws(StorageError) -> ByteCount {
        try call()
        return try pool.compact()
    }

    package func scrub(_ unit: ScrubUnit, pace: (ByteCount) -> Void) throws(StorageError) -> [SHA256Digest] {
        try call()
        return try pool.scrub(unit, pace: pace)
    }
}

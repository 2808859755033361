package import Model
internal import System
import TLS

/// A pool in memory with the behaviour of a file pool, for the simulation and for tests.
///
/// Its bytes live in a `Disk`, which outlives the pool: opening another pool on the same disk is what a restart is.
package final class MemoryPool: LedgerPool {
    /// What a restart leaves: published packages, and partial bytes.
    package final class Disk: Sendable {
        struct Content {
            var packages: [SHA256Digest: [UInt8]] = [:]
            var partial: [SHA256Digest: [UInt8]] = [:]
            var marks: [SHA256Digest: PackageMark] = [:]
            var capacity = ByteCount.maximum.bytes
        }
        let content = NativeLock(Content())

        package init() {}

        /// Limits the disk, so that it can be full before the quota is.
        package func setCapacity(_ capacity: ByteCount) {
            content.withLock { $0.capacity = capacity.bytes }
        }

        /// Changes one byte of a published package behind the pool's back; false if it has none.
        package func damage(_ digest: SHA256Digest) -> Bool {
            content.withLock { content in
                guard var bytes = content.packages[digest], let first = bytes.first else { return false }
                bytes[0] = ~first
                content.packages[digest] = bytes
                return true
            }
        }
    }

    private struct Transfer {
        let digest: SHA256Digest
        let length: UInt64
        let resumeOffset: UInt64
        var bytes: [UInt8]
    }

    private struct State {
        var ledger: PoolLedger
        var transfers: [UInt64: Transfer] = [:]
    }

    private let disk: Disk
    private let state: NativeLock<State>

    /// Opens the pool on a disk.
    package init(disk: Disk = Disk(), quota: ByteCount) {
        self.disk = disk
        var ledger = PoolLedger(quota: quota)
        disk.content.withLock { content in
            for (digest, bytes) in content.packages {
                let length = UInt64(bytes.count)
                ledger.adopt(held: digest, length: length, stored: length, mark: content.marks[digest])
            }
            for (digest, bytes) in content.partial.sorted(by: { $0.key < $1.key }) {
                ledger.adopt(leftover: digest, bytes: UInt64(bytes.count))
            }
        }
        state = NativeLock(State(ledger: ledger))
    }

    package func account() -> PoolAccount {
        let free = free()
        return state.withLock { $0.ledger.account(freeOnDisk: free) }
    }

    package func withLedger<Value>(_ body: (inout PoolLedger) -> Value) -> Value {
        state.withLock { body(&$0.ledger) }
    }

    package func setQuota(_ quota: ByteCount) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            drop(try state.ledger.planQuota(quota), &state)
            state.ledger.setQuota(quota)
        }
    }

    package func reserve(_ digest: SHA256Digest, length: ByteCount) throws(StorageError) -> Reservation {
        let (id, offset) = try state.withLock { (state) throws(StorageError) in
            try state.ledger.checkBeginning(digest)
            drop(try state.ledger.planRoom(length.bytes, for: digest), &state)
            if state.ledger.held[digest] != nil { remove(digest, &state) }
            var found = disk.content.withLock { $0.partial[digest] } ?? []
            if UInt64(found.count) > length.bytes {
                drop([digest], &state)
                found = []
            }
            let free = free().bytes
            let room = length.bytes - UInt64(found.count)
            guard free >= room, free - room >= state.ledger.reserved else { throw .diskFull }
            let id = state.ledger.begin(digest, length: length, stored: UInt64(found.count), promised: room)
            state.transfers[id] = Transfer(
                digest: digest, length: length.bytes, resumeOffset: UInt64(found.count), bytes: found)
            return (id, UInt64(found.count))
        }
        return Reservation(id: id, digest: digest, length: length, resumeOffset: ByteCount(offset), pool: self)
    }

    package func write(
        _ reservation: Reservation, at offset: ByteCount, _ bytes: RawSpan
    ) throws(StorageError) {
        let added = bytes.withUnsafeBytes { Array($0) }
        try state.withLock { (state) throws(StorageError) in
            guard var transfer = state.transfers[reservation.id], transfer.digest == reservation.digest else {
                throw .reservationEnded
            }
            let written = UInt64(transfer.bytes.count)
            guard offset.bytes == written else { throw .wrongOffset(expected: ByteCount(written)) }
            guard UInt64(added.count) <= transfer.length - written else {
                throw .tooLong(reserved: ByteCount(transfer.length))
            }
            guard free().bytes >= UInt64(added.count) else { throw .diskFull }
            state.transfers.removeValue(forKey: reservation.id)
            transfer.bytes += added
            disk.content.withLock { $0.partial[transfer.digest] = transfer.bytes }
            let stored = UInt64(transfer.bytes.count)
            state.ledger.progress(reservation.id, stored: stored, promised: transfer.length - stored)
            state.transfers[reservation.id] = transfer
        }
    }

    package func publish(_ reservation: Reservation) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            guard let transfer = state.transfers[reservation.id], transfer.digest == reservation.digest else {
                throw .reservationEnded
            }
            guard UInt64(transfer.bytes.count) == transfer.length else {
                throw .incomplete(
                    written: ByteCount(UInt64(transfer.bytes.count)), length: ByteCount(transfer.length))
            }
            state.transfers.removeValue(forKey: reservation.id)
            let isGood = SHA256.hash(transfer.bytes) == transfer.digest.bytes
            disk.content.withLock { content in
                content.partial.removeValue(forKey: transfer.digest)
                if isGood { content.packages[transfer.digest] = transfer.bytes }
            }
            state.ledger.end(reservation.id, as: isGood ? .published : .removed)
            guard isGood else { throw .hashMismatch(resumed: transfer.resumeOffset > 0) }
        }
    }

    package func abandon(_ reservation: Reservation, keepingBytes: Bool) {
        finish(reservation.id, keepingBytes: keepingBytes)
    }

    package func reservationWasDropped(_ id: UInt64) {
        finish(id, keepingBytes: true)
    }

    private func finish(_ id: UInt64, keepingBytes: Bool) {
        state.withLock { state in
            guard let transfer = state.transfers.removeValue(forKey: id) else { return }
            if !keepingBytes { _ = disk.content.withLock { $0.partial.removeValue(forKey: transfer.digest) } }
            state.ledger.end(id, as: keepingBytes ? .leftover : .removed)
        }
    }

    package func open(_ digest: SHA256Digest) throws(StorageError) -> any PackageReader {
        let length = try state.withLock { (state) throws(StorageError) in try state.ledger.beginReading(digest) }
        let bytes = disk.content.withLock { $0.packages[digest] } ?? []
        return MemoryPackageReader(bytes: bytes, digest: digest, length: ByteCount(length), pool: self)
    }

    func endReading(_ digest: SHA256Digest) {
        state.withLock { $0.ledger.endReading(digest) }
    }

    package func verify(_ digest: SHA256Digest) throws(StorageError) {
        let reader = try open(digest)
        guard try reader.contentDigest() != digest else { return }
        try mark(digest, .corrupt)
        throw .corrupt(digest)
    }

    package func mark(_ digest: SHA256Digest, _ mark: PackageMark?) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            guard try state.ledger.checkMarking(digest, mark) else { return }
            state.ledger.setMark(digest, mark)
            disk.content.withLock { $0.marks[digest] = mark }
        }
    }

    package func repair(
        _ digest: SHA256Digest, length: ByteCount, from source: any RepairSource
    ) throws(StorageError) -> RepairReport {
        if try isWhole(digest, length: length) { return RepairReport(fetched: .zero) }
        try mark(digest, .corrupt)
        var fetch = RepairFetch(source, digest)
        let bytes = try fetch.read(at: 0, count: length.bytes)
        guard SHA256.hash(bytes) == digest.bytes else { throw .hashMismatch(resumed: false) }
        state.withLock { state in
            disk.content.withLock { content in
                content.packages[digest] = bytes
                content.marks[digest] = nil
            }
            state.ledger.setMark(digest, nil)
        }
        return RepairReport(fetched: ByteCount(fetch.fetched))
    }

    package func evict(_ digest: SHA256Digest) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try state.ledger.checkEviction(digest)
            remove(digest, &state)
        }
    }

    package func compact() throws(StorageError) -> ByteCount { .zero }

    package func scrubUnits() -> [ScrubUnit] {
        state.withLock { $0.ledger.held.keys.sorted() }.map { .package($0) }
    }

    package func scrub(_ unit: ScrubUnit, pace: (ByteCount) -> Void) throws(StorageError) -> [SHA256Digest] {
        guard case .package(let digest) = unit, length(of: digest) != nil else { return [] }
        guard try open(digest).contentDigest(pace: pace) != digest else { return [] }
        try mark(digest, .corrupt)
        return [digest]
    }

    package func check(readData: Bool) -> PoolCheck {
        var check = PoolCheck()
        let marks = marks()
        check.packages = scrubUnits().count
        check.found(marks.filter { $0.value == .corrupt }.map(\.key))
        if readData { readEverything(&check) }
        return check
    }

    private func remove(_ digest: SHA256Digest, _ state: inout State) {
        disk.content.withLock { content in
            content.packages.removeValue(forKey: digest)
            content.marks.removeValue(forKey: digest)
        }
        state.ledger.remove(digest)
    }

    private func drop(_ digests: [SHA256Digest], _ state: inout State) {
        for digest in digests {
            _ = disk.content.withLock { $0.partial.removeValue(forKey: digest) }
            state.ledger.dropLeftover(digest)
        }
    }

    private func free() -> ByteCount {
        disk.content.withLock { content in
            let used =
                content.packages.values.reduce(0) { $0 + $1.count }
                + content.partial.values.reduce(0) { $0 + $1.count }
            return ByteCount(content.capacity) - ByteCount(UInt64(used))
        }
    }
}

/// A package of a memory pool; it keeps the bytes that it was opened with.
private final class MemoryPackageReader: PackageReader {
    let digest: SHA256Digest
    let length: ByteCount
    private let bytes: [UInt8]
    private let pool: MemoryPool

    init(bytes: [UInt8], digest: SHA256Digest, length: ByteCount, pool: MemoryPool) {
        self.bytes = bytes
        self.digest = digest
        self.length = length
        self.pool = pool
    }

    deinit {
        pool.endReading(digest)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: ByteCount) throws(StorageError) -> Int {
        guard offset.bytes < UInt64(bytes.count) else { return 0 }
        let part = bytes.dropFirst(Int(offset.bytes)).prefix(buffer.count)
        buffer.copyBytes(from: part)
        return part.count
    }

    func readAtHand(into buffer: UnsafeMutableRawBufferPointer, at offset: ByteCount) -> Int? {
        try? read(into: buffer, at: offset)  // Memory does not fail.
    }
}

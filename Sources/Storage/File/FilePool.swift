package import Model
package import System
import TLS

/// A pool of one file per package in a folder; docs/storage.md has its layout, its order of writes and what a crash leaves.
///
/// File names are hashes, so no name from outside ever reaches the file system. The folder must belong to one process (its daemon's lock sees to that).
/// Thread rule: any thread; the books are under one lock, each transfer under its own, and no transfer waits for another's disk.
package final class FilePool: LedgerPool {
    /// How many bytes of a transfer may be unsynchronised, so that `publish` does not have to wait for all of them.
    static let synchronizeEvery: UInt64 = 64 << 20
    /// Bytes after which the disk is told to begin, so that little is left to wait for then.
    static let writebackEvery: UInt64 = 4 << 20

    /// The pool's folder.
    package let folder: String
    let step: PoolStepHook
    let state: NativeLock<State>

    struct State {
        var ledger: PoolLedger
        var transfers: [UInt64: FileTransfer] = [:]
    }

    /// Opens the pool in `folder`, making it if nothing is there; a folder of another kind or a newer version is refused and not touched.
    ///
    /// `step` is called before each change of the disk and may throw in its place: for crash tests.
    package init(
        folder: String, quota: ByteCount,
        step: @escaping PoolStepHook = { (_: PoolStep) throws(StorageError) in }
    ) throws(StorageError) {
        self.folder = folder
        self.step = step
        let ledger = try Self.load(folder: folder, quota: quota, step: step)
        state = NativeLock(State(ledger: ledger))
    }

    /// Reads what is in the folder into fresh books.
    private static func load(
        folder: String, quota: ByteCount, step: PoolStepHook
    ) throws(StorageError) -> PoolLedger {
        try PoolFolder.prepare(folder, .file, step: step)
        var ledger = PoolLedger(quota: quota)
        for (digest, status, mark) in try PoolFolder.packages(folder) {
            let length = UInt64(max(0, status.size))
            let sums = try sumsLength(folder, digest)
            ledger.adopt(held: digest, length: length, stored: length + sums, mark: mark)
        }
        for (digest, status) in try PoolFolder.partials(folder) {
            // A crash between two steps of an older layout could leave both; the published one is whole.
            if let held = ledger.held[digest], held.mark != .corrupt {
                try PoolFolder.remove(PoolFolder.partialPath(folder, digest), step: step)
                continue
            }
            ledger.adopt(leftover: digest, bytes: UInt64(max(0, status.size)))
        }
        for (digest, _) in try PoolFolder.files(folder + "/sums") where ledger.held[digest] == nil {
            try PoolFolder.remove(sumsPath(folder, digest), step: step)
        }
        return ledger
    }

    private static func sumsLength(_ folder: String, _ digest: SHA256Digest) throws(StorageError) -> UInt64 {
        let path = sumsPath(folder, digest)
        let size = try storage { () throws(SystemError) in try File.status(path, followLinks: false)?.size }
        return UInt64(max(0, size ?? 0))
    }

    static func sumsPath(_ folder: String, _ digest: SHA256Digest) -> String { "\(folder)/sums/\(digest.hex)" }

    // MARK: Books

    package func account() -> PoolAccount {
        // A disk that does not answer has no room that anyone may count on.
        let free = (try? Directory.space(folder).available) ?? 0
        return state.withLock { $0.ledger.account(freeOnDisk: ByteCount(free)) }
    }

    package func withLedger<Value>(_ body: (inout PoolLedger) -> Value) -> Value {
        state.withLock { body(&$0.ledger) }
    }

    package func setQuota(_ quota: ByteCount) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try dropLeftovers(try state.ledger.planQuota(quota), &state)
            state.ledger.setQuota(quota)
        }
    }

    // MARK: Transfer

    package func reserve(_ digest: SHA256Digest, length: ByteCount) throws(StorageError) -> Reservation {
        let path = PoolFolder.partialPath(folder, digest)
        let extra = BlockSums.fileLength(for: length.bytes)
        let (id, found) = try state.withLock { (state) throws(StorageError) in
            try state.ledger.checkBeginning(digest)
            let room = (length + ByteCount(extra)).bytes
            try dropLeftovers(try state.ledger.planRoom(room, for: digest), &state)
            if state.ledger.held[digest] != nil { try remove(digest, &state) }
            var found = state.ledger.leftover(of: digest)
            if found > length.bytes {
                try dropLeftovers([digest], &state)
                found = 0
            }
            try checkDisk(room: room - found, reserved: state.ledger.reserved)
            return (state.ledger.begin(digest, length: length, stored: found, promised: room - found), found)
        }
        do {
            if found == 0 { try step(.createFile(path)) }
            let transfer = try FileTransfer(path: path, digest: digest, length: length.bytes, found: found)
            let offset = transfer.resumeOffset
            state.withLock { state in
                state.ledger.progress(
                    id, stored: max(offset, found), promised: length.bytes + extra - max(offset, found))
                state.transfers[id] = transfer
            }
            return Reservation(id: id, digest: digest, length: length, resumeOffset: ByteCount(offset), pool: self)
        } catch {
            state.withLock { $0.ledger.end(id, as: .leftover) }
            throw error
        }
    }

    package func write(
        _ reservation: Reservation, at offset: ByteCount, _ bytes: RawSpan
    ) throws(StorageError) {
        let transfer = try transfer(of: reservation)
        try transfer.write(at: offset.bytes, bytes, step)
        let written = transfer.written
        let total = transfer.length + BlockSums.fileLength(for: transfer.length)
        state.withLock { $0.ledger.progress(reservation.id, stored: written, promised: total - written) }
    }

    package func lend(_ reservation: Reservation) throws(StorageError) -> FileDescriptor? {
        let transfer = try transfer(of: reservation)
        let extra = BlockSums.fileLength(for: transfer.length)
        // The room is on the disk from here on, whatever is in it.
        state.withLock { $0.ledger.progress(reservation.id, stored: transfer.length, promised: extra) }
        return try transfer.lend(step)
    }

    package func publish(_ reservation: Reservation) throws(StorageError) {
        let transfer = try transfer(of: reservation)
        let target = PoolFolder.path(folder, reservation.digest, nil)
        var sums: UInt64 = 0
        do {
            try transfer.finish(step)
            sums = try writeSums(transfer.sums, of: reservation.digest)
            try PoolFolder.move(transfer.path, to: target, step: step)
        } catch {
            if case .incomplete = error { throw error }
            // After a failed synchronisation nothing says what is on the disk: the bytes go, as they do when their hash is wrong.
            removeSums(of: reservation.digest)
            end(reservation.id, as: removePartial(transfer.path) ? .removed : .leftover)
            throw error
        }
        state.withLock { $0.ledger.progress(reservation.id, stored: transfer.length + sums, promised: 0) }
        end(reservation.id, as: .published)
    }

    /// Keeps the checksums of a package's blocks beside it; says how many bytes they take. They only save a repair some bytes, so that a failure is no error.
    func writeSums(_ sums: BlockSums, of digest: SHA256Digest) throws(StorageError) -> UInt64 {
        let length = BlockSums.fileLength(for: sums.length)
        guard length > 0 else { return 0 }
        let path = Self.sumsPath(folder, digest)
        try step(.replace(path))
        do throws(SystemError) {
            try AtomicFile.write(sums.encoded, to: path, mode: 0o600)
            return length
        } catch {
            return 0
        }
    }

    package func abandon(_ reservation: Reservation, keepingBytes: Bool) {
        finish(reservation.id, keepingBytes: keepingBytes)
    }

    package func reservationWasDropped(_ id: UInt64) {
        finish(id, keepingBytes: true)
    }

    private func finish(_ id: UInt64, keepingBytes: Bool) {
        guard let transfer = state.withLock({ $0.transfers[id] }) else { return }
        let keepsBytes = keepingBytes && !transfer.isLent
        transfer.close()
        let removed = keepsBytes && transfer.written > 0 ? false : removePartial(transfer.path)
        end(id, as: removed ? .removed : .leftover)
    }

    // MARK: Packages

    package func open(_ digest: SHA256Digest) throws(StorageError) -> any PackageReader {
        let length = try state.withLock { (state) throws(StorageError) in try state.ledger.beginReading(digest) }
        do throws(SystemError) {
            return FilePackageReader(
                file: try FileDescriptor.open(PoolFolder.path(folder, digest, nil), [.read, .noFollow]),
                digest: digest, length: ByteCount(length), pool: self)
        } catch {
            endReading(digest)
            throw StorageError(error)
        }
    }

    func endReading(_ digest: SHA256Digest) {
        state.withLock { $0.ledger.endReading(digest) }
    }

    package func mark(_ digest: SHA256Digest, _ mark: PackageMark?) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            guard try state.ledger.checkMarking(digest, mark) else { return }
            let old = PoolFolder.path(folder, digest, state.ledger.held[digest]?.mark)
            // The books first: whatever the disk says, the package is not given to anybody from here on.
            if mark != nil { state.ledger.setMark(digest, mark) }
            try PoolFolder.move(old, to: PoolFolder.path(folder, digest, mark), step: step)
            state.ledger.setMark(digest, mark)
        }
    }

    package func evict(_ digest: SHA256Digest) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try state.ledger.checkEviction(digest)
            try remove(digest, &state)
        }
    }

    package func compact() throws(StorageError) -> ByteCount {
        // Every package has its own file: what is evicted is free at once.
        .zero
    }

    // MARK: Steps

    private func transfer(of reservation: Reservation) throws(StorageError) -> FileTransfer {
        guard let transfer = state.withLock({ $0.transfers[reservation.id] }), transfer.digest == reservation.digest
        else { throw .reservationEnded }
        return transfer
    }

    private func end(_ id: UInt64, as outcome: PoolLedger.Outcome) {
        state.withLock { state in
            state.transfers.removeValue(forKey: id)
            state.ledger.end(id, as: outcome)
        }
    }

    func dropLeftovers(_ digests: [SHA256Digest], _ state: inout State) throws(StorageError) {
        for digest in digests {
            try PoolFolder.remove(PoolFolder.partialPath(folder, digest), step: step)
            state.ledger.dropLeftover(digest)
        }
    }

    /// Removes partial bytes; false where that failed, and they stay in the books as a leftover.
    private func removePartial(_ path: String) -> Bool {
        do {
            try PoolFolder.remove(path, step: step)
            return true
        } catch {
            return false
        }
    }

    private func remove(_ digest: SHA256Digest, _ state: inout State) throws(StorageError) {
        guard let held = state.ledger.held[digest] else { return }
        try PoolFolder.remove(PoolFolder.path(folder, digest, held.mark), step: step)
        if held.stored > held.length { removeSums(of: digest) }
        state.ledger.remove(digest)
    }

    /// Removes the sums of a package that is gone; what stays is swept at the next start.
    private func removeSums(of digest: SHA256Digest) {
        do {
            try PoolFolder.remove(Self.sumsPath(folder, digest), step: step)
        } catch {
            return
        }
    }

    private func checkDisk(room: UInt64, reserved: UInt64) throws(StorageError) {
        let free = try storage { () throws(SystemError) in try Directory.space(folder).available }
        guard free >= room, free - room >= reserved else { throw .diskFull }
    }
}

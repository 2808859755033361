package import Model
import Synchronization
import System
import TLS

/// A pool of one file per package in a folder; docs/storage.md has its layout, its order of writes and what a crash leaves.
///
/// File names are hashes, so no name from outside ever reaches the file system. The folder must belong to one process (its daemon's lock sees to that).
/// Thread rule: any thread; the books are under one lock, each transfer under its own, and no transfer waits for another's disk.
package final class FilePool: PackagePool {
    /// The kind and version of the folder, the whole content of its file `format`.
    static let format = "axle pool 1\n"
    /// How many bytes of a transfer may be unsynchronised, so that `publish` does not have to wait for all of them.
    static let synchronizeEvery: UInt64 = 64 << 20

    /// The pool's folder.
    package let folder: String
    private let step: @Sendable (PoolStep) throws(StorageError) -> Void
    private let state: Mutex<State>

    private struct State {
        var ledger: PoolLedger
        var transfers: [UInt64: FileTransfer] = [:]
    }

    /// Opens the pool in `folder`, making it if nothing is there; a folder of another kind or a newer version is refused and not touched.
    ///
    /// `step` is called before each change of the disk and may throw in its place: for crash tests.
    package init(
        folder: String, quota: ByteCount,
        step: @escaping @Sendable (PoolStep) throws(StorageError) -> Void = { (_: PoolStep) throws(StorageError) in }
    ) throws(StorageError) {
        self.folder = folder
        self.step = step
        let ledger = try Self.load(folder: folder, quota: quota, step: step)
        state = Mutex(State(ledger: ledger))
    }

    // MARK: Books

    package func account() -> PoolAccount {
        // A disk that does not answer has no room that anyone may count on.
        let free = (try? Directory.space(folder).available) ?? 0
        return state.withLock { $0.ledger.account(freeOnDisk: ByteCount(free)) }
    }

    package func list() -> [PoolEntry] {
        state.withLock { state in
            state.ledger.published.map { PoolEntry(digest: $0.key, length: ByteCount($0.value)) }
                .sorted { $0.digest < $1.digest }
        }
    }

    package func length(of digest: SHA256Digest) -> ByteCount? {
        state.withLock { $0.ledger.published[digest].map { ByteCount($0) } }
    }

    package func setQuota(_ quota: ByteCount) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try dropLeftovers(try state.ledger.planQuota(quota), &state)
            state.ledger.setQuota(quota)
        }
    }

    // MARK: Transfer

    package func reserve(_ digest: SHA256Digest, length: ByteCount) throws(StorageError) -> Reservation {
        let path = partialPath(digest)
        let (id, found) = try state.withLock { (state) throws(StorageError) in
            try dropLeftovers(try state.ledger.planReservation(digest, length: length), &state)
            var found = state.ledger.leftovers.first { $0.digest == digest }?.bytes ?? 0
            if found > length.bytes {
                try dropLeftovers([digest], &state)
                found = 0
            }
            try checkDisk(room: (length - ByteCount(found)).bytes, reserved: state.ledger.reserved)
            return (state.ledger.begin(digest, length: length, written: found), found)
        }
        do {
            if found == 0 { try step(.createPartial(path)) }
            let transfer = try FileTransfer(path: path, digest: digest, length: length.bytes, found: found)
            let offset = transfer.resumeOffset
            state.withLock { state in
                state.ledger.wrote(id, upTo: offset)
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
        state.withLock { $0.ledger.wrote(reservation.id, upTo: written) }
    }

    package func publish(_ reservation: Reservation) throws(StorageError) {
        let transfer = try transfer(of: reservation)
        let target = packagePath(reservation.digest)
        do {
            try transfer.finish(step)
            let parent = Directory.parent(of: target)
            if !File.exists(parent) {
                try step(.createFolder(parent))
                try storage { () throws(SystemError) in try Directory.create(parent, mode: 0o700) }
            }
            try step(.publish(from: transfer.path, to: target))
            try storage { () throws(SystemError) in try File.rename(transfer.path, to: target) }
            end(reservation.id, as: .published)
        } catch {
            if case .incomplete = error { throw error }
            // After a failed synchronisation nothing says what is on the disk: the bytes go, as they do when their hash is wrong.
            end(reservation.id, as: removePartial(transfer.path) ? .removed : .leftover)
            throw error
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
        transfer.close()
        let removed = keepingBytes && transfer.written > 0 ? false : removePartial(transfer.path)
        end(id, as: removed ? .removed : .leftover)
    }

    // MARK: Packages

    package func open(_ digest: SHA256Digest) throws(StorageError) -> any PackageReader {
        let length = try state.withLock { (state) throws(StorageError) in try state.ledger.beginReading(digest) }
        do throws(SystemError) {
            return FilePackageReader(
                file: try FileDescriptor.open(packagePath(digest), [.read, .noFollow]), digest: digest,
                length: ByteCount(length), pool: self)
        } catch {
            endReading(digest)
            throw StorageError(error)
        }
    }

    func endReading(_ digest: SHA256Digest) {
        state.withLock { $0.ledger.endReading(digest) }
    }

    package func verify(_ digest: SHA256Digest) throws(StorageError) {
        let reader = try open(digest)
        guard try reader.contentDigest() != digest else { return }
        try state.withLock { (state) throws(StorageError) in
            try removePackage(digest)
            state.ledger.removePublished(digest)
        }
        throw .corrupt(digest)
    }

    package func evict(_ digest: SHA256Digest) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try state.ledger.checkEviction(digest)
            try removePackage(digest)
            state.ledger.removePublished(digest)
        }
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

    private func dropLeftovers(_ digests: [SHA256Digest], _ state: inout State) throws(StorageError) {
        for digest in digests {
            let path = partialPath(digest)
            try step(.removePartial(path))
            try storage { () throws(SystemError) in try File.remove(path) }
            state.ledger.dropLeftover(digest)
        }
    }

    /// Removes partial bytes; false where that failed, and they stay in the books as a leftover.
    private func removePartial(_ path: String) -> Bool {
        do {
            try step(.removePartial(path))
            try storage { () throws(SystemError) in try File.remove(path) }
            return true
        } catch {
            return false
        }
    }

    private func removePackage(_ digest: SHA256Digest) throws(StorageError) {
        let path = packagePath(digest)
        try step(.removePackage(path))
        try storage { () throws(SystemError) in try File.remove(path) }
    }

    private func checkDisk(room: UInt64, reserved: UInt64) throws(StorageError) {
        let free = try storage { () throws(SystemError) in try Directory.space(folder).available }
        guard free >= room, free - room >= reserved else { throw .diskFull }
    }

    private func partialPath(_ digest: SHA256Digest) -> String { "\(folder)/partial/\(digest.hex)" }

    private func packagePath(_ digest: SHA256Digest) -> String {
        "\(folder)/packages/\(digest.hex.prefix(2))/\(digest.hex)"
    }
}

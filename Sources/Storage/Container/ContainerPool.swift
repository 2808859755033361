import Content
package import Model
import Synchronization
import System

/// A pool of content-defined chunks, each stored once, in append-only container files; docs/storage.md has its layout, its order of writes and what a crash leaves.
///
/// What is written down: the containers, and a manifest (a list of chunks) for each package. Which chunk is where is kept in memory (about 130 bytes a chunk) and
/// read from the containers or their index files at the start. The folder must belong to one process.
/// Thread rule: any thread. Locks, always in this order: a transfer's own, maintenance (one compaction or repair at a time), writing, state; the state lock is held for
/// short work in memory, and for the renames and removals that belong to it.
package final class ContainerPool: LedgerPool {
    /// The pool's folder.
    package let folder: String
    let settings: ContainerPoolSettings
    let step: PoolStepHook
    let chunker: Chunker
    let state: NativeLock<State>
    let writing: NativeLock<ContainerWriter>
    let maintenance = NativeLock<Void>(())
    private let lanes: [WorkLane]
    private let nextLane = Atomic<Int>(0)

    struct State {
        var ledger: PoolLedger
        var index = ChunkIndex()
        var files: [UInt64: ContainerFile] = [:]
        var packages: [SHA256Digest: Content] = [:]
        /// The chunks of leftovers.
        var partials: [SHA256Digest: [UInt32]] = [:]
        var transfers: [UInt64: ContainerTransfer] = [:]
        /// Bytes of removed containers that a reader still holds open.
        var retired: UInt64 = 0
        /// Rises when records are lost to a failed synchronisation; transfers from before may have needed them and end.
        var generation: UInt64 = 0

        /// Brings the books up to date with the containers.
        mutating func settle() { ledger.shared = index.cost + retired }
    }

    /// What a package is made of.
    struct Content {
        var slots: [UInt32]
        /// False if its manifest is damaged, so that chunks are missing in `slots`.
        var isWhole: Bool
    }

    /// The reservation that pays for a chunk: what it has on disk and what it may still need, once the chunk is stored.
    struct Payer {
        let id: UInt64
        let stored: UInt64
        let promised: UInt64
    }

    /// Opens the pool in `folder`, making it if nothing is there; a folder of another kind or a newer version is refused and not touched.
    ///
    /// `step` is called before each change of the disk and may throw in its place: for crash tests.
    package init(
        folder: String, quota: ByteCount, settings: ContainerPoolSettings = ContainerPoolSettings(),
        step: @escaping PoolStepHook = { (_: PoolStep) throws(StorageError) in }
    ) throws(StorageError) {
        self.folder = folder
        self.settings = settings
        self.step = step
        chunker = Chunker(settings.limits)
        lanes = (0..<settings.lanes).map { WorkLane("pool.chunk.\($0)", limit: ContainerTransfer.pendingLimit) }
        var loader = try ContainerLoader(folder: folder, quota: quota, settings: settings, step: step)
        try loader.load()
        state = NativeLock(loader.state)
        writing = NativeLock(loader.writer)
    }

    var containers: String { folder + "/containers" }

    /// The lane for the next chunk.
    func lane() -> WorkLane {
        lanes[nextLane.wrappingAdd(1, ordering: .relaxed).oldValue % lanes.count]
    }

    /// True if the chunk is stored.
    func holds(_ digest: SHA256Digest) -> Bool { state.withLock { $0.index.holds(digest) } }

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
        while true {
            let isDone = try state.withLock { (state) throws(StorageError) in
                guard state.ledger.committed <= quota.bytes else { return false }
                state.ledger.setQuota(quota)
                return true
            }
            if isDone { return }
            if try compactOne(leastDeadPercent: 0) { continue }
            try state.withLock { (state) throws(StorageError) in
                guard let oldest = state.ledger.leftovers.first else {
                    throw .quotaBelowUse(ByteCount(state.ledger.committed))
                }
                try dropLeftover(oldest.digest, &state)
            }
        }
    }

    // MARK: Transfer

    package func reserve(_ digest: SHA256Digest, length: ByteCount) throws(StorageError) -> Reservation {
        while true {
            switch try planReservation(digest, length.bytes) {
            case .begun(let id, let slots, let offset):
                return try begin(id, digest, length, slots, offset)
            case .dropped: continue
            case .full(let needed, let available):
                if try compactOne(leastDeadPercent: 0) { continue }
                let dropped = try state.withLock { (state) throws(StorageError) in
                    guard let oldest = state.ledger.leftovers.first(where: { $0.digest != digest }) else {
                        return false
                    }
                    try dropLeftover(oldest.digest, &state)
                    return true
                }
                if !dropped { throw .quotaExceeded(needed: ByteCount(needed), available: ByteCount(available)) }
            }
        }
    }

    private enum Plan {
        case begun(UInt64, slots: [UInt32], offset: UInt64)
        case dropped
        case full(needed: UInt64, available: UInt64)
    }

    private func planReservation(_ digest: SHA256Digest, _ length: UInt64) throws(StorageError) -> Plan {
        try state.withLock { (state) throws(StorageError) in
            try state.ledger.checkBeginning(digest)
            if state.ledger.held[digest] != nil {
                try remove(digest, &state)
                return .dropped
            }
            // Of what is left from before, the chunks up to the first that is missing.
            let known = state.partials[digest] ?? []
            var kept: [UInt32] = []
            var offset: UInt64 = 0
            for slot in known {
                guard let chunk = state.index[slot], chunk.place != nil else { break }
                kept.append(slot)
                offset += UInt64(chunk.length)
            }
            guard offset <= length else {
                try dropLeftover(digest, &state)
                return .dropped
            }
            let own = PackageManifest.length(entries: kept.count)
            let promised = settings.room(for: length - offset)
            let spare = state.ledger.available + state.ledger.leftover(of: digest)
            let slack = settings.slack(quota: state.ledger.quota, largest: state.index.largestContainer)
            let (needed, overflow) = promised.addingReportingOverflow(own + slack)
            guard !overflow, needed <= spare else {
                return .full(
                    needed: overflow ? .max : needed - slack, available: spare - min(spare, slack))
            }
            let free = try storage { () throws(SystemError) in try Directory.space(folder).available }
            guard free >= length - offset, free - (length - offset) >= state.ledger.reserved else {
                throw .diskFull
            }
            for slot in known.dropFirst(kept.count) { state.index.release(slot) }
            state.partials.removeValue(forKey: digest)
            let id = state.ledger.begin(
                digest, length: ByteCount(length), stored: max(own, state.ledger.leftover(of: digest)),
                promised: promised)
            state.settle()
            return .begun(id, slots: kept, offset: offset)
        }
    }

    private func begin(
        _ id: UInt64, _ digest: SHA256Digest, _ length: ByteCount, _ slots: [UInt32], _ offset: UInt64
    ) throws(StorageError) -> Reservation {
        let path = PoolFolder.partialPath(folder, digest)
        do {
            let hash = RunningHash()
            for slot in slots {
                let bytes = try chunk(slot, of: digest)
                bytes.withUnsafeBytes { hash.update($0) }
            }
            let (generation, entries) = state.withLock { state in
                (state.generation, slots.compactMap { slot in state.index[slot].map { ($0.digest, $0.length) } })
            }
            var manifest = PackageManifest.header(digest, length: length.bytes)
            for (index, entry) in entries.enumerated() {
                manifest += PackageManifest.encode(.init(digest: entry.0, length: entry.1), at: index)
            }
            let transfer = try ContainerTransfer(
                digest: digest, length: length.bytes, path: path, generation: generation, slots: slots,
                offset: offset, hash: hash, manifest: manifest, step: step)
            state.withLock { state in
                state.transfers[id] = transfer
                state.ledger.progress(
                    id, stored: UInt64(manifest.count), promised: settings.room(for: length.bytes - offset))
            }
            return Reservation(id: id, digest: digest, length: length, resumeOffset: ByteCount(offset), pool: self)
        } catch {
            state.withLock { state in
                state.partials[digest] = slots
                state.ledger.end(id, as: .leftover)
            }
            throw error
        }
    }

    package func write(
        _ reservation: Reservation, at offset: ByteCount, _ bytes: RawSpan
    ) throws(StorageError) {
        try transfer(of: reservation).write(at: offset.bytes, bytes, into: self, as: reservation.id)
    }

    package func publish(_ reservation: Reservation) throws(StorageError) {
        let transfer = try transfer(of: reservation)
        do throws(StorageError) {
            try transfer.finish(into: self, as: reservation.id)
            try PoolFolder.move(
                transfer.path, to: PoolFolder.path(folder, reservation.digest, nil), step: step)
        } catch {
            switch error {
            case .incomplete: throw error
            case .hashMismatch: end(reservation.id, transfer, keepingBytes: false)
            default:
                // The chunks are not to blame: what is stored stays for another try.
                transfer.close(into: self, as: reservation.id, keepingBytes: false)
                end(reservation.id, transfer, keepingBytes: true)
            }
            throw error
        }
        let slots = transfer.slots
        state.withLock { state in
            state.transfers.removeValue(forKey: reservation.id)
            state.packages[reservation.digest] = Content(slots: slots, isWhole: true)
            state.ledger.progress(
                reservation.id, stored: PackageManifest.length(entries: slots.count), promised: 0)
            state.ledger.end(reservation.id, as: .published)
            state.settle()
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
        transfer.close(into: self, as: id, keepingBytes: keepingBytes)
        end(id, transfer, keepingBytes: keepingBytes)
    }

    /// Ends a transfer that did not become a package.
    private func end(_ id: UInt64, _ transfer: ContainerTransfer, keepingBytes: Bool) {
        let slots = transfer.slots
        state.withLock { state in
            guard state.transfers.removeValue(forKey: id) != nil else { return }
            state.partials[transfer.digest] = slots
            state.ledger.end(id, as: .leftover)
            if !keepingBytes || slots.isEmpty {
                do throws(StorageError) {
                    try dropLeftover(transfer.digest, &state)
                } catch {
                    // The file stays and is in the books as a leftover.
                    return
                }
            }
            state.settle()
        }
    }

    private func transfer(of reservation: Reservation) throws(StorageError) -> ContainerTransfer {
        guard let transfer = state.withLock({ $0.transfers[reservation.id] }), transfer.digest == reservation.digest
        else { throw .reservationEnded }
        return transfer
    }

    /// Removes a partial transfer that nobody has open.
    func dropLeftover(_ digest: SHA256Digest, _ state: inout State) throws(StorageError) {
        try PoolFolder.remove(PoolFolder.partialPath(folder, digest), step: step)
        for slot in state.partials.removeValue(forKey: digest) ?? [] { state.index.release(slot) }
        state.ledger.dropLeftover(digest)
        state.settle()
    }

    // MARK: Packages

    package func open(_ digest: SHA256Digest) throws(StorageError) -> any PackageReader {
        try state.withLock { (state) throws(StorageError) in
            let length = try state.ledger.beginReading(digest)
            let slots = state.packages[digest]?.slots ?? []
            var ends: [UInt64] = []
            ends.reserveCapacity(slots.count)
            var end: UInt64 = 0
            for slot in slots {
                end += UInt64(state.index[slot]?.length ?? 0)
                ends.append(end)
            }
            return ContainerPackageReader(
                digest: digest, length: ByteCount(length), slots: slots, ends: ends, pool: self)
        }
    }

    func endReading(_ digest: SHA256Digest) {
        state.withLock { $0.ledger.endReading(digest) }
    }

    package func mark(_ digest: SHA256Digest, _ mark: PackageMark?) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in try self.mark(digest, mark, &state) }
    }

    func mark(_ digest: SHA256Digest, _ mark: PackageMark?, _ state: inout State) throws(StorageError) {
        guard try state.ledger.checkMarking(digest, mark) else { return }
        let old = PoolFolder.path(folder, digest, state.ledger.held[digest]?.mark)
        // The books first: whatever the disk says, the package is not given to anybody from here on.
        if mark != nil { state.ledger.setMark(digest, mark) }
        if mark == nil, state.packages[digest]?.slots.allSatisfy({ state.index[$0]?.place != nil }) != true {
            // It lost chunks while it was withheld.
            try self.mark(digest, .corrupt, &state)
            throw .corrupt(digest)
        }
        try PoolFolder.move(old, to: PoolFolder.path(folder, digest, mark), step: step)
        state.ledger.setMark(digest, mark)
    }

    package func evict(_ digest: SHA256Digest) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try state.ledger.checkEviction(digest)
            try remove(digest, &state)
        }
    }

    private func remove(_ digest: SHA256Digest, _ state: inout State) throws(StorageError) {
        try PoolFolder.remove(PoolFolder.path(folder, digest, state.ledger.held[digest]?.mark), step: step)
        for slot in state.packages.removeValue(forKey: digest)?.slots ?? [] { state.index.release(slot) }
        state.ledger.remove(digest)
        state.settle()
    }
}

import Content
package import Model
import Synchronization
import System
import TLS

/// Mending what is damaged, chunk by chunk.
extension ContainerPool {
    /// A package's chunks while it is repaired; a stretch without entries is fetched and cut anew.
    private struct Draft {
        /// Chunks that are known, before and behind the stretch.
        let before: [PackageManifest.Entry]
        let behind: [PackageManifest.Entry]
        /// The stretch of the package of which no chunk is known.
        let gap: Range<UInt64>

        init(_ before: [PackageManifest.Entry], _ behind: [PackageManifest.Entry], length: UInt64) {
            let start = before.reduce(UInt64(0)) { $0 + UInt64($1.length) }
            let end = behind.reduce(UInt64(0)) { $0 + UInt64($1.length) }
            if start <= length, end <= length - start {
                self.before = before
                self.behind = behind
                gap = start..<length - end
            } else {
                self.before = []
                self.behind = []
                gap = 0..<length
            }
        }
    }

    package func repair(
        _ digest: SHA256Digest, length: ByteCount, from source: any RepairSource
    ) throws(StorageError) -> RepairReport {
        if try isWhole(digest, length: length) { return RepairReport(fetched: .zero) }
        try mark(digest, .corrupt)
        var fetch = RepairFetch(source, digest)
        var isMended = false
        for draft in try drafts(digest, length.bytes) where !isMended {
            isMended = try mend(digest, length.bytes, draft, &fetch)
        }
        guard isMended else { throw .hashMismatch(resumed: false) }
        return RepairReport(fetched: ByteCount(fetch.fetched))
    }

    /// What may be known of the package's chunks: as much as its manifest says, and if that leads nowhere, nothing.
    private func drafts(_ digest: SHA256Digest, _ length: UInt64) throws(StorageError) -> [Draft] {
        let known = state.withLock { state -> [PackageManifest.Entry]? in
            guard let content = state.packages[digest], content.isWhole else { return nil }
            return content.slots.compactMap { slot in
                state.index[slot].map { PackageManifest.Entry(digest: $0.digest, length: $0.length) }
            }
        }
        let nothing = Draft([], [], length: length)
        if let known { return [Draft(known, [], length: length), nothing] }
        let path = PoolFolder.path(folder, digest, .corrupt)
        let limit = Int(PackageManifest.length(entries: PackageManifest.mostEntries))
        // A manifest that cannot be read says nothing, and the whole package is fetched.
        guard let bytes = try? File.read(path, limit: limit) else { return [nothing] }
        let entries = PackageManifest(reading: bytes).entries
        let before = entries.prefix { $0 != nil }.compactMap { $0 }
        let behind = entries.dropFirst(before.count).reversed().prefix { $0 != nil }.reversed().compactMap { $0 }
        return [Draft(before, behind, length: length), nothing]
    }

    /// Makes a package of a draft; false if the result has another hash.
    private func mend(
        _ digest: SHA256Digest, _ length: UInt64, _ draft: Draft, _ fetch: inout RepairFetch
    ) throws(StorageError) -> Bool {
        let known = draft.before + draft.behind
        var slots = state.withLock { state in
            known.map { entry in
                let slot = state.index.demand(entry.digest, length: entry.length)
                state.index.retain(slot)
                return slot
            }
        }
        var isKept = false
        defer {
            if !isKept { state.withLock { state in for slot in slots { state.index.release(slot) } } }
        }
        let missing = try missing(slots)
        try lose(missing)
        let lacking = zip(known, slots).reduce(draft.gap.upperBound - draft.gap.lowerBound) {
            missing.contains($1.1) ? $0 + UInt64($1.0.length) : $0
        }
        let id = try beginRepair(digest, length, lacking: lacking)
        defer { state.withLock { $0.ledger.end(id, as: .removed) } }

        var offset: UInt64 = 0
        for (index, entry) in known.enumerated() {
            if index == draft.before.count { offset = draft.gap.upperBound }
            defer { offset += UInt64(entry.length) }
            guard missing.contains(slots[index]), !holds(entry.digest) else { continue }
            let bytes = try fetch.read(at: offset, count: UInt64(entry.length))
            let block = ChunkBlock(bytes.count)
            let range = bytes.withUnsafeBytes { block.append($0) }
            let chunk = PreparedChunk(block, range, self)
            guard chunk.digest == entry.digest else { return false }
            let stored = try store(chunk, paidBy: id)
            state.withLock { $0.index.release(stored) }
        }
        let filled = try fill(draft.gap, &fetch, paidBy: id)
        slots.insert(contentsOf: filled, at: draft.before.count)

        var hash = SHA256()
        for slot in slots {
            guard let bytes = try read(slot, hashed: false) else { return false }
            hash.update(bytes)
        }
        guard hash.finish() == digest.bytes else { return false }
        try writing.withLock { (writer) throws(StorageError) in try synchronize(&writer) }
        try show(digest, length, slots)
        isKept = true
        return true
    }

    /// The chunks that are not as their hashes say.
    private func missing(_ slots: [UInt32]) throws(StorageError) -> Set<UInt32> {
        var missing: Set<UInt32> = []
        for slot in Set(slots) where try read(slot, hashed: true) == nil { missing.insert(slot) }
        return missing
    }

    private func beginRepair(_ digest: SHA256Digest, _ length: UInt64, lacking: UInt64) throws(StorageError) -> UInt64 {
        try state.withLock { (state) throws(StorageError) in
            try state.ledger.checkEviction(digest)
            if state.ledger.leftover(of: digest) > 0 { try dropLeftover(digest, &state) }
            // The manifest is written beside the old one before that goes.
            let own = PackageManifest.length(entries: Int(clamping: settings.limits.mostChunks(in: length)))
            let needed = settings.room(for: lacking) + own
            guard state.ledger.available >= needed else {
                throw .quotaExceeded(needed: ByteCount(needed), available: ByteCount(state.ledger.available))
            }
            return state.ledger.begin(digest, length: ByteCount(length), stored: 0, promised: needed)
        }
    }

    private func store(_ chunk: PreparedChunk, paidBy id: UInt64) throws(StorageError) -> UInt32 {
        let (generation, promised) = state.withLock { ($0.generation, $0.ledger.open[id]?.promised ?? 0) }
        let own = settings.room(for: UInt64(chunk.range.count))
        return try store(
            chunk, generation: generation, paidBy: Payer(id: id, stored: 0, promised: promised - min(promised, own)))
    }

    /// Fetches a stretch and cuts it into chunks.
    private func fill(
        _ gap: Range<UInt64>, _ fetch: inout RepairFetch, paidBy id: UInt64
    ) throws(StorageError) -> [UInt32] {
        var slots: [UInt32] = []
        var rest: [UInt8] = []
        var at = gap.lowerBound
        do throws(StorageError) {
            while at < gap.upperBound || !rest.isEmpty {
                if at < gap.upperBound, rest.count < settings.limits.maximum {
                    let count = min(RepairFetch.piece, gap.upperBound - at)
                    rest += try fetch.read(at: at, count: count)
                    at += count
                }
                let length = rest.withUnsafeBytes { chunker.cut($0) }
                let block = ChunkBlock(length)
                let range = rest.withUnsafeBytes { block.append(.init(rebasing: $0[..<length])) }
                rest.removeFirst(length)
                slots.append(try store(PreparedChunk(block, range, self), paidBy: id))
            }
            return slots
        } catch {
            state.withLock { state in for slot in slots { state.index.release(slot) } }
            throw error
        }
    }

    /// Writes the manifest where it is not right, and makes the package visible with its new content.
    private func show(_ digest: SHA256Digest, _ length: UInt64, _ slots: [UInt32]) throws(StorageError) {
        let manifest = state.withLock { state in
            PackageManifest.encode(
                digest,
                slots.compactMap { slot in
                    state.index[slot].map { PackageManifest.Entry(digest: $0.digest, length: $0.length) }
                })
        }
        let path = PoolFolder.path(folder, digest, .corrupt)
        // What cannot be read is written again.
        let found = try? File.read(path, limit: manifest.count)
        if found != manifest {
            try step(.replace(path))
            try storage { () throws(SystemError) in try AtomicFile.write(manifest, to: path, mode: 0o400) }
        }
        try PoolFolder.move(path, to: PoolFolder.path(folder, digest, nil), step: step)
        state.withLock { state in
            for slot in state.packages[digest]?.slots ?? [] { state.index.release(slot) }
            state.packages[digest] = Content(slots: slots, isWhole: true)
            state.ledger.setStored(digest, length: length, stored: UInt64(manifest.count))
            state.ledger.setMark(digest, nil)
            state.settle()
        }
    }
}

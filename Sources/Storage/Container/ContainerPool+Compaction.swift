package import Model
import Synchronization
import System

/// Giving back the room of chunks that nothing needs: the chunks of a container that are needed are copied, then the container goes.
extension ContainerPool {
    /// Containers with fewer dead bytes than this part of theirs are left alone by `compact()`: copying them costs more than it gives.
    static let worthwhilePercent: UInt64 = 10

    package func compact() throws(StorageError) -> ByteCount {
        let before = state.withLock { $0.ledger.used }
        while try compactOne(leastDeadPercent: Self.worthwhilePercent) {}
        let after = state.withLock { $0.ledger.used }
        return ByteCount(before - min(before, after))
    }

    /// Compacts the container where it pays best; false if there is none, or no room to copy.
    func compactOne(leastDeadPercent percent: UInt64) throws(StorageError) -> Bool {
        try maintenance.withLock { (_) throws(StorageError) in
            let victim = try state.withLock { (state) throws(StorageError) -> UInt64? in
                try state.ledger.checkWritable()
                return state.index.bestVictim(
                    room: state.ledger.available - min(state.ledger.available, 2 * settings.containerOverhead),
                    leastDeadPercent: percent)
            }
            guard let victim else { return false }
            try compact(victim)
            return true
        }
    }

    private func compact(_ number: UInt64) throws(StorageError) {
        try writing.withLock { (writer) throws(StorageError) in
            if writer.file?.number == number { try close(&writer) }
        }
        // From here on nothing in the container that is unneeded can become needed.
        let (slots, liveCost) = state.withLock { state in
            state.index.dropUnused(in: number)
            return (state.index.slots(in: number), state.index.books[number]?.liveCost ?? 0)
        }
        let id = state.withLock { state in
            // The room is promised like that of a transfer, so that no reservation takes it meanwhile.
            state.ledger.begin(
                SHA256Digest(computed: [UInt8](repeating: 0, count: 32)), length: .zero, stored: 0,
                promised: liveCost + 2 * settings.containerOverhead)
        }
        defer { state.withLock { $0.ledger.end(id, as: .removed) } }
        var copies: [(slot: UInt32, place: ChunkIndex.Place)] = []
        var lost: Set<UInt32> = []
        for slot in slots {
            guard
                let (file, place) = state.withLock({ state in
                    state.index[slot]?.place.flatMap { place in state.files[place.container].map { ($0, place) } }
                }), place.container == number
            else { continue }
            guard let payload = try file.payload(place) else {
                lost.insert(slot)
                continue
            }
            copies.append((slot, try copy(payload, place.header, paidBy: id)))
        }
        try writing.withLock { (writer) throws(StorageError) in
            // The copies are on the disk before the first of them counts, and long before the container goes.
            try synchronize(&writer)
            state.withLock { state in
                for copy in copies where state.index[copy.slot]?.place?.container == number {
                    state.index.place(copy.slot, copy.place)
                }
            }
        }
        try lose(lost)
        try removeContainer(number)
    }

    /// Adds a copy of a record, which counts as dead until the index points to it.
    private func copy(
        _ payload: [UInt8], _ header: ChunkHeader, paidBy id: UInt64
    ) throws(StorageError) -> ChunkIndex.Place {
        try writing.withLock { (writer) throws(StorageError) in
            try makeRoom(&writer)
            return try payload.span.bytes.withUnsafeBytes { (bytes) throws(StorageError) in
                let place = try writer.append(header, bytes)
                state.withLock { state in
                    state.index.grow(place.container, by: header)
                    let left = state.ledger.open[id]?.promised ?? 0
                    let paid = header.recordLength + UInt64(ContainerIndex.entryLength)
                    state.ledger.progress(id, stored: 0, promised: left - min(left, paid))
                    state.settle()
                }
                return place
            }
        }
    }

    /// Removes a container that holds nothing needed; its bytes count until the last reader has closed it.
    private func removeContainer(_ number: UInt64) throws(StorageError) {
        guard let file = state.withLock({ $0.files[number] }) else { return }
        try PoolFolder.remove(file.path, step: step)
        let cost = state.withLock { state in
            let cost = state.index.books[number]?.cost ?? 0
            state.index.removeContainer(number)
            state.files.removeValue(forKey: number)
            state.retired += cost
            state.settle()
            return cost
        }
        file.whenClosed { [weak self] in
            self?.state.withLock { state in
                state.retired -= min(state.retired, cost)
                state.settle()
            }
        }
        // A stray index is removed at the next start at the latest, and too small to be counted for long.
        try PoolFolder.remove(ContainerWriter.indexPath(containers, number), step: step)
    }
}

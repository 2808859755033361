import Model
import Synchronization
import System
import TLS

/// Storing and reading single chunks.
extension ContainerPool {
    /// Stores a chunk, or finds that it is here; it has one reference more then. `paidBy` is the reservation's state afterwards.
    func store(_ chunk: PreparedChunk, generation: UInt64, paidBy payer: Payer) throws(StorageError) -> UInt32 {
        if let slot = try reuse(chunk.digest, generation, payer) { return slot }
        return try writing.withLock { (writer) throws(StorageError) in
            // Another transfer may have stored it meanwhile.
            if let slot = try reuse(chunk.digest, generation, payer) { return slot }
            try makeRoom(&writer)
            return try chunk.withStored { (payload) throws(StorageError) in
                let header = ChunkHeader(
                    coding: chunk.coding, chunkLength: UInt32(chunk.range.count), storedLength: UInt32(payload.count),
                    digest: chunk.digest, payloadChecksum: Checksum.of(payload))
                let place = try writer.append(header, payload)
                return state.withLock { state in
                    state.index.grow(place.container, by: header)
                    let slot = state.index.demand(chunk.digest, length: header.chunkLength)
                    state.index.place(slot, place)
                    state.index.retain(slot)
                    // Cost and payment in one step: whoever looks finds no byte counted by nobody.
                    state.ledger.progress(payer.id, stored: payer.stored, promised: payer.promised)
                    state.settle()
                    return slot
                }
            }
        }
    }

    private func reuse(_ digest: SHA256Digest, _ generation: UInt64, _ payer: Payer) throws(StorageError) -> UInt32? {
        try state.withLock { (state) throws(StorageError) in
            guard state.generation == generation else {
                throw .io("the disk failed to keep what was written; begin the transfer again")
            }
            guard let slot = state.index.slot(of: digest), state.index[slot]?.place != nil else { return nil }
            state.index.retain(slot)
            state.ledger.progress(payer.id, stored: payer.stored, promised: payer.promised)
            return slot
        }
    }

    /// Sees to it that a container is open that may still grow.
    func makeRoom(_ writer: inout ContainerWriter) throws(StorageError) {
        if writer.file != nil, writer.cost >= settings.containerLimit(quota: state.withLock { $0.ledger.quota }) {
            try close(&writer)
        }
        guard writer.file == nil else { return }
        let file = try writer.begin()
        state.withLock { state in
            state.files[file.number] = file
            state.index.addContainer(file.number, length: UInt64(ContainerHeader.length))
            state.settle()
        }
    }

    /// Closes the container that grows.
    func close(_ writer: inout ContainerWriter) throws(StorageError) {
        try synchronize(&writer)
        try writer.close()
    }

    /// Brings all records to the disk; if that fails, what is not there is forgotten, and transfers that may have needed it end.
    func synchronize(_ writer: inout ContainerWriter) throws(StorageError) {
        do throws(StorageError) {
            try writer.synchronize()
        } catch {
            let given = writer.giveUp()
            guard let file = given.file else { throw error }
            var isCut = false
            do throws(StorageError) {
                try step(.truncate(file.path, to: given.durable))
                try file.truncate(to: given.durable)
                isCut = true
            } catch {
                // The bytes stay, in the books too; the next start cuts them off.
            }
            state.withLock { state in
                state.generation += 1
                for found in given.lost {
                    guard let slot = state.index.slot(of: found.header.digest),
                        state.index[slot]?.place
                            == ChunkIndex.Place(container: file.number, offset: found.offset, header: found.header)
                    else { continue }
                    state.index.lose(slot)
                }
                if isCut {
                    state.index.setContainer(file.number, length: given.durable, chunks: UInt64(given.kept.count))
                }
                state.settle()
            }
            throw error
        }
    }

    /// Brings all records to the disk for a transfer that is about to become a package.
    func synchronizeContainers(generation: UInt64) throws(StorageError) {
        try writing.withLock { (writer) throws(StorageError) in try synchronize(&writer) }
        guard state.withLock({ $0.generation }) == generation else {
            throw .io("the disk failed to keep what was written; begin the transfer again")
        }
    }

    /// Reads a chunk for a package; one that is missing or damaged marks all packages that need it.
    func chunk(_ slot: UInt32, of package: SHA256Digest) throws(StorageError) -> [UInt8] {
        if let bytes = try read(slot, hashed: false) { return bytes }
        try lose([slot])
        throw .corrupt(package)
    }

    /// Reads a chunk and decodes it; nil if it is missing or damaged. Its checksum is always looked at, its hash where the caller wants proof.
    func read(_ slot: UInt32, hashed: Bool) throws(StorageError) -> [UInt8]? {
        let found = state.withLock { state -> (ContainerFile, ChunkIndex.Place)? in
            guard let place = state.index[slot]?.place, let file = state.files[place.container] else { return nil }
            return (file, place)
        }
        guard let (file, place) = found, let stored = try file.payload(place) else { return nil }
        return try decode(stored, place.header, hashed: hashed)
    }

    func decode(_ stored: [UInt8], _ header: ChunkHeader, hashed: Bool) throws(StorageError) -> [UInt8]? {
        var bytes = stored
        if header.coding != 0 {
            guard let coding = settings.codings.first(where: { $0.code == header.coding }) else {
                throw .codingMissing(header.coding)
            }
            guard let decoded = coding.decode(stored, length: Int(header.chunkLength)) else { return nil }
            bytes = decoded
        }
        guard bytes.count == Int(header.chunkLength) else { return nil }
        return !hashed || SHA256.hash(bytes) == header.digest.bytes ? bytes : nil
    }

    /// Forgets the places of chunks that are damaged, and marks every package that needs them.
    @discardableResult
    func lose(_ slots: Set<UInt32>) throws(StorageError) -> [SHA256Digest] {
        try state.withLock { (state) throws(StorageError) in
            var marked: [SHA256Digest] = []
            for (digest, content) in state.packages where content.slots.contains(where: slots.contains) {
                marked.append(digest)
            }
            let containers = Set(slots.compactMap { state.index[$0]?.place?.container })
            for slot in slots { state.index.lose(slot) }
            state.settle()
            for number in containers { rewriteIndex(number, state) }
            // The books before the disk: a rename that fails must not leave another package visible.
            for digest in marked {
                if state.ledger.held[digest]?.mark == nil { state.ledger.setMark(digest, .corrupt) }
            }
            var failure: StorageError?
            for digest in marked {
                let visible = PoolFolder.path(folder, digest, nil)
                guard state.ledger.held[digest]?.mark == .corrupt, File.exists(visible) else { continue }
                do throws(StorageError) {
                    try PoolFolder.move(visible, to: PoolFolder.path(folder, digest, .corrupt), step: step)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            return marked.sorted()
        }
    }

    /// Writes a full container's index from what is in memory; a damaged chunk must not be believed again at the next start.
    func rewriteIndex(_ number: UInt64, _ state: State) {
        // One without is scanned at the start.
        if File.exists(ContainerWriter.indexPath(containers, number)) { writeIndex(number, state) }
    }

    func writeIndex(_ number: UInt64, _ state: State) {
        guard let book = state.index.books[number] else { return }
        let places = state.index.slots(in: number).compactMap { state.index[$0]?.place }.sorted {
            $0.offset < $1.offset
        }
        ContainerWriter.write(
            ContainerIndex(
                number: number, containerLength: book.length,
                chunks: places.map { ContainerScan.Found(header: $0.header, offset: $0.offset) }),
            folder: containers, step: step)
    }
}

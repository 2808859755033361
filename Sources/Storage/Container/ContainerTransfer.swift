import Content
import Model
import System
import TLS

/// One package on its way into a container pool: cut into chunks, each chunk hashed and encoded on a lane beside the whole package's hash, then stored in order.
///
/// The pipeline is bounded: one block of 1 MiB that fills, those that chunks in the lanes still point into, and at most `pendingLimit` chunks not stored
/// yet, which are what a killed process loses. Thread rule: any thread; a transfer's own lock keeps its writes in order.
final class ContainerTransfer: Sendable {
    static let pendingLimit = 4
    private static let blockLength = 1 << 20

    let digest: SHA256Digest
    let length: UInt64
    /// Where the first write belongs.
    let resumeOffset: UInt64
    /// Which of the pool's losses this transfer has not suffered; see `ContainerPool.State.generation`.
    let generation: UInt64
    let path: String
    private let hashing = WorkLane("pool.hash", limit: 16)
    private let hash: RunningHash
    private let state: NativeLock<State>

    private struct State: ~Copyable {
        var file: FileDescriptor?
        var slots: [UInt32]
        var block = ChunkBlock(ContainerTransfer.blockLength)
        /// Where in the block the next chunk begins.
        var cut = 0
        var taken: UInt64
        var stored: UInt64
        var pending: [WorkResult<PreparedChunk>] = []
        /// The slot of the first pending chunk, if it is stored and only its line in the manifest is missing.
        var unlisted: UInt32?
    }

    /// Goes on behind `slots`, whose bytes are hashed into `hash` already; `manifest` is what the partial file has to say about them.
    init(
        digest: SHA256Digest, length: UInt64, path: String, generation: UInt64, slots: [UInt32], offset: UInt64,
        hash: RunningHash, manifest: [UInt8], step: PoolStepHook
    ) throws(StorageError) {
        self.digest = digest
        self.length = length
        self.path = path
        self.generation = generation
        self.hash = hash
        resumeOffset = offset
        let whole = Int64(manifest.count)
        let isNew = slots.isEmpty
        if isNew { try step(.createFile(path)) }
        let access: FileDescriptor.Access =
            isNew ? [.readWrite, .create, .truncate, .noFollow] : [.readWrite, .create, .noFollow]
        let file = try storage { () throws(SystemError) in try FileDescriptor.open(path, access, mode: 0o600) }
        let size = try storage { () throws(SystemError) in try file.status().size }
        if size >= whole {
            // The header anew: the transfer before may have been told another length.
            try step(.write(path, at: 0, count: PackageManifest.headerLength))
            try storage { () throws(SystemError) in
                try file.write(Array(manifest.prefix(PackageManifest.headerLength)), at: 0)
            }
        }
        if size > whole {
            try step(.truncate(path, to: UInt64(whole)))
            try storage { () throws(SystemError) in try file.truncate(to: whole) }
        } else if size < whole {
            try step(.write(path, at: 0, count: manifest.count))
            try storage { () throws(SystemError) in try file.write(manifest, at: 0) }
        }
        state = NativeLock(State(file: file, slots: slots, taken: offset, stored: offset))
    }

    /// The chunks that are stored, in order.
    var slots: [UInt32] { state.withLock { $0.slots + ($0.unlisted.map { [$0] } ?? []) } }

    /// Takes bytes; only what came before them can fail here, and then none of them was taken.
    func write(at offset: UInt64, _ bytes: RawSpan, into pool: ContainerPool, as id: UInt64) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            guard state.file != nil else { throw .reservationEnded }
            guard offset == state.taken else { throw .wrongOffset(expected: ByteCount(state.taken)) }
            guard UInt64(bytes.byteCount) <= length - state.taken else {
                throw .tooLong(reserved: ByteCount(length))
            }
            try store(&state, downTo: Self.pendingLimit, into: pool, as: id)
            bytes.withUnsafeBytes { take($0, &state, pool) }
            do throws(StorageError) {
                try store(&state, downTo: Self.pendingLimit, into: pool, as: id)
            } catch {
                // The bytes were taken; the chunk that could not be stored stays pending, and the next call says why.
                return
            }
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer, _ state: inout State, _ pool: ContainerPool) {
        var rest = bytes
        while !rest.isEmpty {
            if state.block.count == Self.blockLength { carry(&state) }
            let block = state.block
            let range = block.append(rest)
            rest = .init(rebasing: rest[range.count...])
            let hash = hash
            hashing.submit { hash.update(block.bytes(range)) }
            state.taken += UInt64(range.count)
            cut(&state, pool, isLast: false)
        }
    }

    /// Begins a block with what is left of the one before, which is shorter than a chunk.
    private func carry(_ state: inout State) {
        let fresh = ChunkBlock(Self.blockLength)
        _ = fresh.append(state.block.bytes(state.cut..<state.block.count))
        state.block = fresh
        state.cut = 0
    }

    private func cut(_ state: inout State, _ pool: ContainerPool, isLast: Bool) {
        let maximum = pool.settings.limits.maximum
        while state.block.count - state.cut >= maximum || isLast && state.cut < state.block.count {
            let block = state.block
            let window = state.cut..<min(state.block.count, state.cut + maximum)
            let range = state.cut..<state.cut + pool.chunker.cut(block.bytes(window))
            state.cut = range.upperBound
            state.pending.append(pool.lane().compute { PreparedChunk(block, range, pool) })
        }
    }

    /// Stores pending chunks in order until `count` are left.
    private func store(
        _ state: inout State, downTo count: Int, into pool: ContainerPool, as id: UInt64
    ) throws(StorageError) {
        while state.pending.count > count, let first = state.pending.first {
            let chunk = first.get()
            let at = PackageManifest.length(entries: state.slots.count)
            let rest = length - state.stored - UInt64(chunk.range.count)
            let slot: UInt32
            if let unlisted = state.unlisted {
                slot = unlisted
            } else {
                slot = try pool.store(
                    chunk, generation: generation,
                    paidBy: ContainerPool.Payer(
                        id: id, stored: at + UInt64(PackageManifest.entryLength),
                        promised: pool.settings.room(for: rest)))
                state.unlisted = slot
            }
            let entry = PackageManifest.Entry(digest: chunk.digest, length: UInt32(chunk.range.count))
            try pool.step(.write(path, at: at, count: PackageManifest.entryLength))
            let line = PackageManifest.encode(entry, at: state.slots.count)
            do throws(SystemError) {
                try state.file?.write(line, at: Int64(clamping: at))
            } catch {
                throw StorageError(error)
            }
            state.unlisted = nil
            state.slots.append(slot)
            state.stored += UInt64(chunk.range.count)
            state.pending.removeFirst()
        }
    }

    /// Stores all chunks, checks length and hash, and brings the manifest to the disk; the file is closed unless bytes are missing.
    func finish(into pool: ContainerPool, as id: UInt64) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            guard state.file != nil else { throw .reservationEnded }
            guard state.taken == length else {
                throw .incomplete(written: ByteCount(state.taken), length: ByteCount(length))
            }
            cut(&state, pool, isLast: true)
            try store(&state, downTo: 0, into: pool, as: id)
            hashing.drain()
            guard hash.finish() == digest.bytes else { throw .hashMismatch(resumed: resumeOffset > 0) }
            try pool.synchronizeContainers(generation: generation)
            try pool.step(.synchronize(path))
            do throws(SystemError) {
                try state.file?.synchronizeData()
                try state.file.take()?.close()
                try File.setMode(path, 0o400)
            } catch {
                throw StorageError(error)
            }
        }
    }

    /// Stores the whole chunks that came and closes the file; what does not fill a chunk is forgotten.
    func close(into pool: ContainerPool, as id: UInt64, keepingBytes: Bool) {
        state.withLock { state in
            if keepingBytes, state.file != nil {
                do throws(StorageError) {
                    try store(&state, downTo: 0, into: pool, as: id)
                } catch {
                    // What could not be stored is fetched again.
                    state.pending = []
                }
            }
            state.pending = []
            state.file = nil
        }
    }
}

/// Memory that fills from its beginning; what is filled does not change, so that lanes may read it meanwhile.
final class ChunkBlock: @unchecked Sendable {
    private let base: UnsafeMutableRawBufferPointer
    /// Bytes that are filled; only the transfer's lock touches it.
    private(set) var count = 0

    init(_ capacity: Int) {
        base = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    /// Takes as many bytes as there is room for, and says where they are.
    func append(_ bytes: UnsafeRawBufferPointer) -> Range<Int> {
        let taken = min(bytes.count, base.count - count)
        let range = count..<count + taken
        UnsafeMutableRawBufferPointer(rebasing: base[range]).copyMemory(from: .init(rebasing: bytes[..<taken]))
        count += taken
        return range
    }

    /// Bytes that are filled, valid as long as the block lives.
    func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: base[range])
    }
}

/// The hash of a whole package; one thread at a time continues it.
final class RunningHash: @unchecked Sendable {
    private var hash = SHA256()

    func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bytes) }
    func finish() -> [UInt8] { hash.finish() }
}

/// A chunk as it will be stored.
struct PreparedChunk: Sendable {
    let block: ChunkBlock
    let range: Range<Int>
    let digest: SHA256Digest
    let coding: UInt8
    /// The encoded bytes; nil where the block's own are stored.
    let encoded: [UInt8]?

    init(_ block: ChunkBlock, _ range: Range<Int>, _ pool: ContainerPool) {
        self.block = block
        self.range = range
        let bytes = block.bytes(range)
        digest = SHA256Digest(computed: SHA256.hash(bytes))
        // A chunk that is here already is not worth encoding.
        if let writer = pool.settings.codings.first, !pool.holds(digest), let shorter = writer.encode(bytes),
            shorter.count < bytes.count, !shorter.isEmpty
        {
            coding = writer.code
            encoded = shorter
        } else {
            coding = 0
            encoded = nil
        }
    }

    func withStored<Value>(_ body: (UnsafeRawBufferPointer) throws(StorageError) -> Value) throws(StorageError) -> Value
    {
        guard let encoded else { return try body(block.bytes(range)) }
        return try encoded.span.bytes.withUnsafeBytes { (bytes) throws(StorageError) in try body(bytes) }
    }
}

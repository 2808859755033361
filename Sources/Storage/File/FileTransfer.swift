import Model
import Synchronization
import System
import TLS

/// One package on its way into a file pool: its partial file, and the hash of what is in it so far.
///
/// Thread rule: any thread; a transfer's own lock keeps its writes in order.
final class FileTransfer: Sendable {
    let path: String
    let digest: SHA256Digest
    let length: UInt64
    /// Where the first write belongs.
    let resumeOffset: UInt64
    private let state: NativeLock<State>
    private let position: Atomic<UInt64>

    private struct State: ~Copyable {
        var file: FileDescriptor?
        var hash: SHA256
        var sums: BlockSums.Builder
        var unsynchronized: UInt64
        /// Up to where the disk was told to begin.
        var begun: UInt64
        /// Somebody else fills the file: nothing in it is known before the end.
        var isLent = false
    }

    /// Opens the partial file, or makes it; the `found` bytes that are there are hashed, which reads them all.
    init(path: String, digest: SHA256Digest, length: UInt64, found: UInt64) throws(StorageError) {
        self.path = path
        self.digest = digest
        self.length = length
        var hash = SHA256()
        var sums = BlockSums.Builder()
        var offset: UInt64 = 0
        let access: FileDescriptor.Access =
            found > 0 ? [.readWrite, .create, .noFollow] : [.readWrite, .create, .truncate, .noFollow]
        let file = try storage { () throws(SystemError) in try FileDescriptor.open(path, access, mode: 0o600) }
        while offset < min(found, length) {
            let count = Int(min(1 << 20, min(found, length) - offset))
            let start = offset
            let bytes: [UInt8]
            do throws(SystemError) {
                bytes = try file.read(count: count, at: Int64(start))
            } catch {
                throw StorageError(error)
            }
            if bytes.isEmpty { break }
            hash.update(bytes)
            bytes.withUnsafeBytes { sums.update($0) }
            offset += UInt64(bytes.count)
        }
        resumeOffset = offset
        position = Atomic(offset)
        state = NativeLock(State(file: file, hash: hash, sums: sums, unsynchronized: offset, begun: offset))
    }

    /// Bytes that are here and hashed.
    var written: UInt64 { position.load(ordering: .sequentiallyConsistent) }

    /// The checksums of the blocks of all that is here.
    var sums: BlockSums { state.withLock { $0.sums.finish(length: length) } }

    /// Appends bytes; a write that fails half-way is not counted, and the next one goes to the same place.
    func write(
        at offset: UInt64, _ bytes: RawSpan, _ step: PoolStepHook
    ) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            let written = self.written
            guard state.file != nil, !state.isLent else { throw .reservationEnded }
            guard offset == written else { throw .wrongOffset(expected: ByteCount(written)) }
            guard UInt64(bytes.byteCount) <= length - written else { throw .tooLong(reserved: ByteCount(length)) }
            try step(.write(path, at: written, count: bytes.byteCount))
            try bytes.withUnsafeBytes { (buffer) throws(StorageError) in
                do throws(SystemError) {
                    try state.file?.write(buffer, at: Int64(written))
                } catch {
                    throw StorageError(error)
                }
                state.hash.update(buffer)
                state.sums.update(buffer)
            }
            let count = UInt64(bytes.byteCount)
            position.store(written + count, ordering: .sequentiallyConsistent)
            state.unsynchronized += count
            if written + count - state.begun >= FilePool.writebackEvery {
                state.file?.startWriteback(
                    offset: Int64(clamping: state.begun), length: Int64(clamping: written + count - state.begun))
                state.begun = written + count
            }
            if state.unsynchronized >= FilePool.synchronizeEvery {
                try synchronize(&state, step)
            }
        }
    }

    /// Empties the file, takes its whole room and hands it out.
    func lend(_ step: PoolStepHook) throws(StorageError) -> FileDescriptor? {
        let number = try state.withLock { (state) throws(StorageError) -> Int32? in
            guard state.file != nil, !state.isLent else { throw .reservationEnded }
            state.isLent = true
            state.hash = SHA256()
            state.sums = BlockSums.Builder()
            position.store(0, ordering: .sequentiallyConsistent)
            state.begun = 0
            try step(.truncate(path, to: 0))
            try step(.truncate(path, to: length))
            do throws(SystemError) {
                try state.file?.truncate(to: 0)
                try state.file?.allocate(Int64(clamping: length))
                try state.file?.truncate(to: Int64(clamping: length))
                return try state.file?.duplicate().release()
            } catch {
                throw StorageError(error)
            }
        }
        return number.map { FileDescriptor(takingOwnership: $0) }
    }

    /// Whether somebody else fills the file.
    var isLent: Bool { state.withLock { $0.isLent } }

    /// Hashes the lent file from its beginning, and lets the disk begin with what is behind.
    private func readLent(_ state: inout State) throws(StorageError) {
        let size = try storage { () throws(SystemError) in try state.file?.status().size }
        guard size == Int64(clamping: length) else { throw .hashMismatch(resumed: false) }
        var offset: UInt64 = 0
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        while offset < length {
            let wanted = Int(min(UInt64(piece.count), length - offset))
            let at = Int64(clamping: offset)
            var failure: SystemError?
            let count = piece.withUnsafeMutableBytes { buffer in
                do throws(SystemError) {
                    let count = try state.file?.read(into: .init(rebasing: buffer[..<wanted]), at: at) ?? 0
                    let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                    state.hash.update(bytes)
                    state.sums.update(bytes)
                    return count
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw StorageError(failure) }
            if count == 0 { break }
            offset += UInt64(count)
        }
        position.store(offset, ordering: .sequentiallyConsistent)
    }

    /// Checks length and hash and brings every byte to the disk; the file is closed unless bytes are missing.
    func finish(_ step: PoolStepHook) throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            guard state.file != nil else { throw .reservationEnded }
            if state.isLent { try readLent(&state) }
            guard written == length else {
                throw .incomplete(written: ByteCount(written), length: ByteCount(length))
            }
            guard state.hash.finish() == digest.bytes else {
                throw .hashMismatch(resumed: resumeOffset > 0 && !state.isLent)
            }
            try synchronize(&state, step)
            do throws(SystemError) {
                try state.file.take()?.close()
                try File.setMode(path, 0o400)
            } catch {
                throw StorageError(error)
            }
        }
    }

    /// Closes the file; what is written stays.
    func close() {
        state.withLock { $0.file = nil }
    }

    private func synchronize(
        _ state: inout State, _ step: PoolStepHook
    ) throws(StorageError) {
        try step(.synchronize(path))
        do throws(SystemError) {
            try state.file?.synchronizeData()
        } catch {
            throw StorageError(error)
        }
        state.unsynchronized = 0
    }
}

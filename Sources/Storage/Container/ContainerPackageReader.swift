import Model
internal import System

/// A published package of a container pool, open for reading; keeps the chunk that was read last.
final class ContainerPackageReader: PackageReader {
    let digest: SHA256Digest
    let length: ByteCount
    private let slots: [UInt32]
    /// Where each chunk ends in the package.
    private let ends: [UInt64]
    private let pool: ContainerPool
    private let last = NativeLock<(index: Int, bytes: [UInt8])?>(nil)

    init(digest: SHA256Digest, length: ByteCount, slots: [UInt32], ends: [UInt64], pool: ContainerPool) {
        self.digest = digest
        self.length = length
        self.slots = slots
        self.ends = ends
        self.pool = pool
    }

    deinit {
        pool.endReading(digest)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: ByteCount) throws(StorageError) -> Int {
        guard offset < length, !buffer.isEmpty else { return 0 }
        let end = offset.bytes + min(UInt64(buffer.count), length.bytes - offset.bytes)
        var index = firstChunk(endingAfter: offset.bytes)
        var at = offset.bytes
        while at < end, index < slots.count {
            let start = index == 0 ? 0 : ends[index - 1]
            let bytes = try chunk(index)
            guard UInt64(bytes.count) == ends[index] - start else { throw .corrupt(digest) }
            let part = Int(at - start)..<Int(min(end, ends[index]) - start)
            let done = Int(at - offset.bytes)
            UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + part.count]).copyBytes(from: bytes[part])
            at = min(end, ends[index])
            index += 1
        }
        return Int(at - offset.bytes)
    }

    private func chunk(_ index: Int) throws(StorageError) -> [UInt8] {
        if let kept = last.withLock({ $0 }), kept.index == index { return kept.bytes }
        let bytes = try pool.chunk(slots[index], of: digest)
        last.withLock { $0 = (index, bytes) }
        return bytes
    }

    private func firstChunk(endingAfter offset: UInt64) -> Int {
        var low = 0
        var high = ends.count
        while low < high {
            let middle = (low + high) / 2
            if ends[middle] > offset { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

import Model
import System

/// A published package of a file pool, open for reading.
final class FilePackageReader: PackageReader {
    let digest: SHA256Digest
    let length: ByteCount
    private let file: FileDescriptor
    private let pool: FilePool

    init(file: consuming FileDescriptor, digest: SHA256Digest, length: ByteCount, pool: FilePool) {
        file.advise(.sequential)
        self.file = file
        self.digest = digest
        self.length = length
        self.pool = pool
    }

    deinit {
        pool.endReading(digest)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: ByteCount) throws(StorageError) -> Int {
        guard let wanted = part(of: buffer, at: offset) else { return 0 }
        return try storage { () throws(SystemError) in try file.readAll(into: wanted, at: offset.signed) }
    }

    func readAtHand(into buffer: UnsafeMutableRawBufferPointer, at offset: ByteCount) -> Int? {
        guard let wanted = part(of: buffer, at: offset) else { return 0 }
        return file.readAtHand(into: wanted, at: offset.signed)
    }

    /// What of a buffer the package's rest fills; nil for nothing.
    private func part(of buffer: UnsafeMutableRawBufferPointer, at offset: ByteCount) -> UnsafeMutableRawBufferPointer?
    {
        guard offset < length, !buffer.isEmpty else { return nil }
        return UnsafeMutableRawBufferPointer(
            rebasing: buffer[..<min(buffer.count, Int(clamping: (length - offset).bytes))])
    }

    func file(scratch: String) throws(StorageError) -> FileDescriptor {
        try storage { () throws(SystemError) in try file.duplicate() }
    }
}

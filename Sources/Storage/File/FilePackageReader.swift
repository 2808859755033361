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

    func read(at offset: ByteCount, count: Int) throws(StorageError) -> [UInt8] {
        guard offset < length, count > 0 else { return [] }
        let rest = Int(clamping: (length - offset).bytes)
        do throws(SystemError) {
            return try file.read(count: min(count, rest), at: offset.signed)
        } catch {
            throw StorageError(error)
        }
    }

    func file(scratch: String) throws(StorageError) -> FileDescriptor {
        try storage { () throws(SystemError) in try file.duplicate() }
    }
}

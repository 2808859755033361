package import Model
import TLS

extension PackageReader {
    /// The hash of all that the reader gives, in pieces of 1 MiB; of fewer bytes than `length` if the file was cut.
    package func contentDigest(pace: (ByteCount) -> Void = { _ in }) throws(StorageError) -> SHA256Digest {
        var hash = SHA256()
        var offset = ByteCount.zero
        while true {
            let piece = try read(at: offset, count: 1 << 20)
            if piece.isEmpty { break }
            hash.update(piece)
            offset += ByteCount(UInt64(piece.count))
            pace(ByteCount(UInt64(piece.count)))
        }
        return SHA256Digest(computed: hash.finish())
    }
}

extension SHA256Digest {
    /// The result of a hash, which always has 32 bytes.
    init(computed bytes: [UInt8]) {
        do throws(ModelError) {
            try self.init(bytes: bytes)
        } catch {
            preconditionFailure("a SHA-256 that has not 32 bytes")
        }
    }
}

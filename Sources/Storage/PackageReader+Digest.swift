package import Model
import TLS

extension PackageReader {
    /// The hash of all that the reader gives, in pieces of 1 MiB; of fewer bytes than `length` if the file was cut.
    package func contentDigest() throws(StorageError) -> SHA256Digest {
        var hash = SHA256()
        var offset = ByteCount.zero
        while true {
            let piece = try read(at: offset, count: 1 << 20)
            if piece.isEmpty { break }
            hash.update(piece)
            offset += ByteCount(UInt64(piece.count))
        }
        do throws(ModelError) {
            return try SHA256Digest(bytes: hash.finish())
        } catch {
            throw .io(error.description)
        }
    }
}

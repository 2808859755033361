package import System
package import Trust

/// A client's trusted metadata on disk, each file byte for byte as it was received; the folder `trust/` of a daemon's state.
///
/// All verbs block on the disk; one refresh at a time. Errors are `SystemError`.
package struct MetadataFolder: Sendable {
    package let path: String

    /// Makes the folder if it is not there and sweeps what an interrupted write left.
    package init(_ path: String) throws(SystemError) {
        self.path = path
        try Directory.create(path, mode: 0o700)
        try AtomicFile.removeLeftovers(in: path)
    }

    /// The file's bytes; nil if it is not there or longer than `limit`, which no file that was persisted is.
    package func load(_ file: MetadataFile, limit: Int = 8 << 20) throws(SystemError) -> [UInt8]? {
        do {
            return try File.read(Directory.join(path, file.fileName), limit: limit)
        } catch {
            if error.errno == .notFound || error.errno == .tooLarge { return nil }
            throw error
        }
    }

    /// Replaces the file, durably.
    package func persist(_ file: MetadataFile, _ bytes: [UInt8]) throws(SystemError) {
        try AtomicFile.write(bytes, to: Directory.join(path, file.fileName))
    }

    /// Removes the file, durably; one that is not there is no error.
    package func delete(_ file: MetadataFile) throws(SystemError) {
        if try File.remove(Directory.join(path, file.fileName)) { try Directory.synchronize(path) }
    }
}

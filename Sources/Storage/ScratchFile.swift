package import Model
package import System

/// A nameless file for bytes that are needed for a while only; a crash leaves nothing of it.
package enum ScratchFile {
    /// Room on the disk that is left to everybody else.
    static let margin = ByteCount(64 << 20)

    /// A file of `length` bytes, whose room is taken; refused with `scratchFull` where the disk has not that much free.
    package static func make(in folder: String, length: ByteCount) throws(StorageError) -> FileDescriptor {
        let available = ByteCount(try storage { () throws(SystemError) in try Directory.space(folder).available })
        let needed = length + margin
        guard available >= needed else { throw .scratchFull(needed: needed, available: available) }
        return try storage { () throws(SystemError) in
            let file = try FileDescriptor.unnamed(in: folder)
            try file.allocate(length.signed)
            try file.truncate(to: length.signed)
            return file
        }
    }
}

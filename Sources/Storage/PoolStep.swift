/// A change to the disk that a pool is about to make; crash tests cut before each one, and fault tests fail it.
package enum PoolStep: Hashable, Sendable {
    case createFolder(String)
    case createFile(String)
    /// `count` bytes at an offset.
    case write(String, at: UInt64, count: Int)
    case truncate(String, to: UInt64)
    /// The file's bytes to the disk.
    case synchronize(String)
    /// A whole small file in one step: written beside, synchronised, renamed.
    case replace(String)
    /// Rename, then both folders to the disk.
    case rename(String, to: String)
    case remove(String)
}

/// What stands before each change of the disk; throws in its place.
package typealias PoolStepHook = @Sendable (PoolStep) throws(StorageError) -> Void

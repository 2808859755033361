internal import Glibc

/// What a file is (stat(2)), as far as the product asks.
package struct FileStatus: Hashable, Sendable {
    /// The kinds of file that are told apart.
    package enum Kind: Sendable {
        case file
        case folder
        case symbolicLink
        case other
    }

    package let kind: Kind
    /// Length in bytes.
    package let size: Int64
    /// Bytes that it takes on the disk.
    package let allocated: Int64
    /// The permission bits, such as 0o600.
    package let mode: UInt32
    package let owner: UInt32
    package let inode: UInt64
    package let device: UInt64
    /// Last change of the contents, in milliseconds since 1970.
    package let modifiedMilliseconds: Int64
    /// Last change of the contents or of the above, in nanoseconds since 1970; nobody can set it back.
    package let changedNanoseconds: Int64

    init(_ raw: stat) {
        kind =
            switch raw.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .symbolicLink
            default: .other
            }
        size = Int64(raw.st_size)
        allocated = Int64(raw.st_blocks) * 512
        mode = raw.st_mode & 0o7777
        owner = raw.st_uid
        inode = UInt64(raw.st_ino)
        device = UInt64(raw.st_dev)
        modifiedMilliseconds = Int64(raw.st_mtim.tv_sec) * 1000 + Int64(raw.st_mtim.tv_nsec) / 1_000_000
        // Wraps after the year 2262, which tells two changes apart all the same.
        changedNanoseconds = Int64(raw.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(raw.st_ctim.tv_nsec)
    }
}

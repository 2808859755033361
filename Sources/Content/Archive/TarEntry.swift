package import Model

/// One member of a tar archive, after every check that needs no file system.
package struct TarEntry: Equatable, Sendable {
    /// What the member is.
    package enum Kind: Equatable, Sendable {
        /// A regular file of `size` bytes, which follow.
        case file(size: Int64)
        case directory
        /// A symbolic link; the target is relative and stays inside the tree.
        case symbolicLink(target: String)
        /// Another name for a regular file that came before; the target is a path of the same form as `path`.
        case hardLink(target: [String])
    }

    /// The path's components from the archive's root: never empty strings, `.` or `..`; empty for the root itself.
    package var path: [String]
    package var kind: Kind
    /// Permission bits as they will be set: set-user-id, set-group-id, sticky and write for others are gone.
    package var mode: UInt16

    package init(path: [String], kind: Kind, mode: UInt16) {
        self.path = path
        self.kind = kind
        self.mode = mode
    }

    /// The path with slashes.
    package var name: String { path.joined(separator: "/") }
}

/// Where a `TarReader` puts what it reads, in the archive's order.
package protocol TarSink {
    /// A new member begins.
    mutating func begin(_ entry: TarEntry) throws
    /// Bytes of the file that began last, in order; never empty.
    mutating func write(_ bytes: Span<UInt8>) throws
    /// The member that began last is complete.
    mutating func end() throws
}

/// What one archive may hold at most.
package struct TarLimits: Equatable, Sendable {
    /// Members, directories and links counted.
    package var entries: Int
    /// Sum of the sizes of all files.
    package var bytes: Int64
    /// Bytes of one path or link target.
    package var pathLength: Int
    /// Components of one path.
    package var depth: Int
    /// Bytes of one PAX header or GNU long name.
    package var headerLength: Int

    package init(
        entries: Int = 200_000, bytes: Int64 = 16 << 30, pathLength: Int = 1024, depth: Int = 48,
        headerLength: Int = 65_536
    ) {
        self.entries = entries
        self.bytes = bytes
        self.pathLength = pathLength
        self.depth = depth
        self.headerLength = headerLength
    }

    /// What a package's tree may hold by its signed data.
    package init(for package: Package) {
        let unpacked = package.metadata.unpackedSize.bytes
        self.init(
            bytes: Int64(clamping: unpacked > 0 ? unpacked : package.metadata.content?.length.bytes ?? package.length))
    }
}

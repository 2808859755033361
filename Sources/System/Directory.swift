internal import CLinux
internal import Glibc

/// Verbs on folders by path. All block: call them on a named queue.
package enum Directory {
    /// The deepest tree that `removeTree` walks; deeper ones are refused, since each level holds a descriptor.
    package static let depthLimit = 128

    /// `folder/name` with one slash.
    package static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    /// The folder that a path is in: "." for a bare name.
    package static func parent(of path: String) -> String {
        var bytes = Array(path.utf8)
        while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == 0 ? "/" : String(decoding: bytes[..<slash], as: UTF8.self)
    }

    /// The folder that relative paths start from (getcwd).
    package static func current() throws(SystemError) -> String {
        // The C library takes the memory that the path needs.
        guard let path = getcwd(nil, 0) else { throw SystemError(call: "getcwd", errno: Errno.current) }
        defer { free(path) }
        return String(cString: path)
    }

    /// The path from the root on, for another process or for comparing; `.` and `..` stay in it.
    package static func absolute(_ path: String) throws(SystemError) -> String {
        path.hasPrefix("/") ? path : join(try current(), path)
    }

    /// Makes the folder and those above it; one that is there stays as it is. New ones are durable on return.
    package static func create(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
        try checkPath(path)
        if let status = try File.status(path) {
            guard status.kind == .folder else { throw SystemError(call: "mkdir", errno: .notFolder, path: path) }
            return
        }
        let above = parent(of: path)
        if above != path, above != "." { try create(above, mode: 0o755) }
        do throws(SystemError) {
            try retrying("mkdir", path) { mkdir(path, mode) }
            try FileDescriptor.open(path, [.folder, .noFollow]).setMode(mode, path)
        } catch {
            // Another process may have made it meanwhile.
            if error.errno != .exists { throw error }
        }
        try synchronize(above)
    }

    /// The folder of fsck(8) at the root of an ext file system: a mount point that holds nothing else is empty.
    package static let rescued = "lost+found"

    /// The names inside, sorted by bytes, without "." and "..".
    package static func list(_ path: String) throws(SystemError) -> [String] {
        let folder = try FileDescriptor.open(path, [.folder])
        return try names(folder, path).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Returns once the names in the folder are on the disk.
    package static func synchronize(_ path: String) throws(SystemError) {
        let folder = try FileDescriptor.open(path, [.folder])
        let number = folder.number
        try retrying("fsync", path) { fsync(number) }
    }

    /// Removes the folder and all inside; follows no link; false if it was not there.
    @discardableResult
    package static func removeTree(_ path: String) throws(SystemError) -> Bool {
        guard let status = try File.status(path, followLinks: false) else { return false }
        guard status.kind == .folder else { return try File.remove(path) }
        try empty(try FileDescriptor.open(path, [.folder, .noFollow]), path, depth: 0)
        try retrying("rmdir", path) { rmdir(path) }
        return true
    }

    private static func empty(
        _ folder: consuming FileDescriptor, _ path: String, depth: Int
    ) throws(SystemError) {
        guard depth < depthLimit else {
            throw SystemError(call: "rmdir", errno: .tooManyLinks, path: path, text: "deeper than \(depthLimit)")
        }
        let number = folder.number
        for name in try names(folder, path) {
            let inside = join(path, name)
            var raw = stat()
            try retrying("fstatat", inside) { fstatat(number, name, &raw, AT_SYMLINK_NOFOLLOW) }
            guard raw.st_mode & S_IFMT == S_IFDIR else {
                try retrying("unlink", inside) { unlinkat(number, name, 0) }
                continue
            }
            let child = try retrying("openat", inside) {
                axle_openat(number, name, O_DIRECTORY | O_NOFOLLOW, 0)
            }
            try empty(FileDescriptor(takingOwnership: child), inside, depth: depth + 1)
            try retrying("rmdir", inside) { unlinkat(number, name, AT_REMOVEDIR) }
        }
    }

    /// The names in an open folder, in the file system's order.
    private static func names(_ folder: borrowing FileDescriptor, _ path: String) throws(SystemError) -> [String] {
        let copy = try folder.duplicate().release()
        guard let stream = fdopendir(copy) else {
            let errno = Errno.current
            _ = Glibc.close(copy)
            throw SystemError(call: "opendir", errno: errno, path: path)
        }
        defer { closedir(stream) }
        rewinddir(stream)
        var result: [String] = []
        while true {
            Glibc.errno = 0
            guard let entry = readdir(stream) else {
                let errno = Errno.current
                if errno.rawValue != 0 { throw SystemError(call: "readdir", errno: errno, path: path) }
                return result
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { result.append(name) }
        }
    }

    /// The room of the file system that a path is on.
    package struct Space: Hashable, Sendable {
        /// Bytes that this process may still write.
        package let available: UInt64
        /// Bytes in all.
        package let total: UInt64
        /// Files that may still be made.
        package let availableFiles: UInt64
    }

    /// How much room is left (statvfs).
    package static func space(_ path: String) throws(SystemError) -> Space {
        try checkPath(path)
        var raw = statvfs()
        try retrying("statvfs", path) { statvfs(path, &raw) }
        let unit = UInt64(raw.f_frsize)
        return Space(
            available: UInt64(raw.f_bavail).multipliedReportingOverflow(by: unit).partialValue,
            total: UInt64(raw.f_blocks).multipliedReportingOverflow(by: unit).partialValue,
            availableFiles: UInt64(raw.f_favail))
    }
}

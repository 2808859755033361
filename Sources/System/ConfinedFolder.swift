internal import CLinux
internal import Glibc

/// A folder below which files are made by paths from outside; the kernel itself refuses every way out of it.
///
/// Every path is resolved by openat2(2) with `RESOLVE_BENEATH`, without following any link and without crossing into another
/// file system, so that neither `..` nor a link made a moment before leads out. Where openat2 is refused (kernels before 5.6,
/// systemd's `RestrictSUIDSGID=yes`, older containers), a walk with openat(2) and `O_NOFOLLOW` does the same, name by name.
/// Nothing is ever overwritten. Blocks; one thread at a time.
///
/// A path that leads through a link, to another file system or through something that is no folder is refused with ELOOP, EXDEV
/// or ENOTDIR. EPERM and EACCES are the machine's own refusals.
package struct ConfinedFolder: ~Copyable {
    private let folder: FileDescriptor
    private let walks: Bool

    /// Opens a folder that is there; a link in its place is refused. `walking` leaves openat2 aside, as where it is refused.
    package init(_ path: String, walking: Bool = false) throws(SystemError) {
        folder = try FileDescriptor.open(path, [.folder, .noFollow])
        walks = walking
    }

    private func open(_ folder: Int32, _ path: String, _ flags: Int32, _ mode: UInt32) -> Int32 {
        walks ? axle_openat_walk(folder, path, flags, mode) : axle_openat_beneath(folder, path, flags, mode)
    }

    /// Makes a folder and those above it; one that is there stays.
    package func makeFolder(_ path: [String], mode: UInt32 = 0o755) throws(SystemError) {
        guard !path.isEmpty else { return }
        _ = try openFolder(path, mode: mode)
    }

    /// Makes a new file with exactly this mode and opens it for writing; EEXIST if anything is there.
    package func makeFile(_ path: [String], mode: UInt32) throws(SystemError) -> FileDescriptor {
        let parent = try openFolder(path.dropLast())
        let name = try Self.last(path)
        let number = parent.number
        let raw = try retrying("openat", path.joined(separator: "/")) {
            open(number, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
        }
        let file = FileDescriptor(takingOwnership: raw)
        try retrying("fchmod", name) { fchmod(raw, mode) }
        return file
    }

    /// Opens a regular file for reading; a link on the way, a device or a pipe is refused.
    package func openFile(_ path: [String]) throws(SystemError) -> FileDescriptor {
        let whole = path.joined(separator: "/")
        for part in path {
            _ = try Self.last([part])
            guard part != "..", part != "." else { throw SystemError(call: "openat", errno: .invalid, path: whole) }
        }
        let number = folder.number
        // A pipe would wait for its writer for ever.
        let file = FileDescriptor(
            takingOwnership: try retrying("openat", whole) {
                open(number, whole, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0)
            })
        guard try file.status().kind == .file else {
            throw SystemError(call: "openat", errno: .isFolder, path: whole, text: "it is no plain file")
        }
        return file
    }

    /// Makes a symbolic link; its target is not looked at.
    package func makeSymbolicLink(_ path: [String], to target: String) throws(SystemError) {
        let parent = try openFolder(path.dropLast())
        let name = try Self.last(path)
        let number = parent.number
        try retrying("symlinkat", path.joined(separator: "/")) { symlinkat(target, number, name) }
    }

    /// Gives a regular file of this folder a second name; a folder is refused with EISDIR, anything else with ELOOP.
    package func makeHardLink(_ path: [String], to target: [String]) throws(SystemError) {
        let parent = try openFolder(path.dropLast())
        let source = try openFolder(target.dropLast())
        let (name, old) = (try Self.last(path), try Self.last(target))
        let (to, from) = (parent.number, source.number)
        var raw = stat()
        try retrying("fstatat", target.joined(separator: "/")) { fstatat(from, old, &raw, AT_SYMLINK_NOFOLLOW) }
        let kind = raw.st_mode & S_IFMT
        guard kind == S_IFREG else {
            throw SystemError(
                call: "linkat", errno: kind == S_IFDIR ? .isFolder : .tooManyLinks, path: target.joined(separator: "/"),
                text: "it is no plain file")
        }
        try retrying("linkat", path.joined(separator: "/")) { linkat(from, old, to, name, 0) }
    }

    /// Returns once all that was written in this folder (and on its file system) is on the disk.
    package func synchronizeAll() throws(SystemError) {
        let number = folder.number
        try retrying("syncfs") { axle_syncfs(number) }
    }

    /// Opens a folder below, making what is missing of it.
    private func openFolder(
        _ path: some Collection<String>, mode: UInt32 = 0o755
    ) throws(SystemError) -> FileDescriptor {
        guard !path.isEmpty else { return try folder.duplicate() }
        let root = folder.number
        let whole = path.joined(separator: "/")
        let flags = O_RDONLY | O_DIRECTORY
        do throws(SystemError) {
            return FileDescriptor(
                takingOwnership: try retrying("openat", whole) { open(root, whole, flags, 0) })
        } catch {
            guard error.errno == .notFound else { throw error }
        }
        let parent = try openFolder(Array(path.dropLast()), mode: 0o755)
        let name = try Self.last(path)
        let number = parent.number
        var isNew = true
        do throws(SystemError) {
            try retrying("mkdirat", whole) { mkdirat(number, name, mode) }
        } catch {
            if error.errno != .exists { throw error }
            isNew = false
        }
        let made = FileDescriptor(
            takingOwnership: try retrying("openat", whole) { open(number, name, flags, 0) })
        if isNew { try made.setMode(mode, whole) }
        return made
    }

    private static func last(_ path: some Collection<String>) throws(SystemError) -> String {
        guard let name = Array(path).last, !name.isEmpty, !name.utf8.contains(0), !name.utf8.contains(0x2F) else {
            throw SystemError(call: "openat", errno: .invalid, path: path.joined(separator: "/"))
        }
        return name
    }
}

internal import Glibc

/// Verbs on files by path. All block: call them on a named queue.
package enum File {
    /// The whole file, refused with EFBIG if it is longer than `limit` bytes; never reads more than that.
    package static func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        let file = try FileDescriptor.open(path)
        let status = try file.status()
        if status.kind == .folder { throw SystemError(call: "read", errno: .isFolder, path: path) }
        let tooLarge = SystemError(call: "read", errno: .tooLarge, path: path, text: "the limit is \(limit) bytes")
        if status.size > Int64(limit) { throw tooLarge }
        // The size of a file of /proc is 0 and any file may grow meanwhile: read until the end, up to the limit.
        var result: [UInt8] = []
        var wanted = min(limit, Int(status.size)) + 1
        while true {
            let piece = try readPiece(file, wanted)
            if piece.isEmpty { return result }
            // Most files come in one piece, which is not copied; one byte more was asked for, and did not come.
            let isWhole = result.isEmpty && status.kind == .file && Int64(piece.count) == status.size
            if result.isEmpty { result = piece } else { result += piece }
            if isWhole, result.count <= limit { return result }
            if result.count > limit { throw tooLarge }
            wanted = min(64 * 1024, limit - result.count + 1)
        }
    }

    private static func readPiece(_ file: borrowing FileDescriptor, _ count: Int) throws(SystemError) -> [UInt8] {
        var failure: SystemError?
        let number = file.number
        let piece = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            do throws(SystemError) {
                used = try retrying("read") { Glibc.read(number, buffer.baseAddress, buffer.count) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return piece
    }

    /// What is at the path, following symbolic links or not; nil if nothing is there.
    package static func status(_ path: String, followLinks: Bool = true) throws(SystemError) -> FileStatus? {
        try checkPath(path)
        var raw = stat()
        do throws(SystemError) {
            try retrying("stat", path) { followLinks ? stat(path, &raw) : lstat(path, &raw) }
        } catch {
            if error.errno == .notFound || error.errno == .notFolder { return nil }
            throw error
        }
        return FileStatus(raw)
    }

    /// True if something is there and can be asked about.
    package static func exists(_ path: String) -> Bool {
        // Whatever hides the file, for the caller it is not there.
        (try? status(path)) != nil
    }

    /// Removes one file or link; false if it was not there.
    @discardableResult
    package static func remove(_ path: String) throws(SystemError) -> Bool {
        try checkPath(path)
        do throws(SystemError) {
            try retrying("unlink", path) { unlink(path) }
            return true
        } catch {
            if error.errno == .notFound { return false }
            throw error
        }
    }

    /// Renames and returns once the new name is on the disk (the folders of both names are synchronised, unless the
    /// caller does that later).
    package static func rename(
        _ old: String, to new: String, synchronizingFolders: Bool = true
    ) throws(SystemError) {
        try checkPath(old)
        try checkPath(new)
        try retrying("rename", new) { Glibc.rename(old, new) }
        guard synchronizingFolders else { return }
        let folder = Directory.parent(of: new)
        try Directory.synchronize(folder)
        let before = Directory.parent(of: old)
        if before != folder { try Directory.synchronize(before) }
    }

    /// Gives a file a second name, where nothing may be yet, and returns once that is on the disk.
    package static func link(_ old: String, to new: String) throws(SystemError) {
        try checkPath(old)
        try checkPath(new)
        try retrying("link", new) { Glibc.link(old, new) }
        try Directory.synchronize(Directory.parent(of: new))
    }

    /// Sets the permission bits.
    package static func setMode(_ path: String, _ mode: UInt32) throws(SystemError) {
        try checkPath(path)
        try retrying("chmod", path) { chmod(path, mode) }
    }

    /// Where a symbolic link points; nil if the path is no link.
    package static func linkTarget(_ path: String) throws(SystemError) -> String? {
        guard let status = try status(path, followLinks: false), status.kind == .symbolicLink else { return nil }
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, used in
            do throws(SystemError) {
                used = try retrying("readlink", path) {
                    buffer.withMemoryRebound(to: CChar.self) { text in
                        text.baseAddress.map { readlink(path, $0, text.count) } ?? 0
                    }
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Points the link `path` at `target` in one step: whoever looks sees the old target or the new one.
    ///
    /// Durable when it returns. A leftover of a cut-off swap (`path` with ".swap" added) is replaced.
    package static func swapLink(_ path: String, to target: String) throws(SystemError) {
        try checkPath(path)
        try checkPath(target)
        let temporary = path + ".swap"
        try remove(temporary)
        try retrying("symlink", temporary) { symlink(target, temporary) }
        try rename(temporary, to: path)
    }
}

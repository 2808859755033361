internal import Glibc

/// Replaces a file's contents in one step: after any cut the file has the old bytes or the new ones, never a mixture.
package enum AtomicFile {
    /// What a temporary file's name begins with; `removeLeftovers` sweeps them after a cut.
    static let prefix = ".new-"

    /// A name that nothing has, for a file that gets its own name by a rename once it is whole; `removeLeftovers` sweeps it after a cut.
    package static func temporaryPath(in folder: String) -> String {
        Directory.join(folder, prefix + hexadecimal(SystemRandom.bytes(8)))
    }

    /// Writes `bytes` beside `path`, synchronises them, renames them onto `path` and synchronises the folder.
    ///
    /// Blocks until all is on the disk. The file gets exactly `mode`, whatever the umask. On an error nothing is left
    /// behind and the old contents stay. Who writes many files may leave the folder's synchronisation to the end: until
    /// then a cut gives any of them its old contents back.
    package static func write(
        _ bytes: [UInt8], to path: String, mode: UInt32 = 0o644, synchronizingFolder: Bool = true
    ) throws(SystemError) {
        try checkPath(path)
        let folder = Directory.parent(of: path)
        let temporary = temporaryPath(in: folder)
        do throws(SystemError) {
            // Opened for its owner only: nobody reads a key before its mode is set.
            let file = try FileDescriptor.open(temporary, [.write, .create, .exclusive, .noFollow], mode: 0o600)
            let number = file.number
            try file.write(bytes)
            try retrying("fchmod", temporary) { fchmod(number, mode) }
            try file.synchronize()
            try file.close()
            try File.rename(temporary, to: path, synchronizingFolders: synchronizingFolder)
        } catch {
            // The first error is the one to report; a leftover is swept at the next start.
            _ = try? File.remove(temporary)
            throw SystemError(call: error.call, errno: error.errno, path: path, text: error.text)
        }
    }

    /// Writes UTF-8 text as `write(_:to:mode:)` does.
    package static func write(_ text: String, to path: String, mode: UInt32 = 0o644) throws(SystemError) {
        try write(Array(text.utf8), to: path, mode: mode)
    }

    /// Removes what cut-off writes left in a folder that nobody else writes to now; says how many.
    @discardableResult
    package static func removeLeftovers(in folder: String) throws(SystemError) -> Int {
        var count = 0
        for name in try Directory.list(folder) where name.hasPrefix(prefix) {
            if try File.remove(Directory.join(folder, name)) { count += 1 }
        }
        return count
    }
}

/// Lowercase hexadecimal text of bytes.
func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}

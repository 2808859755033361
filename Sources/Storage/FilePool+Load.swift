import Model
import System

extension FilePool {
    /// Reads what is in the folder into fresh books, making the folder first if nothing is there.
    ///
    /// Files whose names are no hashes are not ours and are left alone; links are never followed.
    static func load(
        folder: String, quota: ByteCount, step: @Sendable (PoolStep) throws(StorageError) -> Void
    ) throws(StorageError) -> PoolLedger {
        try prepare(folder: folder, step: step)
        var ledger = PoolLedger(quota: quota)
        let packages = folder + "/packages"
        for part in try names(packages) where part.utf8.count == 2 {
            for (digest, status) in try files("\(packages)/\(part)") where digest.hex.hasPrefix(part) {
                ledger.adopt(published: digest, length: UInt64(max(0, status.size)))
            }
        }
        let partial = try files(folder + "/partial")
            .sorted { ($0.1.modifiedMilliseconds, $0.0) < ($1.1.modifiedMilliseconds, $1.0) }
        for (digest, status) in partial {
            // A crash between two steps of an older layout could leave both; the published one is whole.
            guard ledger.published[digest] == nil else { continue }
            ledger.adopt(leftover: digest, bytes: UInt64(max(0, status.size)))
        }
        return ledger
    }

    private static func prepare(
        folder: String, step: @Sendable (PoolStep) throws(StorageError) -> Void
    ) throws(StorageError) {
        let mark = folder + "/format"
        if File.exists(mark) {
            let found = try storage { () throws(SystemError) in try File.read(mark, limit: 1024) }
            guard found == Array(format.utf8) else {
                throw .foreignFolder("\(mark) does not say \(format.dropLast())")
            }
        } else {
            let known: Set<String> = ["packages", "partial", "lost+found"]
            if File.exists(folder),
                let stranger = try names(folder).first(where: { !known.contains($0) && !$0.hasPrefix(".") })
            {
                throw .foreignFolder("\(folder) is not empty and has no file format (it has \(stranger))")
            }
        }
        for path in [folder, folder + "/packages", folder + "/partial"] where !File.exists(path) {
            try step(.createFolder(path))
            try storage { () throws(SystemError) in try Directory.create(path, mode: 0o700) }
        }
        // Last, so that a folder with the mark is whole.
        if !File.exists(mark) {
            try step(.writeFormat)
            try storage { () throws(SystemError) in try AtomicFile.write(format, to: mark, mode: 0o600) }
        }
    }

    private static func names(_ path: String) throws(StorageError) -> [String] {
        try storage { () throws(SystemError) in try Directory.list(path) }
    }

    private static func files(_ path: String) throws(StorageError) -> [(SHA256Digest, FileStatus)] {
        try storage { () throws(SystemError) in
            var found: [(SHA256Digest, FileStatus)] = []
            for name in try Directory.list(path) {
                // A name that is no hash is not ours.
                guard let digest = try? SHA256Digest(name),
                    let status = try File.status("\(path)/\(name)", followLinks: false), status.kind == .file
                else { continue }
                found.append((digest, status))
            }
            return found
        }
    }
}

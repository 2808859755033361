internal import Glibc

/// A daemon's folder of state: locked by the one process that uses it, and marked with what it is.
///
/// Layout: `lock` (flock, the holder's id inside) and `format` (one line, `axle KIND VERSION`), beside the daemon's own
/// files. The lock is held as long as this object lives.
package final class StateFolder: Sendable {
    package let path: String
    /// What the folder is for, such as "hub".
    package let kind: String
    /// The version of the folder's layout as found; an older one is migrated by its daemon, then `setVersion` is called.
    package let version: Int
    private let lock: LockFile

    /// Why a folder was refused; the text says what to do next.
    package enum Failure: Error, Sendable, CustomStringConvertible {
        case missing(path: String, kind: String)
        case alreadyCreated(path: String, kind: String)
        case notOurs(path: String, found: String)
        case otherKind(path: String, found: String, wanted: String)
        case newerVersion(path: String, found: Int, known: Int)
        case badFormat(path: String)
        case locked(path: String, by: LockFile.Holder?)
        case system(SystemError)

        package var description: String {
            switch self {
            case .missing(let path, let kind):
                return "\(path) holds no \(kind) state; make it first (axle-\(kind) \(kind == "hub" ? "init" : "join") "
                    + "--state \(path)), or name the right folder with --state"
            case .alreadyCreated(let path, let kind):
                let again =
                    kind == "hub" ? "" : "; to join this machine again, stop the \(kind) and move \(path) away first"
                return
                    "\(path) already holds \(kind) state; run it (axle-\(kind) run --state \(path)), or name another "
                    + "folder\(again)"
            case .notOurs(let path, let found):
                return "\(path) is not empty and not a state folder (it has \(found)); name an empty or a new folder"
            case .otherKind(let path, let found, let wanted):
                return "\(path) holds \(found) state, not \(wanted) state; name another folder with --state"
            case .newerVersion(let path, let found, let known):
                return "\(path) was written by a newer release (layout \(found), this program knows \(known)); install "
                    + "that release again"
            case .badFormat(let path):
                return "\(path)/format is damaged; restore the folder from a backup"
            case .locked(let path, let holder):
                let who = holder.map { "\($0)" } ?? "another process"
                return "\(path) is in use by \(who); stop it first, or name another folder"
            case .system(let error):
                return error.description
            }
        }
    }

    private init(path: String, kind: String, version: Int, lock: LockFile) {
        self.path = path
        self.kind = kind
        self.version = version
        self.lock = lock
    }

    /// Makes a new state folder (mode 0700) in a path that is free or an empty folder.
    ///
    /// `prepare` fills it before it is marked as complete: after a cut in between, `create` may be called again and
    /// `open` says that it is missing. Files that a cut-off `prepare` left are removed first.
    package static func create(
        _ path: String, kind: String, version: Int, prepare: (String) throws -> Void = { _ in }
    ) throws -> StateFolder {
        let lock = try begin(path, kind: kind)
        try prepare(path)
        return try finish(path, kind: kind, version: version, lock)
    }

    /// As `create`, where filling the folder has to wait for others.
    package static func create(
        _ path: String, kind: String, version: Int, preparing: (String) async throws -> Void
    ) async throws -> StateFolder {
        let lock = try begin(path, kind: kind)
        try await preparing(path)
        return try finish(path, kind: kind, version: version, lock)
    }

    /// Takes an empty folder, or one whose filling was cut off, and marks it as being filled.
    private static func begin(_ path: String, kind: String) throws -> LockFile {
        try Directory.create(path, mode: 0o700)
        if let found = try format(path) {
            throw found.kind == kind
                ? Failure.alreadyCreated(path: path, kind: kind)
                : Failure.otherKind(path: path, found: found.kind, wanted: kind)
        }
        let begun = Directory.join(path, "incomplete")
        // Private first: what others put into an empty folder that they could write is seen below.
        if try list(path).allSatisfy({ $0 == Directory.rescued }) { try File.setMode(path, 0o700) }
        if !File.exists(begun) {
            let names = try list(path).filter {
                $0 != "lock" && $0 != Directory.rescued && !$0.hasPrefix(AtomicFile.prefix)
            }
            if let first = names.first { throw Failure.notOurs(path: path, found: first) }
        }
        let lock = try takeLock(path)
        try File.setMode(path, 0o700)
        for name in try list(path) where name != "lock" && name != "incomplete" && name != Directory.rescued {
            try Directory.removeTree(Directory.join(path, name))
        }
        try AtomicFile.write("A program is filling this folder, or was cut off while doing so.\n", to: begun)
        return lock
    }

    /// Marks the folder as complete: one rename, so that no cut leaves it with both marks or with none.
    private static func finish(
        _ path: String, kind: String, version: Int, _ lock: LockFile
    ) throws -> StateFolder {
        let begun = Directory.join(path, "incomplete")
        try AtomicFile.write("axle \(kind) \(version)\n", to: begun)
        try File.rename(begun, to: Directory.join(path, "format"))
        return StateFolder(path: path, kind: kind, version: version, lock: lock)
    }

    /// Opens a state folder of this kind whose version is at most `version`, and locks it.
    ///
    /// - Parameter task: one word for the command that holds it, if that ends by itself; a daemon that is started meanwhile waits for it.
    package static func open(
        _ path: String, kind: String, version: Int, task: String? = nil
    ) throws(Failure) -> StateFolder {
        guard let found = try format(path) else {
            let names: [String]
            do throws(SystemError) { names = try Directory.list(path) } catch { names = [] }
            let strange =
                names.contains("incomplete") ? nil : names.first { $0 != "lock" && $0 != Directory.rescued }
            if let strange { throw .notOurs(path: path, found: strange) }
            throw .missing(path: path, kind: kind)
        }
        guard found.kind == kind else { throw .otherKind(path: path, found: found.kind, wanted: kind) }
        guard found.version <= version else {
            throw .newerVersion(path: path, found: found.version, known: version)
        }
        let lock = try takeLock(path, task)
        return StateFolder(path: path, kind: kind, version: found.version, lock: lock)
    }

    /// Whether the path is a complete state folder of this kind, of whatever version. For commands that work without its
    /// lock: what else is wrong with the folder is said by whoever opens it.
    package static func holds(_ path: String, kind: String) -> Bool {
        do throws(Failure) { return try format(path)?.kind == kind } catch { return false }
    }

    /// As `open`, for a daemon: a command that holds the folder and ends by itself is waited for, since nobody may be there to start the daemon anew.
    package static func openWhenFree(
        _ path: String, kind: String, version: Int, messages: (String) -> Void
    ) async throws -> StateFolder {
        var isTold = false
        // Who has just taken the lock may not have said yet what for.
        var isSure = false
        while true {
            do throws(Failure) {
                return try open(path, kind: kind, version: version)
            } catch {
                guard case .locked(_, let holder) = error, holder?.task != nil || !isSure else { throw error }
                isSure = holder?.task == nil
                if let holder, holder.task != nil, !isTold {
                    isTold = true
                    messages("\(path) is in use by \(holder); waiting until it is done")
                }
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// The path of something in the folder.
    package func file(_ name: String) -> String {
        Directory.join(path, name)
    }

    /// Marks the folder as migrated; durable on return.
    package func setVersion(_ version: Int) throws(SystemError) {
        try AtomicFile.write("axle \(kind) \(version)\n", to: file("format"))
    }

    private static func list(_ path: String) throws(Failure) -> [String] {
        do throws(SystemError) { return try Directory.list(path) } catch { throw .system(error) }
    }

    private static func takeLock(_ path: String, _ task: String? = nil) throws(Failure) -> LockFile {
        do throws(LockFile.Failure) {
            return try LockFile(Directory.join(path, "lock"), task: task)
        } catch {
            switch error {
            case .held(_, let holder): throw .locked(path: path, by: holder)
            case .system(let error): throw .system(error)
            }
        }
    }

    /// The `format` file's kind and version; nil if there is no such file.
    private static func format(_ path: String) throws(Failure) -> (kind: String, version: Int)? {
        let file = Directory.join(path, "format")
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try File.read(file, limit: 256)
        } catch {
            if error.errno == .notFound || error.errno == .notFolder { return nil }
            if error.errno == .tooLarge { throw .badFormat(path: path) }
            throw .system(error)
        }
        let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: { $0 == " " || $0 == "\n" })
        guard words.count == 3, words[0] == "axle", let version = Int(words[2]), version > 0 else {
            throw .badFormat(path: path)
        }
        return (String(words[1]), version)
    }
}

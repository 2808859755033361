internal import Glibc

/// An error that may mean that the kernel refused a file or folder to this process.
package protocol AccessRefusal: Error {
    /// What may have been refused, absolute paths; none where the error means something else.
    var refusedPaths: [String] { get }
}

extension AccessRefusal {
    /// Whose the refused file is, its mode, and what mends it, as a sentence without its full stop;
    /// nil where the error is no refusal. Looks at the disk as it is now. `state` is the program's
    /// own folder, if it has one: it may be given to the program's user as a whole.
    package func accessAdvice(state: String?) -> String? {
        let refused = refusedPaths.filter { $0.hasPrefix("/") }
        for path in refused {
            if let found = AccessCheck(path), found.isRefused { return found.advice(state: state) }
        }
        // What is named first is what the error is about.
        return refused.first.flatMap { AccessCheck($0)?.advice(state: state) }
    }
}

extension SystemError: AccessRefusal {
    package var refusedPaths: [String] {
        errno == .permission ? path.map { [$0] } ?? [] : []
    }
}

extension LockFile.Failure: AccessRefusal {
    package var refusedPaths: [String] {
        switch self {
        case .held: []
        case .system(let error): error.refusedPaths
        }
    }
}

extension StateFolder.Failure: AccessRefusal {
    package var refusedPaths: [String] {
        switch self {
        case .missing, .alreadyCreated, .notOurs, .otherKind, .newerVersion, .badFormat, .locked: []
        case .system(let error): error.refusedPaths
        }
    }
}

/// What the permissions of a path grant to the user of this process: those of the first folder on
/// the way that cannot be entered, else of the path itself, else of its folder, where that cannot
/// be written.
private struct AccessCheck {
    let place: String
    let status: FileStatus
    /// Whether this is a folder on the way to what was asked for.
    let isAbove: Bool
    let isRefused: Bool
    private let user = geteuid()

    /// Nil if nothing can be said of the path.
    init?(_ path: String) {
        var above = ["/"]
        for name in path.split(separator: "/").dropLast() {
            above.append(Directory.join(above[above.count - 1], String(name)))
        }
        for folder in above {
            guard let status = Self.status(folder) else { return nil }
            guard Self.grants(folder, X_OK) else {
                self.init(folder, status, isAbove: true, isRefused: true)
                return
            }
        }
        let found = Self.status(path)
        if let found {
            let wanted = found.kind == .folder ? R_OK | W_OK | X_OK : R_OK | W_OK
            let isRefused = !Self.grants(path, wanted)
            if isRefused || above.count == 1 {
                self.init(path, found, isAbove: false, isRefused: isRefused)
                return
            }
        }
        // A file is replaced by another one in its folder.
        let folder = above[above.count - 1]
        guard let status = Self.status(folder) else { return nil }
        let isRefused = !Self.grants(folder, W_OK)
        if let found, !isRefused {
            self.init(path, found, isAbove: false, isRefused: false)
        } else {
            self.init(folder, status, isAbove: false, isRefused: isRefused)
        }
    }

    private init(_ place: String, _ status: FileStatus, isAbove: Bool, isRefused: Bool) {
        self.place = place
        self.status = status
        self.isAbove = isAbove
        self.isRefused = isRefused
    }

    /// Nil for what is not there or cannot be looked at: then the folder above it is what counts.
    private static func status(_ path: String) -> FileStatus? {
        do throws(SystemError) { return try File.status(path) } catch { return nil }
    }

    private static func grants(_ path: String, _ wanted: Int32) -> Bool {
        faccessat(AT_FDCWD, path, wanted, AT_EACCESS) == 0
    }

    func advice(state: String?) -> String {
        let found = "\(place) belongs to user \(status.owner) and has mode \(String(status.mode, radix: 8))"
        guard isRefused else {
            return "\(found), which grants it to user \(user): look for a read-only mount, a limit of the service's "
                + "unit, or a security module that refuses it"
        }
        let command: String
        let name = PlainText.shellWord(place)
        if status.owner == user {
            command = "chmod u+rw\(status.kind == .folder ? "x" : "") \(name)"
        } else if isAbove, !isWithin(state) {
            command = "chmod o+x \(name)"
        } else {
            let recursive = status.kind == .folder ? "-R " : ""
            command = "chown \(recursive)\(user) \(name), or run this program as user \(status.owner)"
        }
        return "\(found), and this program runs as user \(user); run: \(command)"
    }

    private func isWithin(_ state: String?) -> Bool {
        guard let state else { return false }
        return place == state || place.hasPrefix(state + "/")
    }
}

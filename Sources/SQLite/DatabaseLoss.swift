/// A daemon's database that is not what the daemon left: gone, empty, damaged, older or another one. Nothing that the daemon does mends it.
///
/// Other failures are not this: a full disk, a lock, a refused permission or an error of the disk's driver may pass, and are
/// `SQLiteError`s with kinds of their own.
package struct DatabaseLoss: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// There is no such file.
        case missing
        /// The file has no bytes, or nothing of the daemon's in it.
        case empty
        /// The file is no database, or not a whole one; what was found, one line each.
        case damaged([String])
        /// There is a folder or a device in its place.
        case notAFile
        /// A database of another program, or of another of Axle's daemons.
        case foreign
        /// A database of another state folder.
        case exchanged
        /// An earlier state of the database; also what its file is without its log.
        case older
        /// Tables, columns or indexes are missing; which, one line each.
        case incomplete([String])
        /// The mark beside the database is damaged.
        case unreadableMark
    }

    package let path: String
    package let kind: Kind
    /// The next step for an operator, as a sentence without its full stop.
    package let advice: String

    package init(path: String, kind: Kind, advice: String) {
        self.path = path
        self.kind = kind
        self.advice = advice
    }

    /// The loss that a failure means; nil for one that means something else.
    package init?(_ error: any Error, path: String, advice: String) {
        if let loss = error as? DatabaseLoss {
            self = loss
            return
        }
        guard let error = error as? SQLiteError, error.kind == .corrupt else { return nil }
        self.init(path: path, kind: .damaged([error.message]), advice: advice)
    }

    package var description: String {
        let mark = DatabaseMark.path(of: path)
        return switch kind {
        case .missing: "the database \(path) is missing, although this state folder has had one; \(advice)"
        case .empty: "the database \(path) is empty, although this state folder has had one; \(advice)"
        case .damaged(let problems):
            "the database \(path) is damaged (\(problems.prefix(3).joined(separator: "; "))); \(advice)"
        case .notAFile: "the database \(path) is not a file, although this state folder has had one; \(advice)"
        case .foreign: "the database \(path) belongs to another program; \(advice)"
        case .exchanged:
            "the database \(path) is of another state folder; \(advice); if it was put here on purpose, remove \(mark) "
                + "and start again"
        case .older:
            "the database \(path) is older than this state folder's last record of it, so changes that were acknowledged "
                + "are missing (was it restored or copied without \(path)-wal?); \(advice); if it was put here on purpose, "
                + "remove \(mark) and start again"
        case .incomplete(let missing):
            "the database \(path) lacks \(missing.prefix(3).joined(separator: ", "))"
                + "\(missing.count > 3 ? " and \(missing.count - 3) more" : ""): another program has changed it; \(advice)"
        case .unreadableMark:
            "\(mark), the record of the newest state of the database, is damaged; \(advice); if the database is known to be "
                + "good, remove \(mark) and start again"
        }
    }
}

/// A daemon's database that is not what the daemon left: gone, empty or damaged. Nothing that the daemon does mends it.
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
        switch kind {
        case .missing: "the database \(path) is missing, although this state folder has had one; \(advice)"
        case .empty: "the database \(path) is empty, although this state folder has had one; \(advice)"
        case .damaged(let problems):
            "the database \(path) is damaged (\(problems.prefix(3).joined(separator: "; "))); \(advice)"
        }
    }
}

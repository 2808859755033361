import CSQLite

extension Database {
    /// The longest file that `existing` reads whole: some seconds of a slow disk.
    package static let checkLimit: Int64 = 1 << 30

    /// Opens a database that a daemon has worked with before, for reading and writing.
    ///
    /// Unlike `init`, makes nothing and believes nothing: a file that is missing or empty, or that a quick check finds
    /// damaged, is a `DatabaseLoss` with this advice. A file longer than `checkLimit` is not read here: `isChecked` is false
    /// then, and the caller runs `check` beside its work.
    package static func existing(
        _ path: String, _ migrations: Migrations, advice: String
    ) throws -> (database: Database, isChecked: Bool) {
        let length = try length(of: path, advice: advice)
        do {
            let database = try opened(path, advice: advice)
            guard try migrations.check(database) > 0 else {
                throw DatabaseLoss(path: path, kind: .empty, advice: advice)
            }
            guard length <= checkLimit else { return (database, false) }
            try database.check(advice: advice)
            return (database, true)
        } catch {
            throw DatabaseLoss(error, path: path, advice: advice) ?? error
        }
    }

    /// As `existing`, for reading only and without the check.
    package static func reader(_ path: String, _ migrations: Migrations, advice: String) throws -> Database {
        _ = try length(of: path, advice: advice)
        do {
            let database = try Database(path: path, mode: .readOnly)
            try migrations.check(database)
            return database
        } catch {
            throw DatabaseLoss(error, path: path, advice: advice) ?? error
        }
    }

    private static func opened(_ path: String, advice: String) throws -> Database {
        do throws(SQLiteError) {
            return try Database(path: path)
        } catch {
            // Opening runs no statement that could be wrong by itself: SQLite does not know the file's format.
            guard error.kind == .other else { throw error }
            throw DatabaseLoss(path: path, kind: .damaged([error.message]), advice: advice)
        }
    }

    private static func length(of path: String, advice: String) throws -> Int64 {
        let length = axle_sqlite_file_length(path)
        if length == -Int64(ENOENT) { throw DatabaseLoss(path: path, kind: .missing, advice: advice) }
        guard length >= 0 else {
            let text = String(cString: axle_sqlite_error_text(Int32(clamping: -length)))
            throw SQLiteError(kind: .cannotOpen, message: "cannot open \(path): \(text)")
        }
        guard length > 0 else { throw DatabaseLoss(path: path, kind: .empty, advice: advice) }
        return length
    }

    /// Reads the whole file and throws a `DatabaseLoss` if it is not whole.
    package func check(advice: String) throws {
        let problems: [String]
        do {
            // SQLite gives several lines in one answer, under a heading.
            problems = try integrityProblems().flatMap { $0.split(separator: "\n").map(String.init) }
                .filter { !$0.hasPrefix("***") }
        } catch {
            throw DatabaseLoss(error, path: path, advice: advice) ?? error
        }
        guard problems.isEmpty else { throw DatabaseLoss(path: path, kind: .damaged(problems), advice: advice) }
    }
}

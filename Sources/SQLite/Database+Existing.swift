import CSQLite
import System

extension Database {
    /// The longest file that `existing` reads whole: some seconds of a slow disk.
    package static let checkLimit: Int64 = 1 << 30

    /// Opens a database that a daemon has worked with before, for reading and writing.
    ///
    /// Unlike `init`, makes nothing and believes nothing: a file that is missing or empty, that a quick check finds damaged,
    /// that lacks what its migrations made, or that is older than its mark is a `DatabaseLoss` with this advice. A file longer than `checkLimit` is not read here: `isChecked` is false
    /// then, and the caller runs `check` beside its work.
    package static func existing(
        _ path: String, _ migrations: Migrations, advice: String
    ) throws -> (database: Database, isChecked: Bool) {
        let length = try require(path, migrations, advice: advice)
        do {
            let database = try opened(path, advice: advice)
            let version = try migrations.check(database)
            guard version > 0 else { throw DatabaseLoss(path: path, kind: .empty, advice: advice) }
            try database.checkMark(advice: advice)
            try migrations.requireWhole(database, version: version, advice: advice)
            guard length <= checkLimit else { return (database, false) }
            try database.check(advice: advice)
            return (database, true)
        } catch {
            throw DatabaseLoss(error, path: path, advice: advice) ?? error
        }
    }

    /// As `existing`, for reading only and without the check.
    package static func reader(_ path: String, _ migrations: Migrations, advice: String) throws -> Database {
        try require(path, migrations, advice: advice)
        do {
            let database = try Database(path: path, mode: .readOnly)
            try migrations.requireWhole(database, version: try migrations.check(database), advice: advice)
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

    /// Throws a `DatabaseLoss` for a file that cannot be the database of this kind, without opening it as one; gives its
    /// length. For commands that do not need the database and still must not work beside one that is lost.
    @discardableResult
    package static func require(_ path: String, _ migrations: Migrations, advice: String) throws -> Int64 {
        func loss(_ kind: DatabaseLoss.Kind) -> DatabaseLoss { DatabaseLoss(path: path, kind: kind, advice: advice) }
        let length: Int64
        var header: [UInt8] = []
        do throws(SystemError) {
            guard let status = try File.status(path) else {
                throw SystemError(call: "stat", errno: .notFound, path: path)
            }
            // A pipe would be waited for.
            guard status.kind == .file else { throw SystemError(call: "open", errno: .isFolder, path: path) }
            let file = try FileDescriptor.open(path, [.read])
            length = Int64(status.size)
            while header.count < headerLength {
                let piece = try file.read(count: headerLength - header.count, at: Int64(header.count))
                guard !piece.isEmpty else { break }
                header += piece
            }
        } catch {
            if error.errno == .notFound { throw loss(.missing) }
            if error.errno == .isFolder { throw loss(.notAFile) }
            throw SQLiteError(kind: .cannotOpen, message: "cannot open \(path): \(error.errno)", path: path)
        }
        guard length > 0 else { throw loss(.empty) }
        guard header.starts(with: "SQLite format 3\0".utf8), header.count == headerLength else {
            throw loss(.damaged(["it is not an SQLite database"]))
        }
        // Zero until the first checkpoint of a new database.
        let kind = header[68..<72].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard kind == 0 || kind == UInt32(bitPattern: migrations.applicationID) else { throw loss(.foreign) }
        return length
    }

    /// Bytes before the first page's content (https://sqlite.org/fileformat2.html, 1.3).
    private static let headerLength = 100

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

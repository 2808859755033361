import CSQLite
import System

/// A failure of the database, told apart by what can be done about it.
///
/// `kind` is for decisions, `code` and `extendedCode` are SQLite's own numbers, `sql` the statement (never its values, which may be secret).
package struct SQLiteError: Error, Equatable, CustomStringConvertible {
    /// What a caller may do about the failure.
    package enum Kind: String, Sendable, Equatable {
        /// Another connection holds the lock longer than the busy time-out: try again.
        case busy
        /// No space left (on the disk or under a page limit): reads go on, try again when there is space.
        case diskFull
        /// Reading or writing the file failed.
        case io
        /// The file is damaged or no database at all.
        case corrupt
        /// A UNIQUE, CHECK, NOT NULL or FOREIGN KEY rule refused the change.
        case constraint
        /// The connection or the file may only be read.
        case readOnly
        /// The file cannot be opened (missing, a folder, no permission).
        case cannotOpen
        /// The file was written by a newer program, or for another purpose.
        case wrongSchema
        /// A column was read as a type that it does not have, or a value cannot be bound.
        case type
        /// Anything else, for example a mistake in the SQL.
        case other
    }

    /// What a caller may do about it.
    package let kind: Kind
    /// SQLite's primary result code; 0 where the failure is ours.
    package let code: Int32
    /// SQLite's extended result code; 0 where the failure is ours.
    package let extendedCode: Int32
    /// What happened, in words.
    package let message: String
    /// The statement without its values, if there was one.
    package let sql: String?
    /// The file, where it could not be opened or written.
    package let path: String?

    /// An error of this layer itself.
    init(kind: Kind, message: String, sql: String? = nil, path: String? = nil) {
        self.path = path
        self.kind = kind
        self.code = 0
        self.extendedCode = 0
        self.message = message
        self.sql = sql
    }

    /// The error that a result code of SQLite stands for; `handle` supplies the words.
    init(result: Int32, handle: OpaquePointer?, sql: String? = nil) {
        let extended = handle.map { sqlite3_extended_errcode($0) } ?? result
        // A later call may have replaced the connection's error: the result in hand is the truth.
        let isSame = (extended & 0xFF) == (result & 0xFF)
        self.extendedCode = isSame ? extended : result
        self.code = result & 0xFF
        if isSame, let handle, let text = sqlite3_errmsg(handle) {
            self.message = String(cString: text)
        } else {
            self.message = sqlite3_errstr(result).map { String(cString: $0) } ?? "error \(result)"
        }
        self.sql = sql
        // The log's own files fail with other codes for lack of space.
        let cause = isSame ? handle.map { sqlite3_system_errno($0) } ?? 0 : 0
        let isFull =
            self.code == SQLITE_IOERR || self.code == SQLITE_CANTOPEN ? [ENOSPC, EDQUOT].contains(cause) : false
        let kind = isFull ? Kind.diskFull : Self.kind(primary: result & 0xFF)
        self.kind = kind
        // Empty for a database in memory.
        let file = handle.flatMap { sqlite3_db_filename($0, "main") }.map { String(cString: $0) } ?? ""
        path = (kind == .readOnly || kind == .cannotOpen) && !file.isEmpty ? file : nil
    }

    /// Primary result codes to kinds (https://sqlite.org/rescode.html).
    private static func kind(primary: Int32) -> Kind {
        switch primary {
        case SQLITE_BUSY, SQLITE_LOCKED: .busy
        case SQLITE_FULL: .diskFull
        case SQLITE_IOERR: .io
        case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
        case SQLITE_CONSTRAINT: .constraint
        case SQLITE_READONLY, SQLITE_PERM: .readOnly
        case SQLITE_CANTOPEN: .cannotOpen
        case SQLITE_MISMATCH, SQLITE_RANGE, SQLITE_TOOBIG: .type
        default: .other
        }
    }

    /// Whether a UNIQUE or PRIMARY KEY rule refused the change: the row is there already.
    package var isDuplicate: Bool {
        extendedCode == (SQLITE_CONSTRAINT | (8 << 8)) || extendedCode == (SQLITE_CONSTRAINT | (6 << 8))
    }

    package var description: String {
        let number = code == 0 ? "" : " (\(code)/\(extendedCode))"
        let statement = sql.map { ": \($0.prefix(200))" } ?? ""
        return "database: \(message)\(number)\(statement)"
    }
}

extension SQLiteError: StoreFailure {
    /// A rule of the schema that a value breaks, or a value that cannot be stored, concerns one event;
    /// everything else would meet the next event as well.
    package var isStoreFailure: Bool {
        switch kind {
        case .busy, .diskFull, .io, .corrupt, .readOnly, .cannotOpen, .wrongSchema: true
        case .constraint, .type, .other: false
        }
    }
}

extension SQLiteError: AccessRefusal {
    /// The database, the files beside it, and their folder, in which SQLite makes and removes them.
    package var refusedPaths: [String] {
        guard kind == .readOnly || kind == .cannotOpen, let path else { return [] }
        return [path, path + "-wal", path + "-shm", Directory.parent(of: path)]
    }
}

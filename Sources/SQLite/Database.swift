import CSQLite

/// One connection to one SQLite database file.
///
/// Guarantees: write-ahead log with `synchronous=FULL`, so that what a committed transaction wrote survives a power cut; foreign keys are enforced;
/// the schema is not trusted (no functions with side effects out of a damaged or foreign file).
/// Thread rule: not `Sendable`; one thread at a time, held by one actor or one queue. A writer and its readers are connections of their own.
/// Source: https://sqlite.org/wal.html, https://sqlite.org/security.html.
package final class Database {
    /// How a file is opened.
    package enum Mode: Sendable {
        /// Reads and writes; makes the file (mode 0600) if it is not there.
        case readWrite
        /// Reads only; the file must be there.
        case readOnly
        /// Reads the file alone, without its log, as long as nobody writes to it.
        case fileOnly
    }

    /// Statements kept prepared; past this the cache is emptied, since a program has a closed set of statements.
    private static let cacheLimit = 256

    /// The path as it was given.
    package let path: String
    /// How the connection was opened.
    package let mode: Mode
    private let handle: OpaquePointer
    private var cache: [String: Statement] = [:]
    private var depth = 0
    /// Set by `keepMark`.
    private(set) var markKeeper: MarkKeeper?

    /// Opens the file at `path`; `busyTimeout` is how long a lock held by another connection is waited for.
    package init(path: String, mode: Mode = .readWrite, busyTimeout: Duration = .seconds(5)) throws(SQLiteError) {
        guard !path.isEmpty, !path.utf8.contains(0), !path.hasPrefix(":"), !path.hasPrefix("file:") else {
            throw SQLiteError(kind: .cannotOpen, message: "not a path of a database: \(path)")
        }
        if mode == .readWrite {
            let failure = axle_sqlite_create_private(path)
            guard failure == 0 else {
                let kind: SQLiteError.Kind = failure == ENOSPC ? .diskFull : .cannotOpen
                throw SQLiteError(
                    kind: kind, message: "cannot open \(path): \(String(cString: axle_sqlite_error_text(failure)))",
                    path: path)
            }
        }
        let access = mode == .readWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY
        var opened: OpaquePointer?
        let flags = access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let result =
            mode == .fileOnly
            ? sqlite3_open_v2(Self.immutableURI(path), &opened, flags | SQLITE_OPEN_URI, nil)
            : sqlite3_open_v2(path, &opened, flags, nil)
        guard result == SQLITE_OK, let opened else {
            let failure = SQLiteError(result: result, handle: opened)
            sqlite3_close_v2(opened)
            throw failure
        }
        self.path = path
        self.mode = mode
        self.handle = opened
        try configure(busyTimeout: busyTimeout)
    }

    /// The URI of a file that does not change (https://sqlite.org/uri.html).
    private static func immutableURI(_ path: String) -> String {
        let digits = Array("0123456789ABCDEF")
        var uri = "file:"
        for byte in path.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x2F, 0x5F:
                uri.unicodeScalars.append(Unicode.Scalar(byte))
            default: uri += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return uri + "?immutable=1"
    }

    /// A database without a file, gone with this connection; `path` is empty.
    init(inMemory: Void) throws(SQLiteError) {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let result = sqlite3_open_v2(":memory:", &opened, flags, nil)
        guard result == SQLITE_OK, let opened else {
            let failure = SQLiteError(result: result, handle: opened)
            sqlite3_close_v2(opened)
            throw failure
        }
        path = ""
        mode = .readWrite
        handle = opened
    }

    deinit {
        cache.removeAll()
        // v2: waits for a statement that is still being destroyed, where the plain call would leak the connection.
        sqlite3_close_v2(handle)
    }

    /// Runs one statement whose rows do not matter; gives how many rows an INSERT, UPDATE or DELETE changed.
    @discardableResult
    package func run(_ sql: String, _ values: any Bindable...) throws(SQLiteError) -> Int {
        let statement = try takeStatement(sql)
        defer { giveBack(statement) }
        try statement.bind(values)
        while try statement.step() {}
        return Int(sqlite3_changes64(handle))
    }

    /// All rows of a query, each turned into a value.
    package func rows<T>(
        _ sql: String, _ values: any Bindable..., read: (borrowing Row) throws -> T
    ) throws -> [T] {
        var found: [T] = []
        try execute(sql, values) { row in found.append(try read(row)) }
        return found
    }

    /// As `rows`, with the parameters in an array: for statements that are put together at run time.
    package func rows<T>(
        _ sql: String, values: [any Bindable], read: (borrowing Row) throws -> T
    ) throws -> [T] {
        var found: [T] = []
        try execute(sql, values) { row in found.append(try read(row)) }
        return found
    }

    /// The first row of a query, or nil where there is none.
    package func first<T>(
        _ sql: String, _ values: any Bindable..., read: (borrowing Row) throws -> T
    ) throws -> T? {
        // The row is made in a function that is not generic: specialising one that makes it crashes the optimiser of Swift 6.3.
        var found: T?
        try executeOnce(sql, values) { row in found = try read(row) }
        return found
    }

    /// Lends each row to `body` in turn, for results too large to hold.
    package func forEach(_ sql: String, _ values: any Bindable..., body: (borrowing Row) throws -> Void) throws {
        try execute(sql, values, body)
    }

    /// Runs several statements without parameters, for migrations.
    package func script(_ sql: String) throws(SQLiteError) {
        let result = sqlite3_exec(handle, sql, nil, nil, nil)
        guard result == SQLITE_OK else { throw SQLiteError(result: result, handle: handle, sql: sql) }
    }

    /// The row id of the last insert on this connection.
    package var lastInsertRowID: Int64 { sqlite3_last_insert_rowid(handle) }

    /// Whether a transaction is open.
    package var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// Runs `body` as one transaction: all of it is kept, or, if it throws or the commit fails, nothing.
    ///
    /// A writer takes the write lock at once (`BEGIN IMMEDIATE`), so that it cannot fail half-way for a lock; a reader sees one state throughout.
    /// Inside another transaction it is a savepoint: a throw undoes the inner part only.
    @discardableResult
    package func transaction<T, Failure: Error>(_ body: () throws(Failure) -> T) throws -> T {
        let isOuter = depth == 0
        let name = "axle_\(depth)"
        try run(isOuter ? (mode == .readWrite ? "BEGIN IMMEDIATE" : "BEGIN") : "SAVEPOINT \(name)")
        depth += 1
        defer { depth -= 1 }
        do {
            let value = try body()
            try run(isOuter ? "COMMIT" : "RELEASE \(name)")
            if isOuter { tendMark() }
            return value
        } catch {
            // SQLite itself may have rolled back (full disk, IO error). A failing rollback adds nothing to the first error, which is the one to tell.
            // What failed first is what is reported; SQLite itself undoes a transaction that cannot be rolled back by words.
            if isInTransaction {
                if isOuter {
                    _ = try? run("ROLLBACK")
                } else {
                    _ = try? run("ROLLBACK TO \(name)")
                    _ = try? run("RELEASE \(name)")
                }
            }
            throw error
        }
    }

    /// How much of the log is copied into the file.
    package enum Checkpoint: Sendable {
        /// As far as readers allow, waiting for nobody; the log keeps its length.
        case passive
        /// All of it, waiting for readers as long as the busy time-out says; the log is empty then.
        case truncate
    }

    /// Copies the log into the database file. A lock that is held longer than the busy time-out is no error.
    @discardableResult
    package func checkpoint(_ kind: Checkpoint = .truncate) throws(SQLiteError) -> Bool {
        let code =
            switch kind {
            case .passive: SQLITE_CHECKPOINT_PASSIVE
            case .truncate: SQLITE_CHECKPOINT_TRUNCATE
            }
        var (pages, copied): (Int32, Int32) = (0, 0)
        let result = sqlite3_wal_checkpoint_v2(handle, nil, code, &pages, &copied)
        guard result == SQLITE_OK || result == SQLITE_BUSY else {
            throw SQLiteError(result: result, handle: handle)
        }
        return result == SQLITE_OK && pages == copied
    }

    /// Has SQLite tell the length of the log, and leave its copying to `tendMark`.
    func watchLog() throws(SQLiteError) {
        guard markKeeper == nil else { return }
        let keeper = MarkKeeper()
        axle_sqlite_watch_log(handle, keeper.pages)
        markKeeper = keeper
    }

    /// A quick look at the whole file; gives what is wrong with it, at most ten lines, or nothing.
    package func integrityProblems() throws -> [String] {
        try rows("PRAGMA quick_check(10)") { row in try row.text(0) }.filter { $0 != "ok" }
    }

    /// Limits the file to `pages` pages, so that a full disk can be had in a test; gives the limit in force.
    @discardableResult
    package func limitPages(to pages: Int) throws -> Int {
        try first("PRAGMA max_page_count = \(pages)") { row in try row.int(0) } ?? 0
    }

    /// Settings of every connection; the order matters, since WAL is a property of the file and needs the busy time-out already.
    private func configure(busyTimeout: Duration) throws(SQLiteError) {
        let (seconds, attoseconds) = busyTimeout.components
        let milliseconds = Int32(clamping: seconds).multipliedReportingOverflow(by: 1000)
        sqlite3_busy_timeout(
            handle,
            milliseconds.overflow ? .max : milliseconds.partialValue + Int32(attoseconds / 1_000_000_000_000_000))
        for (option, value) in [
            (SQLITE_DBCONFIG_DEFENSIVE, 1), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0), (SQLITE_DBCONFIG_ENABLE_FKEY, 1),
            (SQLITE_DBCONFIG_DQS_DML, 0), (SQLITE_DBCONFIG_DQS_DDL, 0),
        ] as [(Int32, Int32)] {
            let result = axle_sqlite_configure(handle, option, value)
            guard result == SQLITE_OK else { throw SQLiteError(result: result, handle: handle) }
        }
        // A statement or value beyond this is a mistake; the default of 1 GB would let one blob fill the memory.
        sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 64 << 20)
        if mode == .readWrite {
            let journal = try pragma("journal_mode = WAL")
            guard journal == "wal" else {
                throw SQLiteError(
                    kind: .cannotOpen, message: "no write-ahead log at \(path): \(journal ?? "no answer")")
            }
            try script("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216; PRAGMA temp_store = MEMORY")
        } else {
            try script("PRAGMA query_only = 1; PRAGMA temp_store = MEMORY")
            // Reads the header, so that a file that is no database is refused here and not at the first query.
            _ = try pragma("schema_version")
        }
    }

    private func pragma(_ text: String) throws(SQLiteError) -> String? {
        let statement = try Statement(sql: "PRAGMA \(text)", database: handle)
        guard try statement.step() else { return nil }
        return switch try Row(statement).value(0) {
        case .text(let text): text
        case .integer(let number): String(number)
        default: nil
        }
    }

    private func executeOnce(
        _ sql: String, _ values: [any Bindable], _ body: (borrowing Row) throws -> Void
    ) throws {
        try withStatement(sql, values) { statement in
            if try statement.step() { try body(Row(statement)) }
        }
    }

    private func execute(
        _ sql: String, _ values: [any Bindable], _ body: (borrowing Row) throws -> Void
    ) throws {
        try withStatement(sql, values) { statement in
            while try statement.step() { try body(Row(statement)) }
        }
    }

    private func withStatement<T>(
        _ sql: String, _ values: [any Bindable], _ body: (Statement) throws -> T
    ) throws -> T {
        let statement = try takeStatement(sql)
        defer { giveBack(statement) }
        try statement.bind(values)
        return try body(statement)
    }

    /// A prepared statement that nobody else uses now: one in use is not in the cache, so the same SQL may be nested.
    private func takeStatement(_ sql: String) throws(SQLiteError) -> Statement {
        if let kept = cache.removeValue(forKey: sql) { return kept }
        return try Statement(sql: sql, database: handle)
    }

    private func giveBack(_ statement: Statement) {
        statement.reset()
        if cache.count >= Self.cacheLimit { cache.removeAll() }
        cache[statement.sql] = statement
    }
}

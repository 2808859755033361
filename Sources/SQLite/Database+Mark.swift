import CSQLite
import System

/// When a connection that keeps a mark raises it.
final class MarkKeeper {
    /// Pages of the log after which it is copied into the file: SQLite's own default.
    private static let pageLimit: Int32 = 1000
    /// How old the mark of a database that is written to becomes.
    private static let interval = Duration.seconds(60)

    /// Pages in the log after the last commit, written by SQLite.
    let pages: UnsafeMutablePointer<Int32>
    private var limit = MarkKeeper.pageLimit
    private var raised = SystemClock.uptime
    /// What the file counts at least without its log.
    var inFile: Int64 = 0

    init() {
        pages = .allocate(capacity: 1)
        pages.initialize(to: 0)
    }

    deinit {
        pages.deallocate()
    }

    /// Whether the mark is to be raised after a commit.
    var isDue: Bool {
        pages.pointee >= limit || SystemClock.uptime - raised >= Self.interval
    }

    /// The mark was raised, or could not be: then, and while a reader holds the log, the next time is that much later.
    func note() {
        raised = SystemClock.uptime
        let left = pages.pointee
        limit = left >= Self.pageLimit ? left.addingReportingOverflow(Self.pageLimit).partialValue : Self.pageLimit
    }
}

extension Database {
    /// Begins to keep the mark of this database: from here on its file alone, without its log, is older than its mark says
    /// until the last connection closes.
    ///
    /// A disk that is full or fails is no reason not to go on: the mark stays as it is until a later commit. Damage is.
    package func keepMark() throws {
        do {
            try run(
                "CREATE TABLE IF NOT EXISTS \(DatabaseMark.table) (id BLOB NOT NULL, number INTEGER NOT NULL) STRICT")
            try transaction {
                guard try storedMark() == nil else { return }
                try run("INSERT INTO \(DatabaseMark.table) VALUES (?, 0)", DatabaseMark.newID())
            }
            try watchLog()
            try raiseMark()
        } catch {
            guard (error as? SQLiteError)?.kind != .corrupt else { throw error }
        }
    }

    /// Copies the log into the file as far as readers allow, then counts in the log, then in the mark: in this order,
    /// so that a cut leaves the database ahead of its mark and never behind it. Does not wait for readers.
    package func raiseMark() throws {
        defer { markKeeper?.note() }
        let counted = try storedMark()?.number ?? 0
        if try checkpoint(.passive) { markKeeper?.inFile = counted }
        try run("UPDATE \(DatabaseMark.table) SET number = number + 1")
        guard var mark = try storedMark() else { return }
        mark.inFile = markKeeper?.inFile ?? 0
        try mark.write(of: path)
    }

    /// After a commit: raises the mark if that is due.
    func tendMark() {
        guard let markKeeper, markKeeper.isDue else { return }
        // The commit holds whatever becomes of the mark; a disk that fails is told by the next commit.
        _ = try? raiseMark()
    }

    /// Throws a `DatabaseLoss` if the database is not the one that its mark was written for, or an older state of it.
    /// Without a mark (a folder of an older release, or one whose owner has removed it) all is well.
    func checkMark(advice: String) throws {
        guard let mark = try DatabaseMark.read(of: path, advice: advice) else { return }
        let isThere =
            try first("SELECT 1 FROM sqlite_schema WHERE name = ?", DatabaseMark.table) { try $0.int(0) } != nil
        let found = isThere ? try storedMark() : nil
        if let found, found.id != mark.id { throw DatabaseLoss(path: path, kind: .exchanged, advice: advice) }
        guard let found, found.number >= mark.number, try fileNumber() ?? mark.inFile >= mark.inFile else {
            throw DatabaseLoss(path: path, kind: .older, advice: advice)
        }
    }

    /// What the file counts without its log; nil where that cannot be read: the file is torn in the middle of a copy, and
    /// only its log makes it whole.
    private func fileNumber() throws -> Int64? {
        do {
            return try Database(path: path, mode: .fileOnly).storedMark()?.number
        } catch {
            guard let error = error as? SQLiteError, error.kind != .diskFull else { throw error }
            return nil
        }
    }

    private func storedMark() throws -> DatabaseMark? {
        try first("SELECT id, number FROM \(DatabaseMark.table)") { row in
            DatabaseMark(id: try row.blob(0), number: try row.int64(1))
        }
    }
}

package import Model
import Rollout
package import SQLite

/// The hub's store in an SQLite database.
///
/// A transaction that returned is on the disk (write-ahead log, synchronous=FULL). Thread rule: as `Database`, one thread at a time; the API's
/// queries use a second store, opened read-only, on a queue of their own.
package final class SQLiteHubStore: HubStore {
    let database: Database
    /// False for a database that was too long to be read whole at its opening: `check` it.
    package let isChecked: Bool

    /// Advice for an operator whose database is lost.
    package static let advice =
        "restore the whole state folder from a backup; without one, make a new hub in another folder with axle-hub init and join "
        + "its spokes and agents again"

    /// Opens the database, making or migrating it; `now` is written down with each migration. A reader expects it to be there and up to date.
    package init(path: String, mode: Database.Mode = .readWrite, now: UnixTime) throws {
        database = try Database(path: path, mode: mode)
        isChecked = true
        if mode == .readWrite {
            try settle(at: now)
        } else {
            try HubSchema.migrations.check(database)
        }
    }

    /// Opens the database of a hub that there has been; one that is not what the hub left is a `DatabaseLoss`.
    package init(existing path: String, now: UnixTime) throws {
        (database, isChecked) = try Database.existing(path, HubSchema.migrations, advice: Self.advice)
        try settle(at: now)
    }

    private func settle(at now: UnixTime) throws {
        try HubSchema.migrations.apply(to: database, atMilliseconds: now.milliseconds)
        try UnknownValues.settle(HubSchema.unknown, in: database) { lines in
            for line in lines { try noteNewer(line, at: now) }
        }
        try noteUnread(at: now)
        try database.keepMark()
    }

    /// Throws a `DatabaseLoss` if there is no database of a hub at `path`; opens nothing.
    package static func require(_ path: String) throws {
        try Database.require(path, HubSchema.migrations, advice: advice)
    }

    /// Makes what was committed safe in the database's own file, after a change that must not be lost; waits for nobody.
    package func secure() throws { try database.raiseMark() }

    /// Empties the log into the database's file, at the end of the work.
    package func close() throws { try database.checkpoint() }

    /// Says which rows are passed over because a newer release wrote them in a way that this one does not understand.
    private func noteUnread(at now: UnixTime) throws {
        let packages = try database.rows("SELECT package, path FROM package") { row -> String? in
            try row.jsonIfKnown(0, Package.self) == nil ? try row.text(1) : nil
        }
        let states = RolloutState.all { !$0.isFinal }
        let rollouts = try database.rows(
            "SELECT specification, id FROM rollout WHERE state IN (\(Self.marks(states)))", values: Self.values(states)
        ) { row -> RolloutID? in
            try row.jsonIfKnown(0, RolloutSpecification.self) == nil ? try row.id(1) : nil
        }
        try transaction {
            // What is passed over wakes nobody.
            for path in packages.compactMap({ $0 }) {
                try database.run("UPDATE package SET next_try = NULL WHERE path = ?", path)
            }
            let unread = packages.compactMap { $0 }.count
            if unread > 0 {
                try noteNewer(
                    UnknownValues.line(unread, "packages; they are passed over, their files stay in the pool"), at: now)
            }
            for id in rollouts.compactMap({ $0 }) {
                try database.run("UPDATE rollout SET state = ? WHERE id = ?", Int(RolloutState.paused.rawValue), id)
                try database.run("UPDATE wave SET soak_ends = NULL WHERE rollout = ?", id)
                try noteNewer(
                    UnknownValues.line(1, "rollout \(id); it is paused, and is seen by the newer release only"), at: now
                )
            }
        }
    }

    /// Up to `limit` rows that this release understands, behind a place in their order; `page` gives rows behind a place, each with its own.
    func knownRows<Place, Record>(
        after place: Place, limit: Int, page: (Place, Int) throws -> [(Place, Record?)]
    ) throws -> [Record] {
        var (found, last): ([Record], Place) = ([], place)
        while found.count < limit {
            let wanted = limit - found.count
            let rows = try page(last, wanted)
            found += rows.compactMap(\.1)
            guard rows.count == wanted, let end = rows.last?.0 else { break }
            last = end
        }
        return found
    }

    private func noteNewer(_ line: String, at now: UnixTime) throws {
        _ = try appendEvent(Event(time: now, severity: .warning, code: .storeNewer, text: line))
    }

    package func transaction<T>(_ body: () throws -> T) throws -> T {
        try database.transaction(body)
    }

    package var path: String { database.path }

    /// What a quick look at the whole file finds wrong, or nothing.
    package func integrityProblems() throws -> [String] {
        try database.integrityProblems()
    }

    /// Reads the whole file; one that is not whole is a `DatabaseLoss`.
    package func check() throws {
        try database.check(advice: Self.advice)
    }

    /// Refuses to replace a row that is not there.
    func requireOne(_ changed: Int, _ what: @autoclosure () -> String) throws {
        guard changed == 1 else { throw HubStoreError.missing(what()) }
    }

    /// Runs an insert and says so when the key is taken, or when the row that it refers to is not there.
    func inserting(_ what: String, needing other: String = "", _ body: () throws(SQLiteError) -> Int) throws {
        do throws(SQLiteError) {
            _ = try body()
        } catch {
            if error.isDuplicate { throw HubStoreError.duplicate(what) }
            if error.kind == .constraint, !other.isEmpty { throw HubStoreError.missing(other) }
            throw error
        }
    }

    // MARK: Catalog, settings, answers

    package func catalog() throws -> CatalogRecord? {
        try database.first(
            "SELECT url, root, timestamp, expires, refreshed, next_refresh, failures, error FROM catalog"
        ) { row in
            CatalogRecord(
                url: try row.text(0), root: try row.blob(1), timestampVersion: try row.int64(2),
                expires: try row.timeOrNil(3), refreshed: try row.timeOrNil(4), nextRefresh: try row.timeOrNil(5),
                failures: try row.int(6), error: try row.textOrNil(7))
        }
    }

    package func setCatalog(_ catalog: CatalogRecord) throws {
        try database.run(
            "INSERT OR REPLACE INTO catalog VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)", catalog.url, catalog.root,
            catalog.timestampVersion, catalog.expires, catalog.refreshed, catalog.nextRefresh, catalog.failures,
            catalog.error)
    }

    package func setting(_ key: SettingKey) throws -> String? {
        try database.first("SELECT value FROM setting WHERE key = ?", key.rawValue) { row in try row.text(0) }
    }

    package func setSetting(_ key: SettingKey, _ value: String) throws {
        try database.run("INSERT OR REPLACE INTO setting VALUES (?, ?)", key.rawValue, value)
    }

    package func answer(for key: String) throws -> IdempotencyRecord? {
        try database.first("SELECT request, status, body, created FROM answer WHERE key = ?", key) { row in
            IdempotencyRecord(
                key: key, request: try row.blob(0), status: try row.int(1), body: try row.blob(2),
                created: try row.time(3))
        }
    }

    package func insertAnswer(_ answer: IdempotencyRecord) throws {
        try inserting("answer \(answer.key)") { () throws(SQLiteError) in
            try database.run(
                "INSERT INTO answer VALUES (?, ?, ?, ?, ?)", answer.key, answer.request, answer.status, answer.body,
                answer.created)
        }
    }

    package func removeAnswers(createdBefore time: UnixTime) throws {
        try database.run("DELETE FROM answer WHERE created < ?", time)
    }

    // MARK: Events

    package func appendEvent(_ event: Event) throws -> EventRecord {
        let last = try lastEvent()
        let sequence = (last?.sequence ?? 0) + 1
        let hash = EventRecord.hash(event, sequence: sequence, after: last?.hash ?? EventRecord.origin)
        try database.run(
            """
            INSERT INTO event (sequence, time, severity, code, subject, text, hash, peer_time, actor)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, sequence, event.time, Int(event.severity.rawValue), event.code.rawValue, event.subject, event.text,
            hash, event.peerTime, event.actor)
        return EventRecord(sequence: sequence, event: event, hash: hash)
    }

    package func events(after sequence: Int64, search: String?, limit: Int) throws -> [EventRecord] {
        let columns = Self.eventColumns + " WHERE sequence > ?"
        guard let search, !search.isEmpty else {
            return try database.rows(columns + " ORDER BY sequence LIMIT ?", sequence, limit, read: Self.event)
        }
        // A pattern's own characters are taken literally.
        let escaped = search.unicodeScalars.map { "\\%_".unicodeScalars.contains($0) ? "\\\($0)" : "\($0)" }.joined()
        let pattern = "%\(escaped)%"
        return try database.rows(
            columns + """
                 AND (code LIKE ?2 ESCAPE '\\' OR subject LIKE ?2 ESCAPE '\\' OR text LIKE ?2 ESCAPE '\\'
                    OR actor LIKE ?2 ESCAPE '\\') ORDER BY sequence LIMIT ?3
                """, sequence, pattern, limit, read: Self.event)
    }

    package func lastEvent() throws -> EventRecord? {
        try database.first(Self.eventColumns + " ORDER BY sequence DESC LIMIT 1", read: Self.event)
    }

    private static let eventColumns =
        "SELECT sequence, time, severity, code, subject, text, hash, peer_time, actor FROM event"

    private static func event(_ row: borrowing Row) throws -> EventRecord {
        EventRecord(
            sequence: try row.int64(0),
            event: Event(
                // The log is chained, so that nothing in it is changed: a newer release's severity counts as the highest here.
                time: try row.time(1), severity: EventSeverity(rawValue: UInt8(clamping: try row.int64(2))) ?? .error,
                code: try row.named(3, EventCode.self),
                subject: try row.text(4), text: try row.text(5), peerTime: try row.timeOrNil(7),
                actor: try row.textOrNil(8)),
            hash: try row.blob(6))
    }
}

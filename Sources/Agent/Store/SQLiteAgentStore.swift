internal import Codec
package import Model
internal import SQLite
package import Trust

/// The store of a real agent: one SQLite file, write-ahead log, synchronous at every commit.
///
/// Records and facts are JSON in a column, since they are only ever read whole; what is looked up or ordered by has a column of its own.
package final class SQLiteAgentStore: AgentStore {
    /// "AXAG".
    private static let applicationID: Int32 = 0x4158_4147

    private static let schema = """
        CREATE TABLE actions (
            id BLOB PRIMARY KEY, epoch INTEGER NOT NULL, number INTEGER NOT NULL, finished INTEGER NOT NULL,
            record TEXT NOT NULL
        ) STRICT;
        CREATE INDEX actions_open ON actions (finished, epoch, number);
        CREATE TABLE reports (
            place INTEGER PRIMARY KEY AUTOINCREMENT, incarnation INTEGER NOT NULL, counter INTEGER NOT NULL,
            signed BLOB NOT NULL, UNIQUE (incarnation, counter)
        ) STRICT;
        CREATE TABLE numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE texts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE members (
            place INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
            UNIQUE (kind, key)
        ) STRICT;
        """

    private let database: Database
    /// What this release passes over, because a newer one wrote it before the agent was put back; for the logs here and at the hub.
    package private(set) var newerLines: [String] = []

    /// Opens or makes the file; `incarnation` is what a new one begins with.
    package init(path: String, incarnation: UInt64, now: UnixTime) throws {
        database = try Database(path: path)
        try settle(incarnation: incarnation, now: now)
    }

    /// Opens the file of an agent that there has been; one that is not what the agent left is a `DatabaseLoss`.
    package init(existing path: String, incarnation: UInt64, now: UnixTime) throws {
        // It holds this machine's actions and reports, and stays far below the length that is not read whole.
        database = try Database.existing(path, Self.migrations, advice: Self.advice).database
        try settle(incarnation: incarnation, now: now)
    }

    /// Advice for an operator whose database is lost.
    package static let advice =
        "restore the whole state folder from a backup, or join again with a new token into another folder (axle-agent join); "
        + "installed programs stay where they are, and reports that had not reached the spoke are lost"

    private func settle(incarnation: UInt64, now: UnixTime) throws {
        try Self.migrations.apply(to: database, atMilliseconds: now.milliseconds)
        try transaction {
            if try number("incarnation") == nil { try setIncarnation(incarnation) }
        }
        let open = try database.rows("SELECT id, record FROM actions WHERE finished = 0") {
            (try ActionID(bytes: try $0.blob(0)), try $0.text(1))
        }
        for (action, text) in open {
            do {
                _ = try Self.decoded(ActionRecord.self, text)
            } catch {
                newerLines.append(
                    "action \(action) is left alone, since a newer release of this agent began it; order it again if it is still wanted: "
                        + "\(error)")
            }
        }
        try database.keepMark()
    }

    /// Throws a `DatabaseLoss` if there is no database of an agent at `path`; opens nothing.
    package static func require(_ path: String) throws {
        try Database.require(path, migrations, advice: advice)
    }

    /// Empties the log into the database's file, at the end of the work.
    package func close() throws { try database.checkpoint() }

    /// Opens the file of an agent that may be running, to look at only.
    package init(reading path: String) throws {
        database = try Database.reader(path, Self.migrations, advice: Self.advice)
    }

    private static var migrations: Migrations { Migrations(applicationID: applicationID, steps: [schema]) }

    package func transaction<Result>(_ body: () throws -> Result) throws -> Result {
        try database.transaction(body)
    }

    // MARK: Journal

    package func action(_ id: ActionID) throws -> ActionRecord? {
        try database.first("SELECT record FROM actions WHERE id = ?", id.bytes) { try $0.text(0) }
            .flatMap { Self.known(ActionRecord.self, $0) }
    }

    package func openActions() throws -> [ActionRecord] {
        try database.rows("SELECT record FROM actions WHERE finished = 0 ORDER BY epoch, number") { try $0.text(0) }
            .compactMap { Self.known(ActionRecord.self, $0) }
    }

    package func lastActions(limit: Int) throws -> [ActionRecord] {
        try database.rows("SELECT record FROM actions ORDER BY epoch DESC, number DESC LIMIT ?", limit) {
            try $0.text(0)
        }
        .reversed().compactMap { Self.known(ActionRecord.self, $0) }
    }

    package func save(_ record: ActionRecord) throws {
        try database.run(
            """
            INSERT INTO actions (id, epoch, number, finished, record) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, number = excluded.number,
            finished = excluded.finished, record = excluded.record
            """, record.id.bytes, Int64(bitPattern: record.sequence.epoch), Int64(bitPattern: record.sequence.number),
            record.state.isFinal, try Self.encoded(record))
        guard record.state.isFinal else { return }
        try database.run(
            """
            DELETE FROM actions WHERE finished = 1 AND id NOT IN
            (SELECT id FROM actions WHERE finished = 1 ORDER BY epoch DESC, number DESC LIMIT ?)
            """, AgentStoreLimits.finishedActions)
    }

    // MARK: Reports

    package func takeReportCounter() throws -> ReportNumber {
        let incarnation = try number("incarnation") ?? 0
        let counter = (try number("counter") ?? 0) + 1
        try setNumber("counter", counter)
        return ReportNumber(incarnation: incarnation, counter: counter)
    }

    package func queue(_ report: QueuedReport) throws {
        try database.run(
            "INSERT INTO reports (incarnation, counter, signed) VALUES (?, ?, ?)",
            Int64(bitPattern: report.number.incarnation), Int64(bitPattern: report.number.counter), report.signed)
        try database.run(
            "DELETE FROM reports WHERE place <= (SELECT max(place) FROM reports) - ?", AgentStoreLimits.queuedReports)
    }

    package func queuedReports(limit: Int) throws -> [QueuedReport] {
        try database.rows("SELECT incarnation, counter, signed FROM reports ORDER BY place LIMIT ?", limit) {
            QueuedReport(
                number: ReportNumber(
                    incarnation: UInt64(bitPattern: try $0.int64(0)), counter: UInt64(bitPattern: try $0.int64(1))),
                signed: try $0.blob(2))
        }
    }

    package func removeReport(_ number: ReportNumber) throws {
        try database.run(
            "DELETE FROM reports WHERE incarnation = ? AND counter = ?", Int64(bitPattern: number.incarnation),
            Int64(bitPattern: number.counter))
    }

    package func lastReport() throws -> UnixTime? {
        try number("lastReport").map { UnixTime(milliseconds: Int64(bitPattern: $0)) }
    }

    package func setLastReport(_ time: UnixTime) throws {
        try setNumber("lastReport", UInt64(bitPattern: time.milliseconds))
    }

    package func setIncarnation(_ incarnation: UInt64) throws {
        try setNumber("incarnation", incarnation)
        try setNumber("counter", 0)
    }

    // MARK: Floors

    package func sequenceFloor() throws -> OrderSequence? {
        try text("sequence").map { try Self.decoded(OrderSequence.self, $0) }
    }

    package func raiseSequenceFloor(_ floor: OrderSequence, order: [UInt8]) throws {
        if let known = try sequenceFloor(), known >= floor { return }
        try setText("sequence", try Self.encoded(floor))
        try setText("newestOrder", ASCII.hex(order))
    }

    package func newestOrder() throws -> [UInt8]? { try text("newestOrder").flatMap(ASCII.bytes(hex:)) }

    package func signedTimeFloor() throws -> UnixTime? {
        try number("signedTime").map { UnixTime(milliseconds: Int64(bitPattern: $0)) }
    }

    package func setSignedTimeFloor(_ time: UnixTime) throws {
        try setNumber("signedTime", UInt64(bitPattern: time.milliseconds))
    }

    package func raiseSignedTimeFloor(_ time: UnixTime) throws {
        if let known = try signedTimeFloor(), known >= time { return }
        try setNumber("signedTime", UInt64(bitPattern: time.milliseconds))
    }

    package func trustedVersion(_ role: String) throws -> UInt64? { try number("version/\(role)") }

    package func raiseTrustedVersion(_ role: String, _ version: UInt64) throws {
        if let known = try trustedVersion(role), known >= version { return }
        try setNumber("version/\(role)", version)
    }

    package func counterFloor(_ product: ProductName, _ line: LineName) throws -> UInt64? {
        try number("counter/\(product)/\(line)")
    }

    package func setCounterFloor(_ product: ProductName, _ line: LineName, _ counter: UInt64) throws {
        try setNumber("counter/\(product)/\(line)", counter)
    }

    // MARK: The machine

    package func installed() throws -> [InstalledPackage] {
        try members("installed", InstalledPackage.self).sorted { $0.product < $1.product }
    }
    package func setInstalled(_ package: InstalledPackage) throws {
        try add("installed", package.product.text, package)
    }
    package func removeInstalled(_ product: ProductName) throws { try remove("installed", product.text) }
    package func rejected() throws -> [RejectedRelease] { try members("rejected", RejectedRelease.self) }
    package func reject(_ release: RejectedRelease) throws { try add("rejected", Self.key(release), release) }
    package func unreject(_ release: RejectedRelease) throws { try remove("rejected", Self.key(release)) }
    package func locked() throws -> [ProductName] { try members("locked", ProductName.self) }
    package func lock(_ product: ProductName) throws { try add("locked", product.text, product) }
    package func unlock(_ product: ProductName) throws { try remove("locked", product.text) }
    package func warnings() throws -> [ProductName] { try members("warning", ProductName.self) }
    package func setWarning(_ product: ProductName, _ on: Bool) throws {
        try remove("warning", product.text)
        if on { try add("warning", product.text, product) }
    }
    package func reportedFacts() throws -> ClientFacts? {
        try text("facts").flatMap { Self.known(ClientFacts.self, $0) }
    }
    package func setReportedFacts(_ facts: ClientFacts?) throws {
        guard let facts else { return _ = try database.run("DELETE FROM texts WHERE name = 'facts'") }
        try setText("facts", try Self.encoded(facts))
    }

    // MARK: Rows

    private static func key(_ release: RejectedRelease) -> String { "\(release.product)/\(release.release)" }

    private func number(_ name: String) throws -> UInt64? {
        try database.first("SELECT value FROM numbers WHERE name = ?", name) { UInt64(bitPattern: try $0.int64(0)) }
    }
    private func setNumber(_ name: String, _ value: UInt64) throws {
        try database.run(
            "INSERT INTO numbers (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name, Int64(bitPattern: value))
    }
    private func text(_ name: String) throws -> String? {
        try database.first("SELECT value FROM texts WHERE name = ?", name) { try $0.text(0) }
    }
    private func setText(_ name: String, _ value: String) throws {
        try database.run(
            "INSERT INTO texts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name, value)
    }
    private func members<Member: Decodable>(_ kind: String, _ type: Member.Type) throws -> [Member] {
        try database.rows("SELECT value FROM members WHERE kind = ? ORDER BY place", kind) { try $0.text(0) }
            .compactMap { Self.known(type, $0) }
    }
    private func add(_ kind: String, _ key: String, _ value: some Encodable) throws {
        try database.run(
            """
            INSERT INTO members (kind, key, value) VALUES (?, ?, ?)
            ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value
            """, kind, key, try Self.encoded(value))
    }
    private func remove(_ kind: String, _ key: String) throws {
        try database.run("DELETE FROM members WHERE kind = ? AND key = ?", kind, key)
    }

    /// Nil for what a newer release of this agent has written and this one, which was put back, does not understand; it stays for the newer one.
    private static func known<Value: Decodable>(_ type: Value.Type, _ text: String) -> Value? {
        // Of an order that is open, `newerLines` says it; the rest is asked or said anew.
        try? decoded(type, text)
    }

    private static func encoded(_ value: some Encodable) throws -> String {
        String(decoding: try JSONCoder.encode(value), as: UTF8.self)
    }

    private static func decoded<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        do {
            return try JSONCoder.decode(type, from: Array(text.utf8))
        } catch {
            throw AgentError(.storeDamaged, "a stored \(type) cannot be understood: \(error)")
        }
    }
}

package import Model
package import SQLite

/// A spoke's store in its state folder's `spoke.db`; WAL with synchronous=FULL, so that a commit outlives a power cut.
///
/// Belongs to the spoke's named queue.
package final class SQLiteSpokeStore: SpokeStore {
    private let database: Database

    /// The schema, step by step; a released step is never changed.
    package static let migrations = Migrations(
        applicationID: 0x4158_5350,
        steps: [
            """
            CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
            CREATE TABLE replicas (
                sha256 BLOB PRIMARY KEY, path TEXT NOT NULL, length INTEGER NOT NULL, priority INTEGER NOT NULL,
                state INTEGER NOT NULL, text TEXT NOT NULL, attempts INTEGER NOT NULL, not_before INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE agents (id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
            CREATE TABLE orders (
                number INTEGER PRIMARY KEY AUTOINCREMENT, agent BLOB NOT NULL, action BLOB NOT NULL,
                kind INTEGER NOT NULL, expires INTEGER NOT NULL, signed BLOB NOT NULL, UNIQUE (action, kind)
            ) STRICT;
            CREATE INDEX orders_by_agent ON orders (agent, number);
            CREATE TABLE reports (
                number INTEGER PRIMARY KEY AUTOINCREMENT, agent BLOB NOT NULL, incarnation INTEGER NOT NULL,
                counter INTEGER NOT NULL, signed BLOB NOT NULL, UNIQUE (agent, incarnation, counter)
            ) STRICT;
            CREATE TABLE events (
                sequence INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, severity INTEGER NOT NULL,
                code TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL
            ) STRICT;
            """,
            """
            ALTER TABLE replicas ADD COLUMN coding INTEGER;
            ALTER TABLE replicas ADD COLUMN content_length INTEGER;
            ALTER TABLE replicas ADD COLUMN content_sha256 BLOB;
            ALTER TABLE replicas ADD COLUMN is_plain INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE replicas ADD COLUMN means INTEGER;
            ALTER TABLE replicas ADD COLUMN transferred INTEGER NOT NULL DEFAULT 0;
            CREATE TABLE patches (
                sha256 BLOB PRIMARY KEY, length INTEGER NOT NULL, base BLOB NOT NULL, content BLOB NOT NULL,
                path TEXT NOT NULL
            ) STRICT, WITHOUT ROWID;
            """,
            // Chunk deltas beside patches.
            "ALTER TABLE patches ADD COLUMN means INTEGER NOT NULL DEFAULT 3;",
            // The same bytes as several packages: the paths beside the one in `replicas`.
            """
            CREATE TABLE replica_paths (
                sha256 BLOB NOT NULL, place INTEGER NOT NULL, path TEXT NOT NULL, PRIMARY KEY (sha256, place)
            ) STRICT, WITHOUT ROWID;
            """,
            // The keys of agents' reports.
            "ALTER TABLE agents ADD COLUMN report_key BLOB;",
            // What is asked for each time that an agent fetches, or an object is damaged.
            """
            CREATE INDEX replicas_by_path ON replicas (path);
            CREATE INDEX replicas_by_content ON replicas (content_sha256);
            CREATE INDEX replica_paths_by_path ON replica_paths (path);
            CREATE INDEX patches_by_content ON patches (content);
            """,
        ])

    /// A content whose coding is unknown keeps its hash and length, which were signed: it is served, and never unpacked here.
    private static let unknown = [
        UnknownValues(
            "replicas", "coding", ContentCoding.self,
            .set(
                "coding = \(ContentCoding.none.rawValue), text = 'its content is packed in a way that is unknown here'"),
            "packages whose contents are packed in an unknown way are served as they are, and neither unpacked nor patched"
        ),
        UnknownValues(
            "replicas", "state", ReplicaState.self, .set("state = \(ReplicaState.pending.rawValue)"),
            "states of packages; they are looked for in the pool, or fetched again"),
        UnknownValues(
            "replicas", "means", TransferMeans.self, .set("means = NULL"), "ways in which packages came; left out"),
        UnknownValues(
            "patches", "means", TransferMeans.self, .remove,
            "patches of an unknown kind are not served; an update takes the next best way"),
        UnknownValues(
            "events", "severity", EventSeverity.self, .set("severity = \(EventSeverity.error.rawValue)"),
            "events of an unknown severity count as errors"),
    ]

    /// Opens or makes the database and brings it up to date; `now` is written down with each step.
    package init(path: String, now: UnixTime) throws {
        database = try Database(path: path)
        try settle(at: now)
    }

    /// Opens the database of a spoke that there has been; one that is not what the spoke left is a `DatabaseLoss`.
    package init(existing path: String, now: UnixTime) throws {
        // It holds what this site carries now, and stays far below the length that is not read whole.
        database = try Database.existing(path, Self.migrations, advice: Self.advice).database
        try settle(at: now)
    }

    /// Advice for an operator whose database is lost.
    package static let advice =
        "restore the whole state folder from a backup, or move it away and join again with a new token (axle-spoke join); reports "
        + "that had not reached the hub are lost then"

    private func settle(at now: UnixTime) throws {
        try Self.migrations.apply(to: database, atMilliseconds: now.milliseconds)
        try UnknownValues.settle(Self.unknown, in: database) { lines in
            for line in lines { _ = try append(Event(time: now, severity: .warning, code: .storeNewer, text: line)) }
        }
        try database.keepMark()
    }

    /// Throws a `DatabaseLoss` if there is no database of a spoke at `path`; opens nothing.
    package static func require(_ path: String) throws {
        try Database.require(path, migrations, advice: advice)
    }

    /// Empties the log into the database's file, at the end of the work.
    package func close() throws { try database.checkpoint() }

    package func transaction<Result>(_ body: () throws -> Result) throws -> Result { try database.transaction(body) }

    package func setting(_ setting: SpokeSetting) throws -> [UInt8]? {
        try database.first("SELECT value FROM settings WHERE name = ?", setting.rawValue) { try $0.blob(0) }
    }

    package func set(_ setting: SpokeSetting, to value: [UInt8]) throws {
        try database.run(
            "INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            setting.rawValue, value)
    }

    private static let replicaColumns = """
        path, sha256, length, priority, state, text, attempts, not_before, coding, content_length, content_sha256,
        is_plain, means, transferred
        """

    private static func replica(_ row: borrowing Row) throws -> WantedReplica {
        guard let state = ReplicaState(rawValue: UInt8(clamping: try row.int64(4))) else {
            throw ModelError("replica state", String(try row.int64(4)), "is none that this version knows")
        }
        return WantedReplica(
            path: try TargetPath(try row.text(0)), sha256: try SHA256Digest(bytes: try row.blob(1)),
            length: UInt64(bitPattern: try row.int64(2)), content: try content(row),
            priority: UInt8(clamping: try row.int64(3)), state: state, text: try row.text(5),
            attempts: UInt32(clamping: try row.int64(6)), notBefore: UnixTime(milliseconds: try row.int64(7)),
            isPlain: try row.int64(11) != 0,
            means: try row.int64OrNil(12).flatMap { TransferMeans(rawValue: UInt8(clamping: $0)) },
            transferred: UInt64(bitPattern: try row.int64(13)))
    }

    private static func content(_ row: borrowing Row) throws -> PackageContent? {
        guard let number = try row.int64OrNil(8), let length = try row.int64OrNil(9),
            let sha256 = try row.blobOrNil(10)
        else { return nil }
        guard let coding = ContentCoding(rawValue: UInt8(clamping: number)) else {
            throw ModelError("content coding", String(number), "is none that this version knows")
        }
        return PackageContent(
            coding: coding, length: ByteCount(UInt64(bitPattern: length)), sha256: try SHA256Digest(bytes: sha256))
    }

    package func replicas() throws -> [WantedReplica] {
        var others: [SHA256Digest: [TargetPath]] = [:]
        try database.forEach("SELECT sha256, path FROM replica_paths ORDER BY sha256, place") { row in
            others[try SHA256Digest(bytes: try row.blob(0)), default: []].append(try TargetPath(try row.text(1)))
        }
        return try database.rows("SELECT \(Self.replicaColumns) FROM replicas ORDER BY sha256") { row in
            var replica = try Self.replica(row)
            for path in others[replica.sha256] ?? [] { replica.add(path) }
            return replica
        }
    }

    package func replica(_ sha256: SHA256Digest) throws -> WantedReplica? {
        let found = try database.first(
            "SELECT \(Self.replicaColumns) FROM replicas WHERE sha256 = ?", sha256.bytes, read: Self.replica)
        return try found.map(withPaths)
    }

    /// A replica with its paths beside the first.
    private func withPaths(_ replica: WantedReplica) throws -> WantedReplica {
        var replica = replica
        try database.forEach("SELECT path FROM replica_paths WHERE sha256 = ? ORDER BY place", replica.sha256.bytes) {
            replica.add(try TargetPath(try $0.text(0)))
        }
        return replica
    }

    package func replicas(naming path: TargetPath) throws -> [WantedReplica] {
        try database.rows(
            """
            SELECT \(Self.replicaColumns) FROM replicas WHERE path = ?1
                OR sha256 IN (SELECT sha256 FROM replica_paths WHERE path = ?1) ORDER BY sha256
            """, path.description, read: Self.replica
        ).map(withPaths)
    }

    package func replicas(heldAs object: SHA256Digest) throws -> [WantedReplica] {
        try database.rows(
            "SELECT \(Self.replicaColumns) FROM replicas WHERE sha256 = ?1 OR content_sha256 = ?1 ORDER BY sha256",
            object.bytes, read: Self.replica
        ).map(withPaths)
    }

    package func save(_ replica: WantedReplica) throws {
        try database.run(
            """
            INSERT INTO replicas (\(Self.replicaColumns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (sha256) DO UPDATE SET path = excluded.path, length = excluded.length,
                priority = excluded.priority, state = excluded.state, text = excluded.text,
                attempts = excluded.attempts, not_before = excluded.not_before, coding = excluded.coding,
                content_length = excluded.content_length, content_sha256 = excluded.content_sha256,
                is_plain = excluded.is_plain, means = excluded.means, transferred = excluded.transferred
            """,
            replica.path.description, replica.sha256.bytes, Int64(bitPattern: replica.length),
            Int64(replica.priority), Int64(replica.state.rawValue), replica.text, Int64(replica.attempts),
            replica.notBefore.milliseconds, replica.content.map { Int64($0.coding.rawValue) },
            replica.content.map { Int64(bitPattern: $0.length.bytes) }, replica.content?.sha256.bytes,
            replica.isPlain ? Int64(1) : Int64(0), replica.means.map { Int64($0.rawValue) },
            Int64(bitPattern: replica.transferred))
        try database.run("DELETE FROM replica_paths WHERE sha256 = ?", replica.sha256.bytes)
        for (place, path) in replica.others.enumerated() {
            try database.run(
                "INSERT INTO replica_paths VALUES (?, ?, ?)", replica.sha256.bytes, place, path.description)
        }
    }

    private static let patchColumns = "sha256, length, base, content, path, means"

    private static func patch(_ row: borrowing Row) throws -> KeptPatch {
        KeptPatch(
            sha256: try SHA256Digest(bytes: try row.blob(0)), length: UInt64(bitPattern: try row.int64(1)),
            means: try means(row), base: try SHA256Digest(bytes: try row.blob(2)),
            content: try SHA256Digest(bytes: try row.blob(3)), path: try TargetPath(try row.text(4)))
    }

    package func patches() throws -> [KeptPatch] {
        try database.rows("SELECT \(Self.patchColumns) FROM patches ORDER BY sha256", read: Self.patch)
    }

    package func patch(_ sha256: SHA256Digest) throws -> KeptPatch? {
        try database.first(
            "SELECT \(Self.patchColumns) FROM patches WHERE sha256 = ?", sha256.bytes, read: Self.patch)
    }

    package func patches(giving content: SHA256Digest) throws -> [KeptPatch] {
        try database.rows(
            "SELECT \(Self.patchColumns) FROM patches WHERE content = ? ORDER BY sha256", content.bytes,
            read: Self.patch)
    }

    private static func means(_ row: borrowing Row) throws -> TransferMeans {
        guard let means = TransferMeans(rawValue: UInt8(clamping: try row.int64(5))) else {
            throw ModelError("means of transfer", String(try row.int64(5)), "is none that this version knows")
        }
        return means
    }

    package func save(_ patch: KeptPatch) throws {
        try database.run(
            """
            INSERT INTO patches VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (sha256) DO UPDATE SET length = excluded.length,
                base = excluded.base, content = excluded.content, path = excluded.path, means = excluded.means
            """,
            patch.sha256.bytes, Int64(bitPattern: patch.length), patch.base.bytes, patch.content.bytes,
            patch.path.description, Int64(patch.means.rawValue))
    }

    package func removePatch(_ sha256: SHA256Digest) throws {
        try database.run("DELETE FROM patches WHERE sha256 = ?", sha256.bytes)
    }

    package func knownAgents() throws -> Set<NodeID> {
        Set(try database.rows("SELECT id FROM agents") { try NodeID(bytes: try $0.blob(0)) })
    }

    package func addAgent(_ agent: NodeID, reportKey: [UInt8]?) throws {
        try database.run(
            """
            INSERT INTO agents (id, report_key) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE
                SET report_key = excluded.report_key
                WHERE excluded.report_key IS NOT NULL AND report_key IS NOT excluded.report_key
            """, agent.bytes, reportKey)
    }

    package func agent(_ id: NodeID) throws -> KnownAgent? {
        try database.first("SELECT report_key FROM agents WHERE id = ?", id.bytes) { row in
            KnownAgent(id: id, reportKey: try row.blobOrNil(0))
        }
    }

    package func removeAgent(_ agent: NodeID) throws {
        try database.run("DELETE FROM agents WHERE id = ?", agent.bytes)
    }

    package func keep(_ order: CarriedOrder) throws {
        try database.run(
            "DELETE FROM orders WHERE action = ? AND kind = ? AND signed <> ?", order.action.bytes, Int64(order.kind),
            order.signed)
        try database.run(
            "INSERT INTO orders (agent, action, kind, expires, signed) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            order.agent.bytes, order.action.bytes, Int64(order.kind), order.expires.milliseconds, order.signed)
    }

    package func orders(for agent: NodeID) throws -> [CarriedOrder] {
        try database.rows(
            "SELECT action, kind, expires, signed FROM orders WHERE agent = ? ORDER BY number", agent.bytes
        ) { row in
            CarriedOrder(
                agent: agent, action: try ActionID(bytes: try row.blob(0)), kind: UInt8(clamping: try row.int64(1)),
                expires: UnixTime(milliseconds: try row.int64(2)), signed: try row.blob(3))
        }
    }

    package func removeOrder(action: ActionID, kind: UInt8) throws {
        try database.run("DELETE FROM orders WHERE action = ? AND kind = ?", action.bytes, Int64(kind))
    }

    package func removeOrders(expiredBefore time: UnixTime) throws -> Int {
        try database.run("DELETE FROM orders WHERE expires < ?", time.milliseconds)
    }

    @discardableResult
    package func keep(_ report: CarriedReport) throws -> Bool {
        let added = try database.run(
            "INSERT INTO reports (agent, incarnation, counter, signed) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            report.agent.bytes, Int64(bitPattern: report.incarnation), Int64(bitPattern: report.counter),
            report.signed)
        return added == 1
    }

    package func reportTallies() throws -> [NodeID: (reports: Int, bytes: Int)] {
        var tallies: [NodeID: (reports: Int, bytes: Int)] = [:]
        try database.forEach("SELECT agent, count(*), sum(length(signed)) FROM reports GROUP BY agent") { row in
            tallies[try NodeID(bytes: try row.blob(0))] = (
                Int(clamping: try row.int64(1)), Int(clamping: try row.int64(2))
            )
        }
        return tallies
    }

    package func reports(limit: Int) throws -> [CarriedReport] {
        try database.rows(
            "SELECT agent, incarnation, counter, signed FROM reports ORDER BY number LIMIT ?", limit
        ) { row in
            CarriedReport(
                agent: try NodeID(bytes: try row.blob(0)), incarnation: UInt64(bitPattern: try row.int64(1)),
                counter: UInt64(bitPattern: try row.int64(2)), signed: try row.blob(3))
        }
    }

    @discardableResult
    package func removeReport(agent: NodeID, incarnation: UInt64, counter: UInt64) throws -> Int? {
        try database.first(
            "DELETE FROM reports WHERE agent = ? AND incarnation = ? AND counter = ? RETURNING length(signed)",
            agent.bytes, Int64(bitPattern: incarnation), Int64(bitPattern: counter)
        ) { Int(clamping: try $0.int64(0)) }
    }

    package func append(_ event: Event) throws -> UInt64 {
        try database.run(
            """
            INSERT INTO events (sequence, time, severity, code, subject, text) VALUES (
            max(1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0), ?1), ?1, ?2, ?3, ?4, ?5)
            """, event.time.milliseconds, Int64(event.severity.rawValue), event.code.rawValue, event.subject, event.text
        )
        return UInt64(bitPattern: database.lastInsertRowID)
    }

    package func events(limit: Int) throws -> [CarriedEvent] {
        try database.rows(
            "SELECT sequence, time, severity, code, subject, text FROM events ORDER BY sequence LIMIT ?", limit
        ) { row in
            guard let severity = EventSeverity(rawValue: UInt8(clamping: try row.int64(2))) else {
                throw ModelError("event severity", String(try row.int64(2)), "is none that this version knows")
            }
            return CarriedEvent(
                sequence: UInt64(bitPattern: try row.int64(0)),
                event: Event(
                    time: UnixTime(milliseconds: try row.int64(1)), severity: severity,
                    code: try EventCode(try row.text(3)), subject: try row.text(4), text: try row.text(5)))
        }
    }

    @discardableResult
    package func removeEvents(through sequence: UInt64) throws -> Int {
        try database.run("DELETE FROM events WHERE sequence <= ?", Int64(bitPattern: sequence))
    }

    package func eventCount() throws -> Int {
        try database.first("SELECT count(*) FROM events") { Int(clamping: try $0.int64(0)) } ?? 0
    }

    package func trimEvents(to count: Int) throws -> Int {
        try database.run(
            """
            DELETE FROM events WHERE sequence IN (SELECT sequence FROM events ORDER BY severity, sequence
                LIMIT max(0, (SELECT count(*) FROM events) - ?))
            """, max(0, count))
    }
}

package import Model
package import Rollout
import SQLite

extension SQLiteHubStore {
    // MARK: Alarms

    package func putAlarm(_ alarm: AlarmRecord) throws {
        try database.run(
            "INSERT OR REPLACE INTO alarm VALUES (?, ?, ?, ?, ?)", alarm.subject, alarm.code.rawValue, alarm.began,
            alarm.seen, alarm.text)
    }

    package func alarm(of subject: NodeID, _ code: WarningCode) throws -> AlarmRecord? {
        try database.first(
            "SELECT subject, began, seen, text FROM alarm WHERE subject = ? AND code = ?", subject, code.rawValue
        ) { try Self.alarm($0, code) }
    }

    package func alarms(_ code: WarningCode, seenAfter time: UnixTime) throws -> [AlarmRecord] {
        try database.rows(
            "SELECT subject, began, seen, text FROM alarm WHERE code = ? AND seen > ? ORDER BY subject", code.rawValue,
            time
        ) { try Self.alarm($0, code) }
    }

    package func removeAlarms(of subject: NodeID) throws {
        try database.run("DELETE FROM alarm WHERE subject = ?", subject)
    }

    package func removeAlarms(seenBefore time: UnixTime) throws {
        try database.run("DELETE FROM alarm WHERE seen < ?", time)
    }

    private static func alarm(_ row: borrowing Row, _ code: WarningCode) throws -> AlarmRecord {
        AlarmRecord(
            subject: try row.id(0), code: code, began: try row.time(1), seen: try row.time(2), text: try row.text(3))
    }

    // MARK: Figures

    package func clientCounts() throws -> (total: Int, connected: Int) {
        let found = try database.first(
            "SELECT count(*), COALESCE(sum(connected), 0) FROM client INDEXED BY client_live WHERE revoked IS NULL"
        ) {
            row in (try row.int(0), try row.int(1))
        }
        return found ?? (0, 0)
    }

    package func clientCount(of spoke: NodeID) throws -> Int {
        try count("SELECT count(*) FROM client WHERE spoke = ? AND revoked IS NULL", spoke)
    }

    package func silentClients(before time: UnixTime, limit: Int) throws -> Counted<ClientEntry> {
        // The expression is that of the index.
        let rest = "FROM client WHERE revoked IS NULL AND COALESCE(last_report, joined) < ?"
        return Counted(
            count: try count("SELECT count(*) \(rest)", time),
            first: try database.rows(
                "SELECT * \(rest) ORDER BY COALESCE(last_report, joined), name LIMIT ?", time, limit, read: Self.client)
        )
    }

    package func packageCounts() throws -> [PackageState: Int] {
        Dictionary(
            uniqueKeysWithValues: try database.rows("SELECT state, count(*) FROM package GROUP BY state") { row in
                (try row.code(0, PackageState.self), try row.int(1))
            })
    }

    package func rolloutCounts() throws -> [RolloutState: Int] {
        Dictionary(
            uniqueKeysWithValues: try database.rows("SELECT state, count(*) FROM rollout GROUP BY state") { row in
                (try row.code(0, RolloutState.self), try row.int(1))
            })
    }

    package func rollouts(endedAfter time: UnixTime, limit: Int) throws -> [RolloutRecord] {
        try database.rows(
            Self.rolloutColumns + " WHERE ended IS NOT NULL AND ended > ? ORDER BY ended DESC, ordinal DESC LIMIT ?",
            time,
            limit, read: Self.rollout
        ).compactMap { $0 }
    }

    private static let isMember = """
        NOT EXISTS (SELECT 1 FROM client WHERE id = node AND revoked IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM spoke WHERE id = node AND revoked IS NOT NULL)
        """

    package func wrongClocks(limit: Int) throws -> Counted<StandingRecord> {
        let rest = "FROM standing WHERE clock_error <> 0 AND \(Self.isMember)"
        return Counted(
            count: try count("SELECT count(*) \(rest)"),
            first: try database.rows(
                "SELECT \(Self.standingColumns) \(rest) ORDER BY node LIMIT ?", limit, read: Self.standing))
    }

    package func certificates(endingBefore time: UnixTime, limit: Int) throws -> Counted<StandingRecord> {
        let rest = "FROM standing WHERE expires < ? AND \(Self.isMember)"
        return Counted(
            count: try count("SELECT count(*) \(rest)", time),
            first: try database.rows(
                "SELECT \(Self.standingColumns) \(rest) ORDER BY expires, node LIMIT ?", time, limit,
                read: Self.standing))
    }

    package func lackingReplicas(limit: Int) throws -> Counted<ReplicaRecord> {
        let rest = """
            FROM replica WHERE lacking IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM spoke WHERE id = replica.spoke AND revoked IS NOT NULL)
            """
        return Counted(
            count: try count("SELECT count(*) \(rest)"),
            first: try database.rows("SELECT * \(rest) ORDER BY spoke, path LIMIT ?", limit, read: Self.replica))
    }

    package func uncertainActions(limit: Int) throws -> Counted<ActionRecord> {
        // The state is a literal and the index is named, since the planner takes the index of all counts otherwise.
        let rest = """
             INDEXED BY action_uncertain WHERE a.state = \(ActionState.uncertain.rawValue)
            AND EXISTS (SELECT 1 FROM client WHERE id = a.client AND revoked IS NULL)
            """
        return Counted(
            count: try count("SELECT count(*) FROM action a" + rest),
            first: try database.rows(
                Self.actionColumns + rest + " ORDER BY a.ordinal LIMIT ?", limit, read: Self.action))
    }

    package func lastChange(of rollout: RolloutID) throws -> UnixTime? {
        try database.first("SELECT changed FROM action WHERE rollout = ? ORDER BY changed DESC LIMIT 1", rollout) {
            row in
            try row.time(0)
        }
    }

    private func count(_ query: String, _ values: any Bindable...) throws -> Int {
        try database.rows(query, values: values) { row in try row.int(0) }.first ?? 0
    }
}

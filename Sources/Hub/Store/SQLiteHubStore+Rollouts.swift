package import Model
package import Rollout
import SQLite
package import Trust

extension SQLiteHubStore {
    // MARK: Rollouts and waves

    package func insertRollout(_ rollout: RolloutRecord) throws -> Int64 {
        let specification = try StoredJSON.encode(rollout.specification)
        let windows = try StoredJSON.encode(rollout.windows)
        try inserting("rollout \(rollout.id)") { () throws(SQLiteError) in
            try database.run(
                """
                INSERT INTO rollout
                (id, name, specification, state, windows, created, started, ended, text, approval, cause)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """, rollout.id, rollout.specification.name, specification, Int(rollout.state.rawValue), windows,
                rollout.created, rollout.started, rollout.ended, rollout.text, rollout.approval,
                rollout.cause?.rawValue)
        }
        return database.lastInsertRowID
    }

    package func updateRollout(_ rollout: RolloutRecord) throws {
        try requireOne(
            try database.run(
                """
                UPDATE rollout SET specification = ?, state = ?, windows = ?, created = ?, started = ?, ended = ?,
                text = ?, approval = ?, cause = ? WHERE id = ?
                """, try StoredJSON.encode(rollout.specification), Int(rollout.state.rawValue),
                try StoredJSON.encode(rollout.windows), rollout.created, rollout.started, rollout.ended, rollout.text,
                rollout.approval, rollout.cause?.rawValue, rollout.id), "rollout \(rollout.id)")
    }

    static let rolloutColumns =
        "SELECT ordinal, id, specification, state, windows, created, started, ended, text, approval, cause FROM rollout"

    package func rollout(_ id: RolloutID) throws -> RolloutRecord? {
        try database.first(Self.rolloutColumns + " WHERE id = ?", id, read: Self.rollout) ?? nil
    }

    package func rollouts(named name: String) throws -> [RolloutRecord] {
        try database.rows(Self.rolloutColumns + " WHERE name = ? ORDER BY ordinal", name, read: Self.rollout)
            .compactMap { $0 }
    }

    package func removeRollout(_ id: RolloutID) throws {
        try database.run("DELETE FROM order_outbox WHERE action IN (SELECT id FROM action WHERE rollout = ?)", id)
        try database.run("DELETE FROM action WHERE rollout = ?", id)
        try database.run("DELETE FROM wave WHERE rollout = ?", id)
        try database.run("DELETE FROM rollout WHERE id = ?", id)
    }

    package func rollouts(after ordinal: Int64, limit: Int) throws -> [RolloutRecord] {
        try knownRows(after: ordinal, limit: limit) { last, count in
            try database.rows(Self.rolloutColumns + " WHERE ordinal > ? ORDER BY ordinal LIMIT ?", last, count) {
                (try $0.int64(0), try Self.rollout($0))
            }
        }
    }

    package func rollouts(in states: [RolloutState]) throws -> [RolloutRecord] {
        try database.rows(
            Self.rolloutColumns + " WHERE state IN (\(Self.marks(states))) ORDER BY ordinal",
            values: Self.values(states), read: Self.rollout
        ).compactMap { $0 }
    }

    package func rollouts(of product: ProductName, in states: [RolloutState]) throws -> [RolloutRecord] {
        let condition = """
             WHERE json_extract(specification, '$.product') = ? AND state IN (\(Self.marks(states))) ORDER BY ordinal
            """
        return try database.rows(
            Self.rolloutColumns + condition, values: [product.text] + Self.values(states), read: Self.rollout
        ).compactMap { $0 }
    }

    /// The places of some states in a statement.
    static func marks<State>(_ states: [State]) -> String { states.map { _ in "?" }.joined(separator: ", ") }

    /// The states as a statement takes them.
    static func values<State: NamedCode>(_ states: [State]) -> [any Bindable] { states.map { Int($0.rawValue) } }

    /// Nil for one that a newer release has written and this one does not understand.
    static func rollout(_ row: borrowing Row) throws -> RolloutRecord? {
        guard let specification = try row.jsonIfKnown(2, RolloutSpecification.self) else { return nil }
        return RolloutRecord(
            id: try row.id(1), specification: specification, state: try row.code(3), windows: try row.json(4),
            created: try row.time(5), started: try row.timeOrNil(6), ended: try row.timeOrNil(7),
            text: try row.textOrNil(8), cause: try row.textOrNil(10).flatMap { PauseCause(rawValue: $0) },
            approval: try row.blobOrNil(9), ordinal: try row.int64(0))
    }

    package func putWave(_ wave: WaveRecord) throws {
        let named = Dictionary(uniqueKeysWithValues: wave.accepted.map { ($0.key.name, $0.value) })
        let accepted = named.isEmpty ? nil : try StoredJSON.encode(named)
        try inserting("wave \(wave.index)", needing: "rollout \(wave.rollout)") { () throws(SQLiteError) in
            try database.run(
                "INSERT OR REPLACE INTO wave VALUES (?, ?, ?, ?, ?, ?, ?)", wave.rollout, wave.index,
                Int(wave.state.rawValue), wave.soak.wholeMilliseconds, wave.began, wave.stateEnds, accepted)
        }
    }

    package func waves(of rollout: RolloutID) throws -> [WaveRecord] {
        try database.rows("SELECT * FROM wave WHERE rollout = ? ORDER BY number", rollout, read: Self.wave)
    }

    package func timedWaves() throws -> [WaveRecord] {
        let states = WaveState.all(where: \.isTimed)
        return try database.rows(
            """
            SELECT * FROM wave WHERE state IN (\(Self.marks(states))) AND soak_ends IS NOT NULL
            ORDER BY soak_ends, rollout, number
            """, values: Self.values(states), read: Self.wave)
    }

    private static func wave(_ row: borrowing Row) throws -> WaveRecord {
        // States of a newer release are not known here; what was accepted in them counts anew.
        let named = try row.textOrNil(6) == nil ? [:] : try row.jsonIfKnown(6, [String: Int].self) ?? [:]
        let accepted = named.compactMap { name, count in ActionState(name: name).map { ($0, count) } }
        return WaveRecord(
            rollout: try row.id(0), index: try row.int(1), state: try row.code(2),
            soak: .milliseconds(try row.int64(3)), began: try row.timeOrNil(4), stateEnds: try row.timeOrNil(5),
            accepted: Dictionary(uniqueKeysWithValues: accepted))
    }

    // MARK: Actions

    package func insertAction(_ action: ActionRecord) throws -> Int64 {
        let reasons = try StoredJSON.encode(action.reasons)
        let notes = try StoredJSON.encode(action.notes)
        try inserting("action \(action.id)", needing: "rollout \(action.rollout)") { () throws(SQLiteError) in
            try database.run(
                """
                INSERT INTO action (id, rollout, wave, client, spoke, path, sha256, state, reasons, notes, detail,
                sequence, expires, deadline, created, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """, action.id, action.rollout, action.wave, action.client, action.spoke, action.path, action.digest,
                Int(action.state.rawValue), reasons, notes, action.detail, action.sequence, action.expires,
                action.deadline, action.created, action.changed)
        }
        return database.lastInsertRowID
    }

    package func updateAction(_ action: ActionRecord) throws {
        try requireOne(
            try database.run(
                """
                UPDATE action SET wave = ?, spoke = ?, path = ?, sha256 = ?, state = ?, reasons = ?, notes = ?,
                detail = ?, sequence = ?, expires = ?, deadline = ?, changed = ? WHERE id = ?
                """, action.wave, action.spoke, action.path, action.digest, Int(action.state.rawValue),
                try StoredJSON.encode(action.reasons), try StoredJSON.encode(action.notes), action.detail,
                action.sequence, action.expires, action.deadline, action.changed, action.id), "action \(action.id)")
    }

    static let actionColumns = """
        SELECT a.ordinal, a.id, a.rollout, a.wave, a.client, a.spoke, a.path, a.sha256, a.state, a.reasons, a.notes,
        a.detail, a.sequence, a.expires, a.deadline, a.created, a.changed FROM action a
        """

    package func action(_ id: ActionID) throws -> ActionRecord? {
        try database.first(Self.actionColumns + " WHERE a.id = ?", id, read: Self.action)
    }

    package func actions(of rollout: RolloutID, after ordinal: Int64, limit: Int) throws -> [ActionRecord] {
        try database.rows(
            Self.actionColumns + " WHERE a.rollout = ? AND a.ordinal > ? ORDER BY a.ordinal LIMIT ?", rollout, ordinal,
            limit, read: Self.action)
    }

    package func actions(of client: NodeID, limit: Int) throws -> [ActionRecord] {
        try database.rows(
            Self.actionColumns + " WHERE a.client = ? ORDER BY a.ordinal DESC LIMIT ?", client, limit,
            read: Self.action)
    }

    package func pendingActions(spoke: NodeID, path: TargetPath?, limit: Int) throws -> [ActionRecord] {
        // The action's state is a literal so that the partial index of pending actions serves.
        let rest = """
             JOIN rollout r ON r.id = a.rollout JOIN wave w ON w.rollout = a.rollout AND w.number = a.wave
            WHERE a.state = \(ActionState.pending.rawValue) AND a.sequence IS NULL AND a.spoke = ?1 AND (?2 IS NULL OR a.path = ?2) AND r.state = ?3 AND w.state = ?4
            ORDER BY a.ordinal LIMIT ?5
            """
        return try database.rows(
            Self.actionColumns + rest, spoke, path, Int(RolloutState.running.rawValue),
            Int(WaveState.running.rawValue), limit, read: Self.action)
    }

    package func actionCounts(of rollout: RolloutID) throws -> ActionCounts {
        let rows = try database.rows(
            "SELECT wave, state, count(*) FROM action WHERE rollout = ? GROUP BY wave, state", rollout
        ) { row in (try row.int(0), try row.code(1, ActionState.self), try row.int(2)) }
        return ActionCounts(rows.reduce(into: [:]) { $0[$1.0, default: [:]][$1.1] = $1.2 })
    }

    package func dueActions(at time: UnixTime, limit: Int) throws -> [ActionRecord] {
        try database.rows(
            Self.actionColumns
                + " WHERE a.deadline IS NOT NULL AND a.deadline <= ? ORDER BY a.deadline, a.ordinal LIMIT ?",
            time, limit, read: Self.action)
    }

    package func nextActionDeadline() throws -> UnixTime? {
        try database.first(
            "SELECT deadline FROM action WHERE deadline IS NOT NULL ORDER BY deadline LIMIT 1"
        ) { row in try row.time(0) }
    }

    static func action(_ row: borrowing Row) throws -> ActionRecord {
        ActionRecord(
            id: try row.id(1), rollout: try row.id(2), wave: try row.int(3), client: try row.id(4),
            spoke: try row.id(5), path: try row.named(6), digest: try row.digest(7), state: try row.code(8),
            reasons: try row.json(9), notes: try row.json(10), detail: try row.text(11),
            sequence: try row.int64OrNil(12), expires: try row.timeOrNil(13), deadline: try row.timeOrNil(14),
            created: try row.time(15), changed: try row.time(16), ordinal: try row.int64(0))
    }

    // MARK: Orders

    package func insertOrder(_ order: OrderRecord) throws {
        try inserting("order \(order.number)") { () throws(SQLiteError) in
            try database.run(
                "INSERT INTO order_outbox VALUES (?, ?, ?, ?, ?, ?, ?)", order.number, order.action, order.client,
                order.spoke, Int(order.kind), order.expires, order.signed)
        }
    }

    package func order(_ number: Int64) throws -> OrderRecord? {
        try database.first("SELECT * FROM order_outbox WHERE number = ?", number, read: Self.order)
    }

    package func orders(for spoke: NodeID, after number: Int64, limit: Int) throws -> [OrderRecord] {
        try database.rows(
            "SELECT * FROM order_outbox WHERE spoke = ? AND number > ? ORDER BY number LIMIT ?", spoke, number, limit,
            read: Self.order)
    }

    package func removeOrder(_ number: Int64) throws {
        try database.run("DELETE FROM order_outbox WHERE number = ?", number)
    }

    package func removeOrders(of action: ActionID) throws {
        try database.run("DELETE FROM order_outbox WHERE action = ?", action)
    }

    package func removeOrders(expiredBefore time: UnixTime) throws {
        try database.run("DELETE FROM order_outbox WHERE expires < ?", time)
    }

    package func nextSequence() throws -> OrderSequence {
        let found = try database.first("UPDATE sequence SET number = number + 1 RETURNING epoch, number") { row in
            OrderSequence(
                epoch: UInt64(clamping: try row.int64(0)), number: UInt64(clamping: try row.int64(1)))
        }
        guard let found else { throw HubStoreError.missing("sequence") }
        return found
    }

    package func currentSequence() throws -> OrderSequence {
        let found = try database.first("SELECT epoch, number FROM sequence") { row in
            OrderSequence(
                epoch: UInt64(clamping: try row.int64(0)), number: UInt64(clamping: try row.int64(1)))
        }
        guard let found else { throw HubStoreError.missing("sequence") }
        return found
    }

    package func setEpoch(_ epoch: UInt64) throws {
        try database.run("UPDATE sequence SET epoch = ?", Int64(clamping: epoch))
    }

    private static func order(_ row: borrowing Row) throws -> OrderRecord {
        let kind = try row.int64(4)
        guard let kind = UInt8(exactly: kind) else { throw HubStoreError.damaged("order kind \(kind)") }
        return OrderRecord(
            number: try row.int64(0), action: try row.id(1), client: try row.id(2), spoke: try row.id(3), kind: kind,
            expires: try row.time(5), signed: try row.blob(6))
    }
}

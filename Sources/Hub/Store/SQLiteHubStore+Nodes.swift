package import Model
import SQLite
import Trust

extension SQLiteHubStore {
    // MARK: Tokens

    package func insertToken(_ token: TokenRecord) throws {
        try inserting("token \(token.id)") { () throws(SQLiteError) in
            try database.run(
                "INSERT INTO token (\(Self.tokenColumns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", token.id, token.secret,
                Int(token.role.rawValue), token.spoke, token.uses, token.usesLeft, token.created, token.expires,
                token.replaces)
        }
    }

    package func token(_ id: TokenID) throws -> TokenRecord? {
        try database.first("SELECT \(Self.tokenColumns) FROM token WHERE id = ?", id, read: Self.token)
    }

    package func tokens() throws -> [TokenRecord] {
        try database.rows("SELECT \(Self.tokenColumns) FROM token ORDER BY created, id", read: Self.token)
    }

    private static let tokenColumns = "id, secret, role, spoke, uses, uses_left, created, expires, replaces"

    private static func token(_ row: borrowing Row) throws -> TokenRecord {
        TokenRecord(
            id: try row.id(0), secret: try row.blob(1), role: try row.code(2), spoke: try row.idOrNil(3),
            replaces: try row.idOrNil(8), uses: try row.int(4), usesLeft: try row.int(5), created: try row.time(6),
            expires: try row.time(7))
    }

    package func useToken(_ id: TokenID, role: Role, spoke: NodeID?, at time: UnixTime) throws -> Bool {
        try database.run(
            """
            UPDATE token SET uses_left = uses_left - 1, secret = CASE uses_left WHEN 1 THEN x'' ELSE secret END
            WHERE id = ? AND role = ? AND uses_left > 0 AND expires > ? AND (spoke IS NULL OR spoke = ?)
            """, id, Int(role.rawValue), time, spoke) == 1
    }

    package func removeToken(_ id: TokenID) throws {
        try database.run("DELETE FROM token WHERE id = ?", id)
    }

    package func removeTokens(expiredBefore time: UnixTime) throws {
        try database.run("DELETE FROM token WHERE expires < ?", time)
    }

    // MARK: Spokes

    package func insertSpoke(_ spoke: SpokeRecord) throws {
        try inserting("spoke \(spoke.name)") { () throws(SQLiteError) in
            try database.run(
                "INSERT INTO spoke VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", spoke.id, spoke.name, spoke.joined,
                spoke.revoked,
                spoke.isConnected, spoke.since, spoke.program, spoke.lastEvent,
                spoke.lastOrder.map { Int64(clamping: $0.epoch) }, spoke.lastOrder.map { Int64(clamping: $0.number) })
        }
    }

    package func updateSpoke(_ spoke: SpokeRecord) throws {
        try requireOne(
            try database.run(
                """
                UPDATE spoke SET name = ?, joined = ?, revoked = ?, connected = ?, since = ?, program = ?, last_event = ?,
                order_epoch = ?, order_number = ? WHERE id = ?
                """, spoke.name, spoke.joined, spoke.revoked, spoke.isConnected, spoke.since, spoke.program,
                spoke.lastEvent, spoke.lastOrder.map { Int64(clamping: $0.epoch) },
                spoke.lastOrder.map { Int64(clamping: $0.number) }, spoke.id), "spoke \(spoke.id)")
    }

    package func spoke(_ id: NodeID) throws -> SpokeRecord? {
        try database.first("SELECT * FROM spoke WHERE id = ?", id, read: Self.spoke)
    }

    package func spoke(named name: NodeName) throws -> SpokeRecord? {
        try database.first("SELECT * FROM spoke WHERE name = ?", name, read: Self.spoke)
    }

    package func spokes(after name: NodeName?, limit: Int) throws -> [SpokeRecord] {
        try database.rows(
            "SELECT * FROM spoke WHERE name > ? ORDER BY name LIMIT ?", name?.text ?? "", limit, read: Self.spoke)
    }

    package func removeSpoke(_ id: NodeID) throws {
        for table in ["replica", "link"] { try database.run("DELETE FROM \(table) WHERE spoke = ?", id) }
        try removeNode(id)
        try inserting("clients of spoke \(id)") { () throws(SQLiteError) in
            try database.run("DELETE FROM spoke WHERE id = ?", id)
        }
    }

    /// Forgets what is kept of every member.
    private func removeNode(_ id: NodeID) throws {
        for table in ["certificate", "standing", "pool", "pool_check", "prune", "place"] {
            try database.run("DELETE FROM \(table) WHERE node = ?", id)
        }
        try removeAlarms(of: id)
    }

    package func disconnectAllSpokes() throws {
        try database.run("UPDATE spoke SET connected = 0 WHERE connected = 1")
    }

    private static func order(_ row: borrowing Row) throws -> OrderSequence? {
        guard let epoch = try row.int64OrNil(8), let number = try row.int64OrNil(9) else { return nil }
        return OrderSequence(epoch: UInt64(clamping: epoch), number: UInt64(clamping: number))
    }

    private static func spoke(_ row: borrowing Row) throws -> SpokeRecord {
        SpokeRecord(
            id: try row.id(0), name: try row.named(1), joined: try row.time(2), revoked: try row.timeOrNil(3),
            isConnected: try row.bool(4), since: try row.timeOrNil(5), program: try row.text(6),
            lastEvent: try row.int64(7), lastOrder: try order(row))
    }

    // MARK: Clients

    package func insertClient(_ client: ClientEntry) throws {
        let labels = try StoredJSON.encode(client.labels)
        try inserting("client \(client.name)") { () throws(SQLiteError) in
            try database.run(
                "INSERT INTO client VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", client.id, client.name, client.spoke,
                labels, client.reportKey, client.joined, client.revoked,
                client.isConnected, client.since, client.lastReport, client.incarnation)
        }
    }

    package func updateClient(_ client: ClientEntry) throws {
        try requireOne(
            try database.run(
                """
                UPDATE client SET name = ?, spoke = ?, labels = ?, report_key = ?, joined = ?, revoked = ?,
                connected = ?, since = ?, last_report = ?, incarnation = ? WHERE id = ?
                """, client.name, client.spoke, try StoredJSON.encode(client.labels), client.reportKey, client.joined,
                client.revoked, client.isConnected, client.since, client.lastReport, client.incarnation, client.id),
            "client \(client.id)")
    }

    package func client(_ id: NodeID) throws -> ClientEntry? {
        try database.first("SELECT * FROM client WHERE id = ?", id, read: Self.client)
    }

    package func client(named name: NodeName) throws -> ClientEntry? {
        try database.first("SELECT * FROM client WHERE name = ?", name, read: Self.client)
    }

    package func clients(after name: NodeName?, limit: Int) throws -> [ClientEntry] {
        try database.rows(
            "SELECT * FROM client WHERE name > ? ORDER BY name LIMIT ?", name?.text ?? "", limit, read: Self.client)
    }

    package func clients(of spoke: NodeID) throws -> [ClientEntry] {
        try database.rows("SELECT * FROM client WHERE spoke = ? ORDER BY name", spoke, read: Self.client)
    }

    package func removeClient(_ id: NodeID) throws {
        for table in ["facts", "report_counter"] { try database.run("DELETE FROM \(table) WHERE client = ?", id) }
        try removeNode(id)
        try database.run("DELETE FROM client WHERE id = ?", id)
    }

    package func disconnectClients(of spoke: NodeID?, at time: UnixTime) throws {
        if let spoke {
            try database.run(
                "UPDATE client SET connected = 0, since = ? WHERE connected = 1 AND spoke = ?", time, spoke)
        } else {
            try database.run("UPDATE client SET connected = 0, since = ? WHERE connected = 1", time)
        }
    }

    static func client(_ row: borrowing Row) throws -> ClientEntry {
        ClientEntry(
            id: try row.id(0), name: try row.named(1), spoke: try row.id(2), labels: try row.json(3),
            reportKey: try row.blob(4), joined: try row.time(5), revoked: try row.timeOrNil(6),
            isConnected: try row.bool(7), since: try row.timeOrNil(8), lastReport: try row.timeOrNil(9),
            incarnation: try row.int64OrNil(10))
    }

    package func facts(of client: NodeID) throws -> FactsRecord? {
        try database.first("SELECT facts, time FROM facts WHERE client = ?", client) { row in
            // What a newer release has written is as good as nothing: the machine says it again.
            try row.jsonIfKnown(0, ClientFacts.self).map { FactsRecord(facts: $0, time: try row.time(1)) }
        } ?? nil
    }

    package func setFacts(_ facts: FactsRecord, of client: NodeID) throws {
        try database.run(
            "INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", client, facts.time, try StoredJSON.encode(facts.facts))
    }

    package func allFacts() throws -> [NodeID: ClientFacts] {
        var found: [NodeID: ClientFacts] = [:]
        try database.forEach("SELECT client, facts FROM facts") { row in
            if let facts = try row.jsonIfKnown(1, ClientFacts.self) { found[try row.id(0)] = facts }
        }
        return found
    }

    package func reportLedger(of client: NodeID, incarnation: Int64) throws -> ReportLedger? {
        try database.first(
            "SELECT counter, ledger FROM report_counter WHERE client = ? AND incarnation = ?", client, incarnation
        ) { row in ReportLedger(highest: try row.int64(0), encoded: try row.blobOrNil(1)) }
    }

    package func setReportLedger(_ ledger: ReportLedger, of client: NodeID, incarnation: Int64, heard: UnixTime) throws
    {
        try database.run(
            "INSERT OR REPLACE INTO report_counter VALUES (?, ?, ?, ?, ?)", client, incarnation, ledger.highest,
            ledger.encoded, heard)
    }

    package func forgetReportLedgers(of client: NodeID, beyond count: Int) throws {
        try database.run(
            """
            DELETE FROM report_counter WHERE client = ?1 AND incarnation NOT IN (
                SELECT incarnation FROM report_counter WHERE client = ?1 ORDER BY heard DESC, incarnation LIMIT ?2)
            """, client, count)
    }

    // MARK: Certificates

    package func insertCertificate(_ certificate: CertificateRecord) throws {
        try inserting("certificate") { () throws(SQLiteError) in
            try database.run(
                "INSERT INTO certificate (serial, node, role, issued, expires, fingerprint) VALUES (?, ?, ?, ?, ?, ?)",
                certificate.serial, certificate.node, Int(certificate.role.rawValue), certificate.issued,
                certificate.expires, certificate.fingerprint)
        }
    }

    package func certificates(of node: NodeID) throws -> [CertificateRecord] {
        try database.rows(
            "SELECT serial, role, issued, expires, fingerprint FROM certificate WHERE node = ? ORDER BY id", node
        ) { row in
            CertificateRecord(
                serial: try row.blob(0), node: node, role: try row.code(1), issued: try row.time(2),
                expires: try row.time(3), fingerprint: try row.blob(4))
        }
    }

    package func removeCertificates(of node: NodeID, endingBefore time: UnixTime) throws {
        try database.run("DELETE FROM certificate WHERE node = ? AND expires < ?", node, time)
    }

    package func removeCertificate(serial: [UInt8]) throws {
        try database.run("DELETE FROM certificate WHERE serial = ?", serial)
    }

    // MARK: Standing

    package func standing(of node: NodeID) throws -> StandingRecord? {
        try database.first("SELECT \(Self.standingColumns) FROM standing WHERE node = ?", node, read: Self.standing)
    }

    package func putStanding(_ standing: StandingRecord) throws {
        try database.run(
            "INSERT OR REPLACE INTO standing (\(Self.standingColumns)) VALUES (?, ?, ?, ?, ?, ?)", standing.node,
            Int64(clamping: standing.anchors), standing.heard, standing.clockError, standing.root, standing.expires)
    }

    package func standings() throws -> [StandingRecord] {
        try database.rows(
            """
            SELECT \(Self.standingColumns) FROM standing
            WHERE NOT EXISTS (SELECT 1 FROM client WHERE id = node AND revoked IS NOT NULL)
            AND NOT EXISTS (SELECT 1 FROM spoke WHERE id = node AND revoked IS NOT NULL) ORDER BY node
            """, read: Self.standing)
    }

    static let standingColumns = "node, anchors, heard, clock_error, root, expires"

    static func standing(_ row: borrowing Row) throws -> StandingRecord {
        StandingRecord(
            node: try row.id(0), anchors: UInt64(clamping: try row.int64(1)), heard: try row.time(2),
            clockError: try row.int64(3), root: try row.blob(4), expires: try row.time(5))
    }

    package func revokedSpokes() throws -> [NodeID] {
        try database.rows("SELECT id FROM spoke WHERE revoked IS NOT NULL ORDER BY id") { row in try row.id(0) }
    }

    package func isRevoked(_ node: NodeID) throws -> Bool {
        try database.first(
            """
            SELECT 1 FROM spoke WHERE id = ?1 AND revoked IS NOT NULL
            UNION ALL SELECT 1 FROM client WHERE id = ?1 AND revoked IS NOT NULL
            """, node
        ) { _ in true } ?? false
    }
}

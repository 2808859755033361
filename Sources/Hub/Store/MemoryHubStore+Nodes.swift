package import Model

extension MemoryHubStore {
    // MARK: Tokens

    package func insertToken(_ token: TokenRecord) throws {
        guard state.tokens[token.id] == nil else { throw HubStoreError.duplicate("token \(token.id)") }
        state.tokens[token.id] = token
    }

    package func token(_ id: TokenID) throws -> TokenRecord? { state.tokens[id] }

    package func tokens() throws -> [TokenRecord] {
        state.tokens.values.sorted { ($0.created, $0.id) < ($1.created, $1.id) }
    }

    package func useToken(_ id: TokenID, role: Role, spoke: NodeID?, at time: UnixTime) throws -> Bool {
        guard var token = state.tokens[id], token.role == role, token.usesLeft > 0, time < token.expires,
            token.spoke == nil || token.spoke == spoke
        else { return false }
        token.usesLeft -= 1
        if token.usesLeft == 0 { token.secret = [] }
        state.tokens[id] = token
        return true
    }

    package func removeToken(_ id: TokenID) throws { state.tokens[id] = nil }

    package func removeTokens(expiredBefore time: UnixTime) throws {
        state.tokens = state.tokens.filter { $0.value.expires >= time }
    }

    // MARK: Spokes

    package func insertSpoke(_ spoke: SpokeRecord) throws {
        guard state.spokes[spoke.id] == nil, !state.spokes.values.contains(where: { $0.name == spoke.name }) else {
            throw HubStoreError.duplicate("spoke \(spoke.name)")
        }
        state.spokes[spoke.id] = spoke
    }

    package func updateSpoke(_ spoke: SpokeRecord) throws {
        guard state.spokes[spoke.id] != nil else { throw HubStoreError.missing("spoke \(spoke.id)") }
        state.spokes[spoke.id] = spoke
    }

    package func spoke(_ id: NodeID) throws -> SpokeRecord? { state.spokes[id] }

    package func spoke(named name: NodeName) throws -> SpokeRecord? {
        state.spokes.values.first { $0.name == name }
    }

    package func spokes(after name: NodeName?, limit: Int) throws -> [SpokeRecord] {
        let sorted = state.spokes.values.sorted { $0.name < $1.name }
        return Array(sorted.drop { spoke in name.map { spoke.name <= $0 } ?? false }.prefix(limit))
    }

    package func removeSpoke(_ id: NodeID) throws {
        guard !state.clients.values.contains(where: { $0.spoke == id }) else {
            throw HubStoreError.duplicate("clients of spoke \(id)")
        }
        state.spokes[id] = nil
        state.links[id] = nil
        state.replicas = state.replicas.filter { $0.key.spoke != id }
        try removeNode(id)
    }

    /// Forgets what is kept of every member.
    private func removeNode(_ id: NodeID) throws {
        try removeAlarms(of: id)
        state.certificates.removeAll { $0.node == id }
        state.standings[id] = nil
        state.pools = state.pools.filter { $0.key.node != id }
        state.checks = state.checks.filter { $0.key.node != id }
        state.prunes = state.prunes.filter { $0.key.spoke != id }
        state.places = state.places.filter { $0.key.spoke != id }
    }

    package func disconnectAllSpokes() throws {
        for id in state.spokes.keys { state.spokes[id]?.isConnected = false }
    }

    // MARK: Clients

    package func insertClient(_ client: ClientEntry) throws {
        guard state.clients[client.id] == nil, !state.clients.values.contains(where: { $0.name == client.name })
        else { throw HubStoreError.duplicate("client \(client.name)") }
        state.clients[client.id] = client
    }

    package func updateClient(_ client: ClientEntry) throws {
        guard state.clients[client.id] != nil else { throw HubStoreError.missing("client \(client.id)") }
        state.clients[client.id] = client
    }

    package func client(_ id: NodeID) throws -> ClientEntry? { state.clients[id] }

    package func client(named name: NodeName) throws -> ClientEntry? {
        state.clients.values.first { $0.name == name }
    }

    package func clients(after name: NodeName?, limit: Int) throws -> [ClientEntry] {
        let sorted = state.clients.values.sorted { $0.name < $1.name }
        return Array(sorted.drop { client in name.map { client.name <= $0 } ?? false }.prefix(limit))
    }

    package func clients(of spoke: NodeID) throws -> [ClientEntry] {
        state.clients.values.filter { $0.spoke == spoke }.sorted { $0.name < $1.name }
    }

    package func removeClient(_ id: NodeID) throws {
        state.clients[id] = nil
        state.facts[id] = nil
        for key in state.ledgers.keys where key.client == id {
            state.ledgers[key] = nil
            state.ledgersHeard[key] = nil
        }
        try removeNode(id)
    }

    package func disconnectClients(of spoke: NodeID?, at time: UnixTime) throws {
        for (id, client) in state.clients where client.isConnected && (spoke == nil || client.spoke == spoke) {
            state.clients[id]?.isConnected = false
            state.clients[id]?.since = time
        }
    }

    package func facts(of client: NodeID) throws -> FactsRecord? { state.facts[client] }
    package func setFacts(_ facts: FactsRecord, of client: NodeID) throws { state.facts[client] = facts }
    package func allFacts() throws -> [NodeID: ClientFacts] { state.facts.mapValues(\.facts) }

    package func reportLedger(of client: NodeID, incarnation: Int64) throws -> ReportLedger? {
        state.ledgers[LedgerKey(client: client, incarnation: incarnation)]
    }

    package func setReportLedger(_ ledger: ReportLedger, of client: NodeID, incarnation: Int64, heard: UnixTime) throws
    {
        let key = LedgerKey(client: client, incarnation: incarnation)
        state.ledgers[key] = ledger
        state.ledgersHeard[key] = heard
    }

    package func forgetReportLedgers(of client: NodeID, beyond count: Int) throws {
        let keys = state.ledgers.keys.filter { $0.client == client }.sorted {
            let (left, right) = (state.ledgersHeard[$0] ?? .zero, state.ledgersHeard[$1] ?? .zero)
            return left == right ? $0.incarnation < $1.incarnation : left > right
        }
        for key in keys.dropFirst(max(0, count)) {
            state.ledgers[key] = nil
            state.ledgersHeard[key] = nil
        }
    }

    // MARK: Certificates

    package func insertCertificate(_ certificate: CertificateRecord) throws {
        guard !state.certificates.contains(where: { $0.serial == certificate.serial }) else {
            throw HubStoreError.duplicate("certificate")
        }
        state.certificates.append(certificate)
    }

    package func certificates(of node: NodeID) throws -> [CertificateRecord] {
        state.certificates.filter { $0.node == node }
    }

    package func removeCertificates(of node: NodeID, endingBefore time: UnixTime) throws {
        state.certificates.removeAll { $0.node == node && $0.expires < time }
    }

    package func removeCertificate(serial: [UInt8]) throws {
        state.certificates.removeAll { $0.serial == serial }
    }

    // MARK: Standing

    package func standing(of node: NodeID) throws -> StandingRecord? { state.standings[node] }

    package func putStanding(_ standing: StandingRecord) throws { state.standings[standing.node] = standing }

    package func standings() throws -> [StandingRecord] {
        try state.standings.values.filter { try !isRevoked($0.node) }.sorted { $0.node < $1.node }
    }

    package func revokedSpokes() throws -> [NodeID] {
        state.spokes.values.filter { $0.revoked != nil }.map(\.id).sorted()
    }

    package func isRevoked(_ node: NodeID) throws -> Bool {
        state.spokes[node]?.revoked != nil || state.clients[node]?.revoked != nil
    }
}

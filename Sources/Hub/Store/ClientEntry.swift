package import Model

/// A client as the hub keeps it; what its agent found out about the machine is kept beside it (`facts(of:)`).
package struct ClientEntry: Hashable, Sendable {
    /// The id of its agent.
    package var id: NodeID
    /// Unique among clients.
    package var name: NodeName
    /// The spoke that it joined through.
    package var spoke: NodeID
    package var labels: [String: String]
    /// Public key that its reports are signed with (SubjectPublicKeyInfo, DER).
    package var reportKey: [UInt8]
    package var joined: UnixTime
    /// When it was revoked; it never comes back.
    package var revoked: UnixTime?
    /// Whether its spoke says that it is connected.
    package var isConnected: Bool
    /// When that last changed, by the spoke's clock.
    package var since: UnixTime?
    /// When its last report was taken in.
    package var lastReport: UnixTime?
    /// The incarnation of the last report; nil before the first.
    package var incarnation: Int64?

    package init(
        id: NodeID, name: NodeName, spoke: NodeID, labels: [String: String] = [:], reportKey: [UInt8],
        joined: UnixTime, revoked: UnixTime? = nil, isConnected: Bool = false, since: UnixTime? = nil,
        lastReport: UnixTime? = nil, incarnation: Int64? = nil
    ) {
        self.id = id
        self.name = name
        self.spoke = spoke
        self.labels = labels
        self.reportKey = reportKey
        self.joined = joined
        self.revoked = revoked
        self.isConnected = isConnected
        self.since = since
        self.lastReport = lastReport
        self.incarnation = incarnation
    }
}

/// What a client's agent last said of its machine, and when the hub heard it.
package struct FactsRecord: Hashable, Sendable {
    package var facts: ClientFacts
    package var time: UnixTime

    package init(facts: ClientFacts, time: UnixTime) {
        self.facts = facts
        self.time = time
    }
}

/// Clients, their facts and the counters of their reports.
package protocol ClientStore: AnyObject {
    /// Keeps a new client; refuses an id or name that is there.
    func insertClient(_ client: ClientEntry) throws
    /// Replaces a client's record.
    func updateClient(_ client: ClientEntry) throws
    /// Forgets a client and all that is kept of it, but for its actions.
    func removeClient(_ id: NodeID) throws
    func client(_ id: NodeID) throws -> ClientEntry?
    func client(named name: NodeName) throws -> ClientEntry?
    /// Clients in the order of their names, behind `name`.
    func clients(after name: NodeName?, limit: Int) throws -> [ClientEntry]
    /// The clients of a spoke, in the order of names.
    func clients(of spoke: NodeID) throws -> [ClientEntry]
    /// Marks the clients of a spoke, or all, as not connected.
    func disconnectClients(of spoke: NodeID?, at time: UnixTime) throws

    func facts(of client: NodeID) throws -> FactsRecord?
    func setFacts(_ facts: FactsRecord, of client: NodeID) throws
    /// The facts of every client that has any.
    func allFacts() throws -> [NodeID: ClientFacts]

    /// Which reports of one incarnation of an agent were taken in; nil for none.
    func reportLedger(of client: NodeID, incarnation: Int64) throws -> ReportLedger?
    /// Keeps a ledger and when it was heard of last.
    func setReportLedger(_ ledger: ReportLedger, of client: NodeID, incarnation: Int64, heard: UnixTime) throws
    /// Forgets all but the `count` ledgers of a client that were heard of last.
    func forgetReportLedgers(of client: NodeID, beyond count: Int) throws
}

extension ClientStore {
    /// Every client, in the order of names.
    package func clients() throws -> [ClientEntry] { try clients(after: nil, limit: .max) }

    /// The highest counter of a report taken from one incarnation of an agent; nil for none.
    package func reportCounter(of client: NodeID, incarnation: Int64) throws -> Int64? {
        try reportLedger(of: client, incarnation: incarnation)?.highest
    }
}

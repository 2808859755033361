package import Model

/// A client: `GET /v1/clients`, `GET /v1/clients/N` by name or id.
package struct ClientResource: Codable, Hashable, Sendable {
    package var id: NodeID
    package var name: NodeName
    /// The spoke that it joined through.
    package var spoke: Reference
    package var connected: Bool
    /// Since when it is connected, or is not; nil when it never was.
    package var since: UnixTime?
    /// When its last report was applied.
    package var lastReport: UnixTime?
    package var joined: UnixTime
    package var revoked: UnixTime?
    package var labels: [String: String]
    /// What the machine is, by its last report; nil when it never reported.
    package var facts: ClientFacts?
    /// Its newest actions, newest first; in the answer for one client only.
    package var actions: [ActionResource]?

    package init(
        id: NodeID, name: NodeName, spoke: Reference, connected: Bool, since: UnixTime?, lastReport: UnixTime?,
        joined: UnixTime, revoked: UnixTime?, labels: [String: String], facts: ClientFacts?,
        actions: [ActionResource]? = nil
    ) {
        self.id = id
        self.name = name
        self.spoke = spoke
        self.connected = connected
        self.since = since
        self.lastReport = lastReport
        self.joined = joined
        self.revoked = revoked
        self.labels = labels
        self.facts = facts
        self.actions = actions
    }
}

/// `PATCH /v1/clients/N`: sets labels, where null takes one away and others stay, or the name; not both.
package struct ClientChange: Codable, Hashable, Sendable {
    package var labels: [String: String?]
    package var name: NodeName?

    package init(labels: [String: String?] = [:], name: NodeName? = nil) {
        self.labels = labels
        self.name = name
    }

    private enum CodingKeys: String, CodingKey, CaseIterable { case labels, name }

    package init(from decoder: any Decoder) throws {
        try StrictKeys.check(CodingKeys.self, in: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decodeIfPresent(NodeName.self, forKey: .name)
        labels = try container.decodeIfPresent([String: String?].self, forKey: .labels) ?? [:]
    }

    /// Keys are names of 1 to 64 characters, values at most 256 bytes without control characters, at most 32 of them.
    package func validate() throws(Problem) {
        guard labels.isEmpty != (name == nil) else {
            throw Problem(.invalid, "a change of a client has labels or a name")
        }
        guard labels.count <= 32 else { throw Problem(.invalid, "at most 32 labels can be changed at once") }
        for (key, value) in labels {
            do { _ = try NodeName(key) } catch { throw Problem(.invalid, "label \(error)") }
            guard let value else { continue }
            guard value.utf8.count <= 256, Event.singleLine(value, limit: 256) == value else {
                throw Problem(.invalid, "the value of label \(key) must be one line of at most 256 bytes")
            }
        }
    }
}

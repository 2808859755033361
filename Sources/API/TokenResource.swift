package import Model

/// `POST /v1/tokens`: asks for a join token.
package struct TokenRequest: Codable, Hashable, Sendable {
    /// Spoke or agent.
    package var role: Role
    /// For agents: the name of the only spoke that it may be used through; any spoke when nil.
    package var spoke: NodeName?
    /// The name or id of the spoke or client in whose place the machine comes; a new one when nil.
    package var replaces: String?
    /// How often it may be used, 1 to 10,000; once when nil.
    package var uses: Int?
    /// How long it is valid, 60 seconds to 30 days; an hour when nil.
    package var ttlSeconds: Int?

    package init(role: Role, spoke: NodeName? = nil, replaces: String? = nil, uses: Int? = nil, ttlSeconds: Int? = nil)
    {
        self.role = role
        self.spoke = spoke
        self.replaces = replaces
        self.uses = uses
        self.ttlSeconds = ttlSeconds
    }

    private enum CodingKeys: String, CodingKey, CaseIterable { case role, spoke, replaces, uses, ttlSeconds }

    package init(from decoder: any Decoder) throws {
        try StrictKeys.check(CodingKeys.self, in: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        role = try container.decode(Role.self, forKey: .role)
        spoke = try container.decodeIfPresent(NodeName.self, forKey: .spoke)
        replaces = try container.decodeIfPresent(String.self, forKey: .replaces)
        uses = try container.decodeIfPresent(Int.self, forKey: .uses)
        ttlSeconds = try container.decodeIfPresent(Int.self, forKey: .ttlSeconds)
    }

    /// Refuses a role that does not join, and numbers out of range.
    package func validate() throws(Problem) {
        guard role != .hub else { throw Problem(.invalid, "the role must be spoke or agent") }
        guard spoke == nil || role == .agent else { throw Problem(.invalid, "only an agent's token names a spoke") }
        guard replaces == nil || (uses ?? 1) == 1 else {
            throw Problem(.invalid, "a token that replaces a machine has one use")
        }
        guard (1...10_000).contains(uses ?? 1) else { throw Problem(.invalid, "uses must be 1 to 10000") }
        guard (60...2_592_000).contains(ttlSeconds ?? 3600) else {
            throw Problem(.invalid, "ttlSeconds must be 60 to 2592000 (30 days)")
        }
    }
}

/// A join token as it is listed.
package struct TokenResource: Codable, Hashable, Sendable {
    package var id: TokenID
    package var role: Role
    package var spoke: NodeName?
    /// The member in whose place the machine comes.
    package var replaces: NodeName?
    package var uses: Int
    package var usesLeft: Int
    package var created: UnixTime
    package var expires: UnixTime
    /// The token itself; in the answer to its creation only, since the hub shows it once.
    package var token: String?

    package init(
        id: TokenID, role: Role, spoke: NodeName?, replaces: NodeName? = nil, uses: Int, usesLeft: Int,
        created: UnixTime, expires: UnixTime, token: String? = nil
    ) {
        self.id = id
        self.role = role
        self.spoke = spoke
        self.replaces = replaces
        self.uses = uses
        self.usesLeft = usesLeft
        self.created = created
        self.expires = expires
        self.token = token
    }
}

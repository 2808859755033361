package import Model

/// A join token as the hub keeps it.
package struct TokenRecord: Hashable, Sendable {
    package var id: TokenID
    /// 32 bytes; empty once the token is used up.
    package var secret: [UInt8]
    /// What may join with it: spoke or agent.
    package var role: Role
    /// For an agent's token: the one spoke through which it may join; nil for any.
    package var spoke: NodeID?
    /// The member in whose place the machine comes: it gives its name and labels and is revoked; nil for a new one.
    package var replaces: NodeID?
    package var uses: Int
    package var usesLeft: Int
    package var created: UnixTime
    package var expires: UnixTime

    package init(
        id: TokenID, secret: [UInt8], role: Role, spoke: NodeID? = nil, replaces: NodeID? = nil, uses: Int = 1,
        usesLeft: Int? = nil, created: UnixTime, expires: UnixTime
    ) {
        self.id = id
        self.secret = secret
        self.role = role
        self.spoke = spoke
        self.replaces = replaces
        self.uses = uses
        self.usesLeft = usesLeft ?? uses
        self.created = created
        self.expires = expires
    }
}

/// Join tokens.
package protocol TokenStore: AnyObject {
    /// Keeps a new token; refuses an id that is there.
    func insertToken(_ token: TokenRecord) throws
    /// The token of an id.
    func token(_ id: TokenID) throws -> TokenRecord?
    /// Every token, oldest first.
    func tokens() throws -> [TokenRecord]
    /// Takes one use off a token in one step, if role, spoke, time and uses allow; false if not. The last use erases the secret.
    func useToken(_ id: TokenID, role: Role, spoke: NodeID?, at time: UnixTime) throws -> Bool
    /// Forgets a token.
    func removeToken(_ id: TokenID) throws
    /// Forgets tokens that expired before a time.
    func removeTokens(expiredBefore time: UnixTime) throws
}

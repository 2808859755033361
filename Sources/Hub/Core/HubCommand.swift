package import Model
package import Rollout
package import Storage
package import Trust

/// What an operator tells the hub through the API; each is one transaction with its line in the activity log.
package enum HubCommand: Equatable, Sendable {
    case members(MemberCommand)
    case authorities(AuthorityCommand)
    /// Limits the link from the hub to a spoke, and what the spoke gives its agents, by the text of
    /// a `BandwidthRule`; nil leaves it as it is.
    case limitSpoke(NodeID, link: String?, agents: String?)
    case pools(HubPoolCommand)
    case catalog(CatalogCommand)
    case rollouts(RolloutCommand)
}

/// What an operator tells the hub about tokens, spokes and clients.
package enum MemberCommand: Equatable, Sendable {
    /// A token for spokes, or for agents (through `spoke` only, or any).
    case createToken(role: Role, spoke: NodeID?, replaces: NodeID? = nil, uses: Int, life: Duration)
    case revokeToken(TokenID)
    case revokeSpoke(NodeID)
    case revokeClient(NodeID)
    /// Gives a member another name, which no other has.
    case renameSpoke(NodeID, NodeName)
    case renameClient(NodeID, NodeName)
    /// Forgets a revoked spoke that has no clients any more; it stays revoked.
    case removeSpoke(NodeID)
    /// Forgets a revoked client; it stays revoked.
    case removeClient(NodeID)
    /// Sets labels; a nil value removes one.
    case labelClient(NodeID, [String: String?])
}

/// What an operator tells the hub about the fleet's root CAs; see `Authorities`.
package enum AuthorityCommand: Equatable, Sendable {
    /// Adds the root of an authority that the hub has keys of.
    case add(SHA256Digest)
    case issueUnderNewest(force: Bool)
    case retireOldest(force: Bool)
}

/// What an operator tells the hub about pools, its own and the spokes'.
package enum HubPoolCommand: Equatable, Sendable {
    case setQuota(node: NodeID, pool: NodeName, ByteCount)
    case setAccess(node: NodeID, pool: NodeName, PoolAccess)
    /// Executes the plan for a pool.
    case prune(node: NodeID, pool: NodeName)
    /// Compares a pool's books and storage, and reads all of it if asked to.
    case check(node: NodeID, pool: NodeName, readsData: Bool)
    /// How many releases of each line pools keep.
    case setRetention(Int)
}

/// What an operator tells the hub about the vendor's catalog and its packages.
package enum CatalogCommand: Equatable, Sendable {
    /// Sets where the vendor's catalog is and its pinned root; then refreshes it.
    case set(url: String, root: [UInt8])
    case refresh
    /// Imports a package now, whatever failed before.
    case importPackage(TargetPath)
    /// Removes a package that the catalog no longer names, from the hub and from the spokes.
    case removePackage(TargetPath)
    /// Takes over a catalog that a bundle brought and TUF's workflow has verified.
    case takeCatalog(CatalogContents)
    /// Takes over a package whose bytes an operator brought; they are in the pool, verified.
    case takePackage(TargetPath, SHA256Digest)
    /// Notes that what an operator brought was refused, and why.
    case refuseBundle(String)
}

/// What an operator tells the hub about rollouts.
package enum RolloutCommand: Equatable, Sendable {
    /// Makes a rollout; with a start time it is started too.
    case create(RolloutSpecification)
    case start(RolloutID)
    case stop(RolloutID)
    /// Forgets a rollout that was never started or is over.
    case remove(RolloutID)
    /// Goes on with a paused rollout; what ended badly until now is accepted.
    case resume(RolloutID)
    /// Keeps an operator's approval (COSE_Sign1) of a started rollout.
    case approve(RolloutID, signed: [UInt8])
    /// An operator says that an uncertain action is over.
    case settleAction(ActionID)
}

/// What a command gave.
package enum HubAnswer: Equatable, Sendable {
    /// The token's text is shown once and never again.
    case token(TokenRecord, text: String)
    case revokedToken(TokenRecord)
    case spoke(SpokeRecord)
    case client(ClientEntry)
    case pool(PoolRecord)
    case prunePlan(PrunePlan)
    case retention(Int)
    case catalog(CatalogRecord)
    case package(PackageRecord)
    case rollout(RolloutRecord)
    case action(ActionRecord)
    case authority(AnchorSet)
}

/// Why a command was not done; nothing was changed.
package enum HubRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is no such thing.
    case notFound(String)
    /// The state of things does not allow it.
    case conflict(String)
    /// A value makes no sense.
    case invalid(String)

    /// Does a command; what rules of rollouts and windows refuse is an invalid value.
    static func explaining<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as RolloutError { throw HubRefusal.invalid(error.description) }
    }

    package var description: String {
        switch self {
        case .notFound(let why), .conflict(let why), .invalid(let why): why
        }
    }
}

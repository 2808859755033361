package import Model

/// All that a spoke must still know after a power cut, in the spoke's own nouns.
///
/// Every call belongs to the transaction that surrounds it; nothing is durable before `transaction` returns.
/// One thread at a time. Two implementations, one conformance suite: SQLite for a site, memory for simulation.
package protocol SpokeStore: AnyObject {
    /// Runs `body` whole or not at all; when it returns, what it wrote survives a power cut.
    func transaction<Result>(_ body: () throws -> Result) throws -> Result

    func setting(_ setting: SpokeSetting) throws -> [UInt8]?
    func set(_ setting: SpokeSetting, to value: [UInt8]) throws

    /// Every replica wanted here, by hash.
    func replicas() throws -> [WantedReplica]
    func replica(_ sha256: SHA256Digest) throws -> WantedReplica?
    /// The replicas that are this package, by hash: a path may have named other bytes before.
    func replicas(naming path: TargetPath) throws -> [WantedReplica]
    /// The replicas that may be held as this object, by hash.
    func replicas(heldAs object: SHA256Digest) throws -> [WantedReplica]
    /// Adds the replica or replaces the one of the same hash.
    func save(_ replica: WantedReplica) throws

    /// The patches that are kept here, or are on their way, by hash.
    func patches() throws -> [KeptPatch]
    func patch(_ sha256: SHA256Digest) throws -> KeptPatch?
    /// The patches that give this content, by hash.
    func patches(giving content: SHA256Digest) throws -> [KeptPatch]
    func save(_ patch: KeptPatch) throws
    /// Forgets a patch; one that is not known is no error.
    func removePatch(_ sha256: SHA256Digest) throws

    /// The agents of this spoke; a spoke serves no others.
    func knownAgents() throws -> Set<NodeID>
    /// Adds an agent, or the key of its reports to one that is there; a key that is known stays where
    /// nil is given.
    func addAgent(_ agent: NodeID, reportKey: [UInt8]?) throws
    /// An agent of this spoke; nil for any other.
    func agent(_ id: NodeID) throws -> KnownAgent?
    func removeAgent(_ agent: NodeID) throws

    /// Keeps an order until its agent has acknowledged it; one that is there already stays as it is, and another one for the same action and of the same
    /// kind takes its place, at the end.
    func keep(_ order: CarriedOrder) throws
    /// What this agent has not acknowledged yet, in the order of arrival.
    func orders(for agent: NodeID) throws -> [CarriedOrder]
    func removeOrder(action: ActionID, kind: UInt8) throws
    /// Removes orders that expired before `time` and gives back how many.
    func removeOrders(expiredBefore time: UnixTime) throws -> Int

    /// Keeps a report until the hub has acknowledged it; a repeated one (same agent, incarnation, counter) has no effect.
    /// Gives whether it was added.
    @discardableResult
    func keep(_ report: CarriedReport) throws -> Bool
    /// How many reports of each agent are kept, and their bytes.
    func reportTallies() throws -> [NodeID: (reports: Int, bytes: Int)]
    /// The oldest reports, at most `limit`, in the order of arrival.
    func reports(limit: Int) throws -> [CarriedReport]
    /// Removes a report and gives its bytes; nil if it is not there.
    @discardableResult
    func removeReport(agent: NodeID, incarnation: UInt64, counter: UInt64) throws -> Int?

    /// Adds an event and gives it its sequence: one above the last, or the event's time in milliseconds if that is more, so that a store which was put
    /// back to an earlier time still goes on above all that the hub has seen.
    func append(_ event: Event) throws -> UInt64
    /// The oldest events, at most `limit`.
    func events(limit: Int) throws -> [CarriedEvent]
    /// Removes the events up to a sequence and gives how many went.
    @discardableResult
    func removeEvents(through sequence: UInt64) throws -> Int
    func eventCount() throws -> Int
    /// Removes the events that matter least, the oldest of them first, until `count` are left; gives how
    /// many went.
    func trimEvents(to count: Int) throws -> Int
}

extension SpokeStore {
    package func addAgent(_ agent: NodeID) throws { try addAgent(agent, reportKey: nil) }
}

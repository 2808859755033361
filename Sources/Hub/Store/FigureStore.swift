package import Model
package import Rollout

/// How many there are, and the first few of them.
package struct Counted<Item: Sendable>: Sendable {
    package var count: Int
    package var first: [Item]

    package init(count: Int = 0, first: [Item] = []) {
        self.count = count
        self.first = first
    }
}

/// Figures of the whole fleet, by indexes: none of them reads every record of a client or an action.
package protocol FigureStore: AnyObject {
    /// Clients that are not revoked, and how many of them are connected.
    func clientCounts() throws -> (total: Int, connected: Int)
    /// Clients of a spoke that are not revoked.
    func clientCount(of spoke: NodeID) throws -> Int
    /// Clients that are not revoked and reported last, or joined, before a time; the longest silent first.
    func silentClients(before time: UnixTime, limit: Int) throws -> Counted<ClientEntry>
    func packageCounts() throws -> [PackageState: Int]
    func rolloutCounts() throws -> [RolloutState: Int]
    /// Rollouts that ended after a time, newest first.
    func rollouts(endedAfter time: UnixTime, limit: Int) throws -> [RolloutRecord]
    /// Members that are not revoked and whose clock is wrong, in the order of ids.
    func wrongClocks(limit: Int) throws -> Counted<StandingRecord>
    /// Members that are not revoked and whose certificate ends before a time, the earliest first.
    func certificates(endingBefore time: UnixTime, limit: Int) throws -> Counted<StandingRecord>
    /// Replicas that their spoke lacks space for, in the order of spokes' ids and paths.
    func lackingReplicas(limit: Int) throws -> Counted<ReplicaRecord>
    /// Actions in the state `uncertain` of clients that can still report: not of revoked or removed
    /// ones.
    func uncertainActions(limit: Int) throws -> Counted<ActionRecord>
    /// When an action of a rollout changed last; nil for a rollout without actions.
    func lastChange(of rollout: RolloutID) throws -> UnixTime?
}

package import Model
package import Protocol

/// The last check of a pool: that it was asked for, and what it has found once it is over.
package struct CheckRecord: Equatable, Sendable {
    /// The hub or spoke whose pool it is.
    package var node: NodeID
    package var readsData: Bool
    package var began: UnixTime
    /// Nil as long as it has not ended; it is begun again when its owner is here again.
    package var ended: UnixTime?
    /// What was said last of it; names the pool and the check.
    package var said: PoolChecked

    package init(node: NodeID, readsData: Bool, began: UnixTime, ended: UnixTime? = nil, said: PoolChecked) {
        self.node = node
        self.readsData = readsData
        self.began = began
        self.ended = ended
        self.said = said
    }

    /// What its owner is asked.
    var request: CheckPool { CheckPool(pool: said.pool, check: said.check, readsData: readsData) }
}

/// Checks of pools, the last of each, by node and name.
package protocol CheckStore: AnyObject {
    /// Keeps or replaces the last check of a pool.
    func putCheck(_ check: CheckRecord) throws
    func check(node: NodeID, pool: NodeName) throws -> CheckRecord?
    /// The last checks of a node's pools, in the order of names.
    func checks(at node: NodeID) throws -> [CheckRecord]
    /// Forgets a pool's; none is no error.
    func removeCheck(node: NodeID, pool: NodeName) throws
}

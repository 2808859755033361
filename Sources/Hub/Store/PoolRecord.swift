package import Model

/// A storage pool's account as last reported, and the quota that an operator wants for it.
package struct PoolRecord: Hashable, Sendable {
    /// The hub or spoke that it is at.
    package var node: NodeID
    package var name: NodeName
    package var quota: ByteCount
    package var used: ByteCount
    package var reserved: ByteCount
    package var freeOnDisk: ByteCount
    /// Not nil as long as the pool's owner has not said that it has it.
    package var wantedQuota: ByteCount?
    package var access: PoolAccess
    /// Not nil as long as the pool's owner has not said that it has it.
    package var wantedAccess: PoolAccess?
    /// Why it is unavailable, where its disk is gone; what it holds is what was said last then.
    package var problem: String?
    package var reported: UnixTime

    package init(
        node: NodeID, name: NodeName, quota: ByteCount, used: ByteCount = .zero, reserved: ByteCount = .zero,
        freeOnDisk: ByteCount = .zero, wantedQuota: ByteCount? = nil,
        access: PoolAccess = .readWrite, wantedAccess: PoolAccess? = nil, problem: String? = nil,
        reported: UnixTime
    ) {
        self.access = access
        self.wantedAccess = wantedAccess
        self.problem = problem
        self.node = node
        self.name = name
        self.quota = quota
        self.used = used
        self.reserved = reserved
        self.freeOnDisk = freeOnDisk
        self.wantedQuota = wantedQuota
        self.reported = reported
    }
}

/// Pools, by node and name.
package protocol PoolStore: AnyObject {
    /// Keeps or replaces a pool's record.
    func putPool(_ pool: PoolRecord) throws
    func pool(node: NodeID, name: NodeName) throws -> PoolRecord?
    /// Forgets a pool; one that is not known is no error.
    func removePool(node: NodeID, name: NodeName) throws
    /// Every pool, in the order of nodes' ids and names.
    func pools() throws -> [PoolRecord]
    /// A node's pools, in the order of their names.
    func pools(of node: NodeID) throws -> [PoolRecord]
}

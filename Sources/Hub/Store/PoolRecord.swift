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
    package var reported: UnixTime

    package init(
        node: NodeID, name: NodeName, quota: ByteCount, used: ByteCount = .zero, reserved: ByteCount = .zero,
        freeOnDisk: ByteCount = .zero, wantedQuota: ByteCount? = nil,
        access: PoolAccess = .readWrite, wantedAccess: PoolAccess? = nil, reported: UnixTime
    ) {
        self.access = access
        self.wantedAccess = wantedAccess
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
    /// Every pool, in the order of nodes' ids and names.
    func pools() throws -> [PoolRecord]
}

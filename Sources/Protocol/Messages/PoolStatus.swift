package import Codec
package import Model

/// Message 26, `poolStatus`. From spoke to hub: the account of a storage pool.
package struct PoolStatus: MessageBody {
    package static let number: UInt64 = 26
    package static let name = "poolStatus"

    package var pool: NodeName
    package var quota: UInt64
    package var used: UInt64
    package var reserved: UInt64
    package var freeOnDisk: UInt64
    /// What may be done with it; an older spoke does not say.
    package var access: PoolAccess
    /// Why it is unavailable, where its disk is gone; what it holds is not known then.
    package var problem: String?
    /// Every pool that the spoke has, in the order in which they are asked; empty from a spoke that has one, and from an older one.
    package var pools: [NodeName]

    /// Pools that a spoke names at the most.
    package static let limit = 16

    package init(
        pool: NodeName, quota: UInt64, used: UInt64, reserved: UInt64, freeOnDisk: UInt64,
        access: PoolAccess = .readWrite, problem: String? = nil, pools: [NodeName] = []
    ) {
        self.pool = pool
        self.quota = quota
        self.used = used
        self.reserved = reserved
        self.freeOnDisk = freeOnDisk
        self.access = access
        self.problem = problem
        self.pools = pools
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        pool = try fields.name(1)
        quota = try fields.size(2)
        used = try fields.size(3)
        reserved = try fields.size(4)
        freeOnDisk = try fields.size(5)
        access = try fields.unsignedIfAny(6) == nil ? .readWrite : try fields.code(6)
        problem = try fields.textIfAny(7)
        pools = try fields.namesIfAny(8, count: Self.limit)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .text(pool.text),
            2: .unsigned(quota),
            3: .unsigned(used),
            4: .unsigned(reserved),
            5: .unsigned(freeOnDisk),
            6: access == .readWrite ? nil : .rawCode(access),
            7: problem.map { .clipped($0) },
            8: pools.isEmpty ? nil : .array(pools.map { .text($0.text) }),
        ])
    }
}

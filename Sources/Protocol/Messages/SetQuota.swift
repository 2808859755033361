package import Codec
package import Model

/// Message 27, `setQuota`. From hub to spoke: the pool's new quota.
package struct SetQuota: MessageBody {
    package static let number: UInt64 = 27
    package static let name = "setQuota"

    package var pool: NodeName
    package var quota: UInt64

    package init(pool: NodeName, quota: UInt64) {
        self.pool = pool
        self.quota = quota
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        pool = try fields.name(1)
        quota = try fields.size(2)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .text(pool.text),
            2: .unsigned(quota),
        ])
    }
}

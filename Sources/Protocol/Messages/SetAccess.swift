package import Codec
package import Model

/// Message 41, `setAccess`. From hub to spoke: what may be done with a pool.
package struct SetAccess: MessageBody {
    package static let number: UInt64 = 41
    package static let name = "setAccess"

    package var pool: NodeName
    package var access: PoolAccess

    package init(pool: NodeName, access: PoolAccess) {
        self.pool = pool
        self.access = access
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        pool = try fields.name(1)
        access = try fields.code(2)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .text(pool.text),
            2: .rawCode(access),
        ])
    }
}

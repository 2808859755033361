package import Codec
package import Model

/// Message 20, `order`. Carries an order towards its agent. Everything outside `signed` is a routing header that nobody believes. `ok` = stored durably.
package struct OrderMessage: MessageBody {
    package static let number: UInt64 = 20
    package static let name = "order"

    package var agent: NodeID
    package var action: ActionID
    /// As in the order; a kind that a spoke does not know is carried all the same.
    package var kind: UInt64
    /// After this the carrier may drop it.
    package var expires: UnixTime
    /// COSE_Sign1 of the order, opaque here.
    package var signed: [UInt8]
    /// With an order that a spoke shows its hub after connecting: how many replicas it knows, each of which it says next. An older spoke does not say.
    package var replicas: UInt64?

    package init(
        agent: NodeID, action: ActionID, kind: UInt64, expires: UnixTime, signed: [UInt8], replicas: UInt64? = nil
    ) {
        self.agent = agent
        self.action = action
        self.kind = kind
        self.expires = expires
        self.signed = signed
        self.replicas = replicas
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        agent = try fields.id(1)
        action = try fields.id(2)
        kind = try fields.unsigned(3)
        expires = try fields.time(4)
        signed = try fields.bytes(5)
        replicas = try fields.unsignedIfAny(6)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .identifier(agent),
            2: .identifier(action),
            3: .unsigned(kind),
            4: .milliseconds(expires),
            5: .bytes(signed),
            6: replicas.map { .unsigned($0) },
        ])
    }
}

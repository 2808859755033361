package import Codec
package import Model

/// Message 34, `renew`. A member's signed renewal request; in a session or on a join connection, straight or through a spoke.
package struct Renew: MessageBody {
    package static let number: UInt64 = 34
    package static let name = "renew"

    /// Whose request it is, for whoever carries it.
    package var node: NodeID
    /// COSE_Sign1 of the request, opaque here.
    package var signed: [UInt8]

    package init(node: NodeID, signed: [UInt8]) {
        self.node = node
        self.signed = signed
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        node = try fields.id(1)
        signed = try fields.bytes(2)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .identifier(node),
            2: .bytes(signed),
        ])
    }
}

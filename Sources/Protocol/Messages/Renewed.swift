package import Codec

/// Message 35, `renewed`. The hub's signed answer to `renew`; whoever relays it cannot change it.
package struct Renewed: MessageBody {
    package static let number: UInt64 = 35
    package static let name = "renewed"

    /// COSE_Sign1 of the answer, opaque here.
    package var signed: [UInt8]

    package init(signed: [UInt8]) {
        self.signed = signed
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        signed = try fields.bytes(1)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .bytes(signed)
        ])
    }
}

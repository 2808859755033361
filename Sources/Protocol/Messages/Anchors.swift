package import Codec

/// Message 36, `anchors`. The hub's signed set of root CAs; passed on to agents as it is.
package struct Anchors: MessageBody {
    package static let number: UInt64 = 36
    package static let name = "anchors"

    /// COSE_Sign1 of the set, opaque here.
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

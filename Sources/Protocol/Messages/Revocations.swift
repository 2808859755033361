package import Codec

/// Message 29, `revocations`. The hub's signed list of revoked certificates; passed on to agents as it is.
package struct Revocations: MessageBody {
    package static let number: UInt64 = 29
    package static let name = "revocations"

    /// COSE_Sign1 of the list, opaque here.
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

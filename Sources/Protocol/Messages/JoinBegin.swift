package import Codec
package import Model

/// Message 30, `joinBegin`. First message of `axle-join/1`, or of a spoke that relays it: which token is about to be used.
package struct JoinBegin: MessageBody {
    package static let number: UInt64 = 30
    package static let name = "joinBegin"

    package var token: TokenID

    package init(token: TokenID) {
        self.token = token
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        token = try fields.id(1)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .identifier(token)
        ])
    }
}

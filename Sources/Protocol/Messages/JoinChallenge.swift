package import Codec

/// Message 31, `joinChallenge`. The hub's answer to `joinBegin`.
package struct JoinChallenge: MessageBody {
    package static let number: UInt64 = 31
    package static let name = "joinChallenge"

    /// 32 random bytes, good for one attempt.
    package var nonce: [UInt8]

    package init(nonce: [UInt8]) {
        self.nonce = nonce
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        nonce = try fields.bytes(1, exactly: 32)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .bytes(nonce)
        ])
    }
}

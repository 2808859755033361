package import Codec

/// Message 33, `joinAnswer`. The hub's answer to `joinRequest`; its proof shows that no relay has changed it.
package struct JoinAnswer: MessageBody {
    package static let number: UInt64 = 33
    package static let name = "joinAnswer"

    /// `{1: node id, 2: fleet, 3: [chain DER], 4: [root DER], 5: order key SPKI, ? 6: catalog root, 7: time ms}`.
    package var body: [UInt8]
    /// HMAC-SHA256.
    package var proof: [UInt8]

    package init(body: [UInt8], proof: [UInt8]) {
        self.body = body
        self.proof = proof
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        body = try fields.bytes(1)
        proof = try fields.bytes(2, exactly: 32)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .bytes(body),
            2: .bytes(proof),
        ])
    }
}

package import Codec
package import Model

/// Message 32, `joinRequest`. The joiner's request and the proof that it knows the token's secret; TRUST's JoinProof makes both.
package struct JoinRequest: MessageBody {
    package static let number: UInt64 = 32
    package static let name = "joinRequest"

    package var token: TokenID
    /// The challenge's.
    package var nonce: [UInt8]
    /// `{1: CSR DER, 2: name, 3: report key SPKI, 4: role}`.
    package var body: [UInt8]
    /// HMAC-SHA256.
    package var proof: [UInt8]

    package init(token: TokenID, nonce: [UInt8], body: [UInt8], proof: [UInt8]) {
        self.token = token
        self.nonce = nonce
        self.body = body
        self.proof = proof
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        token = try fields.id(1)
        nonce = try fields.bytes(2, exactly: 32)
        body = try fields.bytes(3)
        proof = try fields.bytes(4, exactly: 32)
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .identifier(token),
            2: .bytes(nonce),
            3: .bytes(body),
            4: .bytes(proof),
        ])
    }
}

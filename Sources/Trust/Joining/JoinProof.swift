/// HMAC-SHA256 (RFC 2104) for trust code, which has no cryptography of its own.
package protocol KeyedHash {
    /// The 32-byte code of the message under the key.
    func hmacSHA256(key: [UInt8], message: [UInt8]) throws -> [UInt8]
}

/// The proofs of a join: both sides show that they know the token's secret without sending it, bound to the hub's nonce and
/// the whole body, so that a relaying spoke can swap no key and replay nothing.
package enum JoinProof {
    /// Bytes of the hub's nonce.
    package static let nonceLength = 32
    /// Bytes of a proof.
    package static let length = 32

    /// The joiner's proof over its request body.
    package static func request(
        secret: [UInt8], nonce: [UInt8], body: [UInt8], _ hash: some KeyedHash
    ) throws -> [UInt8] {
        try hash.hmacSHA256(key: secret, message: Array("axle-join-request-1".utf8) + nonce + body)
    }

    /// The hub's proof over its answer body, with the nonce of the request.
    package static func answer(
        secret: [UInt8], nonce: [UInt8], body: [UInt8], _ hash: some KeyedHash
    ) throws -> [UInt8] {
        try hash.hmacSHA256(key: secret, message: Array("axle-join-answer-1".utf8) + nonce + body)
    }

    /// Checks the joiner's proof; throws `RecordError.badProof`, or what the hash throws.
    package static func checkRequest(
        _ proof: [UInt8], secret: [UInt8], nonce: [UInt8], body: [UInt8], _ hash: some KeyedHash
    ) throws {
        guard nonce.count == nonceLength,
            isEqual(proof, try request(secret: secret, nonce: nonce, body: body, hash))
        else { throw RecordError.badProof }
    }

    /// Checks the hub's proof; throws `RecordError.badProof`, or what the hash throws.
    package static func checkAnswer(
        _ proof: [UInt8], secret: [UInt8], nonce: [UInt8], body: [UInt8], _ hash: some KeyedHash
    ) throws {
        guard nonce.count == nonceLength, isEqual(proof, try answer(secret: secret, nonce: nonce, body: body, hash))
        else { throw RecordError.badProof }
    }

    /// Compares in a time that does not depend on where the two differ.
    private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == length, right.count == length else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

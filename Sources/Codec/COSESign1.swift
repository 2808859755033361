/// A COSE_Sign1 message (RFC 9052 §4.2): a payload, its one signature, and the headers that say by which key.
///
/// ```
/// 18([ protected : bstr .cbor {1: alg}, unprotected : {4: kid}, payload : bstr, signature : bstr ])
/// ```
/// The protected header and the payload are kept as they came, byte for byte, since the signature is over those bytes.
/// This type does no cryptography: sign `toBeSigned(externalAAD:)`, or verify `signature` over it. Only ES256 is taken, and its
/// signature is the raw pair r ‖ s of 64 bytes (RFC 9053 §2.1), not DER. A detached (nil) payload is refused.
package struct COSESign1: Equatable, Sendable {
    /// ECDSA with SHA-256 (RFC 9053 table 1).
    package static let es256: Int64 = -7
    package static let signatureLength = 64
    package static let longestKeyID = 64

    /// The serialised protected header map.
    package let protected: [UInt8]
    /// Names the key; a hint from outside the signature, never a proof.
    package var keyID: [UInt8]
    package let payload: [UInt8]
    /// Raw r ‖ s; empty until the signer sets it.
    package var signature: [UInt8]

    /// A message to be signed with ES256.
    package init(payload: [UInt8], keyID: [UInt8]) {
        protected = CBOREncoder.encode(.record([1: .integer(COSESign1.es256)]))
        self.keyID = keyID
        self.payload = payload
        signature = []
    }

    /// The `Sig_structure` whose bytes are signed (RFC 9052 §4.4). `externalAAD` ties the signature to its use, so that an order
    /// can never be taken for a report.
    package func toBeSigned(externalAAD: [UInt8]) -> [UInt8] {
        CBOREncoder.encode(.array([.text("Signature1"), .bytes(protected), .bytes(externalAAD), .bytes(payload)]))
    }

    /// The tagged, deterministic encoding.
    package func encoded() -> [UInt8] {
        CBOREncoder.encode(
            .tagged(
                18,
                .array([.bytes(protected), .record([4: .bytes(keyID)]), .bytes(payload), .bytes(signature)])))
    }

    /// Reads a tagged message. Refuses another algorithm, unknown protected headers (`crit` among them), a missing key id, and a
    /// signature of another length. Unknown unprotected headers are refused too: they would be bytes that nobody signed.
    package init(decoding bytes: [UInt8], limits: CBORLimits) throws(CBORError) {
        guard case .tagged(18, .array(let parts)) = try CBORDecoder(limits: limits).decode(bytes), parts.count == 4,
            case .bytes(let protected) = parts[0], case .map(let unprotected) = parts[1],
            case .bytes(let payload) = parts[2], case .bytes(let signature) = parts[3]
        else { throw .unexpected(what: "COSE_Sign1 structure") }
        guard try CBORDecoder(limits: limits).decode(protected) == .record([1: .integer(COSESign1.es256)]) else {
            throw .unexpected(what: "COSE protected header")
        }
        guard unprotected.count == 1, unprotected[0].key == .unsigned(4), case .bytes(let keyID) = unprotected[0].value,
            keyID.count <= COSESign1.longestKeyID
        else { throw .unexpected(what: "COSE key id") }
        guard signature.count == COSESign1.signatureLength else { throw .unexpected(what: "COSE signature length") }
        self.protected = protected
        self.keyID = keyID
        self.payload = payload
        self.signature = signature
    }
}

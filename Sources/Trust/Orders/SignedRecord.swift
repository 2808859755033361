package import Codec

/// Signs records with one ES256 key, which may be in a file, a token or a simulation.
package protocol RecordSigner {
    /// Names the key in the record: SHA-256 of its SubjectPublicKeyInfo, 32 bytes. A hint, never a proof.
    var keyID: [UInt8] { get }
    /// The signature by ECDSA P-256 with SHA-256 as 64 bytes r‖s.
    func sign(_ message: [UInt8]) throws -> [UInt8]
}

/// A record that travels as COSE_Sign1 (RFC 9052), ES256, over its deterministic CBOR map.
///
/// `externalAAD` is different for every kind, so that a signature over one can never be taken for another.
package protocol SignedRecord: Equatable, Sendable {
    /// The noun for errors, for example `order`.
    static var noun: String { get }
    /// Bound into the signature, for example the bytes of `axle-order-1`.
    static var externalAAD: [UInt8] { get }
    /// Reads the payload; refuses what is missing, malformed, over a limit, or unknown where it must be understood.
    init(_ fields: RecordFields) throws(RecordError)
    /// The payload.
    var cbor: CBOR { get }
}

extension SignedRecord {
    /// The record signed: the bytes that travel, are stored and are relayed unchanged.
    package func signed(by signer: some RecordSigner) throws -> [UInt8] {
        var message = COSESign1(payload: CBOREncoder.encode(cbor), keyID: signer.keyID)
        message.signature = try signer.sign(message.toBeSigned(externalAAD: Self.externalAAD))
        return message.encoded()
    }

    /// Opens signed bytes: the signature is checked against each of the keys (SubjectPublicKeyInfo in DER) before
    /// anything of the payload is read. More than one key is believed only while a key is being changed.
    package static func open(
        _ bytes: [UInt8], keys: [[UInt8]], verifier: some SignatureVerifier
    ) throws(RecordError) -> Self {
        let message = try envelope(bytes)
        let signed = message.toBeSigned(externalAAD: externalAAD)
        let isValid = keys.contains {
            verifier.verify(.es256, publicKey: $0, message: signed, signature: message.signature)
        }
        guard isValid else { throw .badSignature(noun) }
        return try Self(try RecordFields(decoding: message.payload, limits: RecordLimits.cbor, of: noun))
    }

    /// Reads signed bytes without believing them: for inventories, logs and tests, never for a decision.
    package static func readUnverified(_ bytes: [UInt8]) throws(RecordError) -> Self {
        try Self(try RecordFields(decoding: try envelope(bytes).payload, limits: RecordLimits.cbor, of: noun))
    }

    private static func envelope(_ bytes: [UInt8]) throws(RecordError) -> COSESign1 {
        do {
            return try COSESign1(decoding: bytes, limits: RecordLimits.cbor)
        } catch {
            throw .malformed("\(noun): \(error)")
        }
    }
}

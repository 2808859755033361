package import Codec
package import Model

/// What a member asks of its hub, signed with the key of its certificate: a new certificate for a fresh key, or only the
/// fleet's word. docs/formats/renewal-request.cddl.
///
/// The signature makes it good over any connection and through any relay: a spoke cannot swap the key, and the answer is bound to
/// exactly these bytes.
package struct RenewalRequest: SignedRecord {
    package static let noun = "renewal request"
    package static let externalAAD = Array("axle-renewal-request-1".utf8)
    /// Bytes of the nonce.
    package static let nonceLength = 32

    package let fleet: FleetName
    package let node: NodeID
    /// Random, so that an answer kept from before answers nothing.
    package let nonce: [UInt8]
    /// The member's own clock: a wrong one is reported.
    package let time: UnixTime
    /// Number of the anchor set that it believes; 0 for the roots of its join.
    package let anchors: UInt64
    /// DER of the certificate whose key signs this; it may have expired.
    package let certificate: [UInt8]
    /// PKCS #10 request in DER for the fresh key; nil asks for the fleet's word only.
    package let csr: [UInt8]?

    /// A request; refuses a nonce that has not 32 bytes.
    package init(
        fleet: FleetName, node: NodeID, nonce: [UInt8], time: UnixTime, anchors: UInt64, certificate: [UInt8],
        csr: [UInt8]?
    ) throws(RecordError) {
        guard nonce.count == Self.nonceLength else { throw .malformed("renewal request: a nonce has 32 bytes") }
        self.fleet = fleet
        self.node = node
        self.nonce = nonce
        self.time = time
        self.anchors = anchors
        self.certificate = certificate
        self.csr = csr
    }

    package init(_ fields: RecordFields) throws(RecordError) {
        try fields.refuseUnknown(below: 100, known: 1...7)
        try self.init(
            fleet: try fields.value(1), node: try fields.id(2), nonce: try fields.bytes(3, limit: Self.nonceLength),
            time: try fields.time(4), anchors: try fields.size(5),
            certificate: try fields.bytes(6, limit: RecordLimits.certificate),
            csr: fields.has(7) ? try fields.bytes(7, limit: RecordLimits.certificate) : nil)
    }

    package var cbor: CBOR {
        .record([
            1: .value(fleet),
            2: .id(node),
            3: .bytes(nonce),
            4: .time(time),
            5: .unsigned(anchors),
            6: .bytes(certificate),
            7: csr.map { .bytes($0) },
        ])
    }
}

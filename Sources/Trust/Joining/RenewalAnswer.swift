package import Codec
package import Model

/// The hub's answer to a renewal request, signed by its order key and bound to the request's bytes: the fleet's word about time
/// and roots, and the new certificate where one was asked for. docs/formats/renewal-answer.cddl.
///
/// Whoever gets it need not know who carried it. Its time is fresh, since the request had a random nonce: a machine whose clock is
/// wrong believes it.
package struct RenewalAnswer: SignedRecord {
    package static let noun = "renewal answer"
    package static let externalAAD = Array("axle-renewal-answer-1".utf8)

    package let fleet: FleetName
    package let node: NodeID
    /// SHA-256 of the signed request that this answers.
    package let request: SHA256Digest
    /// The hub's clock.
    package let time: UnixTime
    /// The signed anchor set of now.
    package let anchors: [UInt8]
    /// The new certificate, DER, leaf first, root last; empty if none was asked for.
    package let chain: [[UInt8]]

    package init(
        fleet: FleetName, node: NodeID, request: SHA256Digest, time: UnixTime, anchors: [UInt8], chain: [[UInt8]]
    ) {
        self.fleet = fleet
        self.node = node
        self.request = request
        self.time = time
        self.anchors = anchors
        self.chain = chain
    }

    package init(_ fields: RecordFields) throws(RecordError) {
        fleet = try fields.value(1)
        node = try fields.id(2)
        request = try fields.sha256(3)
        time = try fields.time(4)
        anchors = try fields.bytes(5, limit: RecordLimits.record)
        var chain: [[UInt8]] = []
        for item in try fields.list(6, limit: RecordLimits.certificates) {
            guard let bytes = item.asBytes, (1...RecordLimits.certificate).contains(bytes.count) else {
                throw fields.malformed(6, "has an entry that is no certificate")
            }
            chain.append(bytes)
        }
        self.chain = chain
    }

    package var cbor: CBOR {
        .record([
            1: .value(fleet),
            2: .id(node),
            3: .bytes(request.bytes),
            4: .time(time),
            5: .bytes(anchors),
            6: .array(chain.map { .bytes($0) }),
        ])
    }
}

package import Codec
package import Model

/// Which root CAs a fleet believes: numbered, signed by the hub's order key, never rolled back. docs/formats/anchors.cddl.
///
/// It reaches machines that have joined; a spoke carries it and can put no root of its own into it. While a CA is changed the old
/// root and the new one stand side by side.
package struct AnchorSet: SignedRecord {
    package static let noun = "anchor set"
    package static let externalAAD = Array("axle-anchors-1".utf8)

    package let fleet: FleetName
    /// Rises with every set of a fleet.
    package let number: UInt64
    package let issued: UnixTime
    /// DER of the roots, 1 to 8.
    package let roots: [[UInt8]]
    /// SHA-256 of the SubjectPublicKeyInfo of the root under which certificates are issued now; a member whose certificate is
    /// under another renews.
    package let issuing: SHA256Digest

    /// A set; refuses none or more than 8 roots, and roots of no or more than 8 KiB.
    package init(
        fleet: FleetName, number: UInt64, issued: UnixTime, roots: [[UInt8]], issuing: SHA256Digest
    ) throws(RecordError) {
        guard (1...RecordLimits.certificates).contains(roots.count) else {
            throw .malformed("anchor set: it has 1 to \(RecordLimits.certificates) roots")
        }
        guard roots.allSatisfy({ (1...RecordLimits.certificate).contains($0.count) }) else {
            throw .malformed("anchor set: a root that is no certificate")
        }
        self.fleet = fleet
        self.number = number
        self.issued = issued
        self.roots = roots
        self.issuing = issuing
    }

    package init(_ fields: RecordFields) throws(RecordError) {
        try fields.refuseUnknown(below: 100, known: 1...5)
        var roots: [[UInt8]] = []
        for item in try fields.list(4, limit: RecordLimits.certificates) {
            guard let bytes = item.asBytes else { throw fields.malformed(4, "has an entry that is no certificate") }
            roots.append(bytes)
        }
        try self.init(
            fleet: try fields.value(1), number: try fields.size(2), issued: try fields.time(3), roots: roots,
            issuing: try fields.sha256(5))
    }

    package var cbor: CBOR {
        .record([
            1: .value(fleet),
            2: .unsigned(number),
            3: .time(issued),
            4: .array(roots.map { .bytes($0) }),
            5: .bytes(issuing.bytes),
        ])
    }
}

package import Codec
package import Model

/// Who is no longer of the fleet: numbered, signed by the hub's order key, never rolled back. docs/formats/revocations.cddl.
///
/// It names node ids, which are never used twice, and serial numbers of single certificates: the newest revocations itself, all others by segments, which
/// a member fetches (`RevokedMembers`). An older release skips the segments and obeys the newest revocations. A stale list keeps known peers.
package struct RevocationList: SignedRecord {
    package static let noun = "revocation list"
    package static let externalAAD = Array("axle-revocations-1".utf8)

    package let fleet: FleetName
    /// Rises with every list of a fleet.
    package let number: UInt64
    package let issued: UnixTime
    package let nodes: Set<NodeID>
    /// Serial numbers as the big-endian bytes of the certificate, without leading zeros, at most 20 each.
    package let serials: Set<[UInt8]>
    /// Where the other revoked nodes are named.
    package let segments: [RevocationSegment.Reference]

    /// A list; refuses more than 2,000 ids or serials, serials of no or more than 20 bytes, more than 800 segments, and segments that are named
    /// twice or have no or more than 2,800 ids.
    package init(
        fleet: FleetName, number: UInt64, issued: UnixTime, nodes: Set<NodeID>, serials: Set<[UInt8]> = [],
        segments: [RevocationSegment.Reference] = []
    ) throws(RecordError) {
        guard nodes.count <= RecordLimits.revoked, serials.count <= RecordLimits.revoked else {
            throw .malformed("revocation list: more than \(RecordLimits.revoked) entries")
        }
        guard serials.allSatisfy({ (1...20).contains($0.count) }) else {
            throw .malformed("revocation list: a serial that has not 1 to 20 bytes")
        }
        guard segments.count <= RecordLimits.segments,
            segments.allSatisfy({ (1...RecordLimits.segmentIDs).contains($0.count) }),
            Set(segments.map(\.sha256)).count == segments.count
        else {
            throw .malformed(
                "revocation list: more than \(RecordLimits.segments) segments, or one that is named twice or has no or "
                    + "more than \(RecordLimits.segmentIDs) ids")
        }
        self.fleet = fleet
        self.number = number
        self.issued = issued
        self.nodes = nodes
        self.serials = serials
        self.segments = segments
    }

    package init(_ fields: RecordFields) throws(RecordError) {
        try fields.refuseUnknown(below: 100, known: 1...5)
        var nodes: Set<NodeID> = []
        for item in try fields.list(4, limit: RecordLimits.revoked) {
            guard let bytes = item.asBytes, bytes.count == 16 else { throw fields.malformed(4, "has no id") }
            do { nodes.insert(try NodeID(bytes: bytes)) } catch { throw fields.malformed(4, "has no id") }
        }
        var serials: Set<[UInt8]> = []
        for item in try fields.list(5, limit: RecordLimits.revoked) {
            guard let bytes = item.asBytes else { throw fields.malformed(5, "has no serial") }
            serials.insert(bytes)
        }
        try self.init(
            fleet: try fields.value(1), number: try fields.size(2), issued: try fields.time(3), nodes: nodes,
            serials: serials, segments: fields.has(Self.segmentsKey) ? try Self.segments(fields) : [])
    }

    private static let segmentsKey: UInt64 = 101

    private static func segments(_ fields: RecordFields) throws(RecordError) -> [RevocationSegment.Reference] {
        let refused = fields.malformed(segmentsKey, "has an entry that is no [role, count, SHA-256]")
        var segments: [RevocationSegment.Reference] = []
        for item in try fields.list(segmentsKey, limit: RecordLimits.segments) {
            guard let parts = item.asArray, parts.count == 3,
                let role = parts[0].asUnsigned.flatMap(UInt8.init(exactly:)),
                let count = parts[1].asUnsigned.flatMap(Int.init(exactly:)), let bytes = parts[2].asBytes
            else { throw refused }
            do {
                segments.append(
                    RevocationSegment.Reference(role: role, count: count, sha256: try SHA256Digest(bytes: bytes)))
            } catch { throw refused }
        }
        return segments
    }

    /// Whether the list itself names the node; what its segments name is not looked at.
    package func revokes(_ node: NodeID) -> Bool { nodes.contains(node) }
    /// Whether the certificate may open no session.
    package func revokes(serial: [UInt8]) -> Bool { serials.contains(Array(serial.drop { $0 == 0 })) }
    /// Whether it replaces another: a higher number of the same fleet.
    package func supersedes(_ other: RevocationList?) -> Bool {
        guard let other else { return true }
        return fleet == other.fleet && number > other.number
    }

    package var cbor: CBOR {
        .record([
            1: .value(fleet),
            2: .unsigned(number),
            3: .time(issued),
            4: .array(nodes.sorted().map { .id($0) }),
            5: .array(serials.sorted { $0.lexicographicallyPrecedes($1) }.map { .bytes($0) }),
            101: segments.isEmpty
                ? nil
                : .array(
                    segments.map {
                        .array([
                            .unsigned(UInt64($0.role)), .unsigned(UInt64($0.count)), .bytes($0.sha256.bytes),
                        ])
                    }),
        ])
    }
}

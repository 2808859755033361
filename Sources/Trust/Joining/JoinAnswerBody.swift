import Codec
package import Model

/// What the hub gives a machine that joined: its identity and whom to believe. docs/formats/join.cddl.
package struct JoinAnswerBody: Equatable, Sendable {
    package var id: NodeID
    package var fleet: FleetName
    /// DER, leaf first, 1 to 8.
    package var chain: [[UInt8]]
    /// DER of the root CAs that are believed, 1 to 8.
    package var roots: [[UInt8]]
    /// SubjectPublicKeyInfo of the hub's order key.
    package var orderKey: [UInt8]
    /// The hub's catalog root metadata, byte for byte, where it fits; a root that came so is marked
    /// as such.
    package var catalogRoot: [UInt8]?
    /// The hub's clock.
    package var time: UnixTime

    package init(
        id: NodeID, fleet: FleetName, chain: [[UInt8]], roots: [[UInt8]], orderKey: [UInt8], catalogRoot: [UInt8]?,
        time: UnixTime
    ) {
        self.id = id
        self.fleet = fleet
        self.chain = chain
        self.roots = roots
        self.orderKey = orderKey
        self.catalogRoot = catalogRoot
        self.time = time
    }

    /// Reads a body whose proof has been checked.
    package init(decoding bytes: [UInt8]) throws(RecordError) {
        let fields = try RecordFields(decoding: bytes, limits: RecordLimits.cbor, of: "join answer")
        id = try fields.id(1)
        fleet = try fields.value(2)
        chain = try Self.certificates(fields, 3)
        roots = try Self.certificates(fields, 4)
        orderKey = try fields.bytes(5, limit: RecordLimits.certificate)
        catalogRoot = fields.has(6) ? try fields.bytes(6, limit: RecordLimits.record) : nil
        time = try fields.time(7)
    }

    private static func certificates(_ fields: RecordFields, _ key: UInt64) throws(RecordError) -> [[UInt8]] {
        var certificates: [[UInt8]] = []
        for item in try fields.list(key, limit: RecordLimits.certificates) {
            guard let bytes = item.asBytes, (1...RecordLimits.certificate).contains(bytes.count) else {
                throw fields.malformed(key, "has an entry that is no certificate")
            }
            certificates.append(bytes)
        }
        guard !certificates.isEmpty else { throw fields.malformed(key, "has no certificate") }
        return certificates
    }

    /// The body in at most `limit` bytes: without the catalog's root where that is too long, since
    /// a member can have it later (an agent by the hash that the hub signs in an order, a spoke
    /// over its session). Nil if the rest is too long already.
    package func encoded(limit: Int) -> [UInt8]? {
        // A root that cannot fit is not even copied.
        if (catalogRoot?.count ?? 0) < limit {
            let whole = encoded()
            if whole.count <= limit { return whole }
        }
        var short = self
        short.catalogRoot = nil
        let rest = short.encoded()
        return rest.count <= limit ? rest : nil
    }

    package func encoded() -> [UInt8] {
        CBOREncoder.encode(
            .record([
                1: .id(id),
                2: .value(fleet),
                3: .array(chain.map { .bytes($0) }),
                4: .array(roots.map { .bytes($0) }),
                5: .bytes(orderKey),
                6: catalogRoot.map { .bytes($0) },
                7: .time(time),
            ]))
    }
}

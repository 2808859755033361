import Codec
package import Model

/// What a machine asks for when it joins. docs/formats/join.cddl.
package struct JoinRequestBody: Equatable, Sendable {
    /// PKCS #10 request in DER, at most 8 KiB.
    package var csr: [UInt8]
    /// The name that people will see.
    package var name: NodeName
    /// SubjectPublicKeyInfo of the key that signs reports; agents have one, spokes none.
    package var reportKey: [UInt8]?
    /// Spoke or agent.
    package var role: Role

    package init(csr: [UInt8], name: NodeName, reportKey: [UInt8]?, role: Role) {
        self.csr = csr
        self.name = name
        self.reportKey = reportKey
        self.role = role
    }

    /// Reads a body whose proof has been checked. Refuses the role hub, an agent without a report key, a spoke with one.
    package init(decoding bytes: [UInt8]) throws(RecordError) {
        let fields = try RecordFields(decoding: bytes, limits: RecordLimits.cbor, of: "join request")
        try fields.refuseUnknown(below: 100, known: 1...4)
        csr = try fields.bytes(1, limit: RecordLimits.certificate)
        name = try fields.value(2)
        reportKey = fields.has(3) ? try fields.bytes(3, limit: RecordLimits.certificate) : nil
        role = try fields.code(4)
        guard role != .hub else { throw fields.malformed(4, "is hub, and no hub joins") }
        guard (reportKey != nil) == (role == .agent) else {
            throw fields.malformed(3, "must be there for an agent and for no other")
        }
    }

    package func encoded() -> [UInt8] {
        CBOREncoder.encode(
            .record([1: .bytes(csr), 2: .value(name), 3: reportKey.map { .bytes($0) }, 4: .code(role)]))
    }
}

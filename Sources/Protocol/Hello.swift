package import Codec
package import Model

/// The first frame of each side: what it speaks and who it says it is.
///
/// `{1: [min, max], 2: [capability…], 3: time ms, 4: role, 5: program version, ? 6: retry after s, ? 7: instance}`.
/// The role is checked by the transport against the peer's certificate, which alone is believed.
package struct Hello: Equatable, Sendable {
    /// Protocol versions that the sender speaks.
    package var versions: ClosedRange<UInt16>
    /// Optional abilities by name; unknown ones mean nothing.
    package var capabilities: [String]
    /// The sender's clock.
    package var time: UnixTime
    package var role: Role
    /// The program's version, for people.
    package var program: String
    /// From a listener: how long to wait before dialling again if this session breaks, in seconds.
    package var retryAfterSeconds: UInt64?
    /// From an agent: random bytes that name its process, so that two processes with one identity are told apart.
    package var instance: [UInt8]?
    /// Where the session comes from, as the transport of this side sees it; never sent.
    package var address: String?

    /// The bytes of an instance.
    package static let instanceLength = 16

    package init(
        versions: ClosedRange<UInt16> = ProtocolLimits.versions, capabilities: [String] = [], time: UnixTime,
        role: Role, program: String, retryAfterSeconds: UInt64? = nil, instance: [UInt8]? = nil
    ) {
        self.versions = versions
        self.capabilities = capabilities
        self.time = time
        self.role = role
        self.program = program
        self.retryAfterSeconds = retryAfterSeconds
        self.instance = instance
    }

    /// The highest version of two ranges.
    package static func commonVersion(_ ours: ClosedRange<UInt16>, _ theirs: ClosedRange<UInt16>) -> UInt16? {
        ours.overlaps(theirs) ? min(ours.upperBound, theirs.upperBound) : nil
    }

    package var cbor: CBOR {
        .record([
            1: .array([.unsigned(UInt64(versions.lowerBound)), .unsigned(UInt64(versions.upperBound))]),
            2: .array(capabilities.map { .text($0) }),
            3: .milliseconds(time),
            4: .rawCode(role),
            5: .clipped(program),
            6: retryAfterSeconds.map { .unsigned($0) },
            7: instance.map { .bytes($0) },
        ])
    }

    /// Reads the payload of a hello frame.
    package init(_ payload: Span<UInt8>) throws(MessageError) {
        let fields = try MessageFields(frame: payload, of: "hello")
        guard let range = try fields.list(1), range.count == 2, let low = range[0].asUnsigned,
            let high = range[1].asUnsigned, let low = UInt16(exactly: low), let high = UInt16(exactly: high),
            low <= high
        else { throw .malformed("hello: field 1 is no version range") }
        versions = low...high
        capabilities = try fields.texts(
            2, count: ProtocolLimits.capabilityCount, limit: ProtocolLimits.capabilityLength)
        time = try fields.time(3)
        role = try fields.code(4)
        program = try fields.text(5)
        retryAfterSeconds = try fields.unsignedIfAny(6)
        instance = try fields.bytesIfAny(7, limit: Self.instanceLength)
    }
}

package import Codec
package import Model

/// What an order asks for.
package enum OrderKind: UInt8, NamedCode {
    case install = 1
    /// Ends the action with the same id, if its install has not begun.
    case cancel = 2
    /// As install, to a lower release of the line.
    case rollback = 3
    /// Begins a new incarnation of the agent's reports and says everything again: the hub has a hole in what it heard.
    case reportAnew = 4
}

/// The package that an order names, as the signed targets must name it too.
package struct OrderTarget: Hashable, Sendable {
    package var path: TargetPath
    package var sha256: SHA256Digest
    /// Bytes of the file.
    package var length: UInt64
    package var line: LineName
    package var counter: UInt64

    package init(path: TargetPath, sha256: SHA256Digest, length: UInt64, line: LineName, counter: UInt64) {
        self.path = path
        self.sha256 = sha256
        self.length = length
        self.line = line
        self.counter = counter
    }

    /// The target that names a package.
    package init(_ package: Package) {
        self.init(
            path: package.path, sha256: package.sha256, length: package.length, line: package.metadata.line,
            counter: package.metadata.counter)
    }

    /// Whether a package of the signed targets is the one that is named: path, bytes, line and counter.
    package func names(_ package: Package) -> Bool { self == OrderTarget(package) }
}

/// An action as the hub signs it for one agent, which obeys no other. docs/formats/order.cddl.
///
/// Keys 1 to 99 must be understood by the reader, so that an older agent never ignores a newer restriction; keys from 100
/// on are skipped when unknown.
package struct Order: SignedRecord {
    package static let noun = "order"
    package static let externalAAD = Array("axle-order-1".utf8)

    package var agent: NodeID
    package var kind: OrderKind
    package var action: ActionID
    package var rollout: RolloutID
    package var fleet: FleetName
    /// Nil for a cancel and where nothing is installed.
    package var target: OrderTarget?
    /// When the install may start, in UTC; empty means at any time until the expiry.
    package var windows: [TimeSpan]
    /// How long before a window the download may begin, in whole seconds; downloads begin at once when it is zero and
    /// there is no window.
    package var leadSeconds: UInt32
    /// Whether the machine may be restarted.
    package var restartAllowed: Bool
    /// Options for the product's install steps, name to value.
    package var options: [String: String]
    package var sequence: OrderSequence
    package var issued: UnixTime
    /// From then on the order is not obeyed.
    package var expires: UnixTime
    /// SHA-256 of the root metadata that the hub trusts; an agent that trusts another root says so and refuses.
    package var catalogRoot: SHA256Digest?
    /// The second signature, by an operator; a machine may ask for it.
    package var approval: OrderApproval?

    package init(
        agent: NodeID, kind: OrderKind, action: ActionID, rollout: RolloutID, fleet: FleetName, target: OrderTarget?,
        windows: [TimeSpan] = [], leadSeconds: UInt32 = 0, restartAllowed: Bool = true,
        options: [String: String] = [:], sequence: OrderSequence, issued: UnixTime, expires: UnixTime,
        catalogRoot: SHA256Digest? = nil, approval: OrderApproval? = nil
    ) {
        self.agent = agent
        self.kind = kind
        self.action = action
        self.rollout = rollout
        self.fleet = fleet
        self.target = target
        self.windows = windows
        self.leadSeconds = leadSeconds
        self.restartAllowed = restartAllowed
        self.options = options
        self.sequence = sequence
        self.issued = issued
        self.expires = expires
        self.catalogRoot = catalogRoot
        self.approval = approval
    }

    package init(_ fields: RecordFields) throws(RecordError) {
        try fields.refuseUnknown(below: 100, known: 1...20)
        agent = try fields.id(1)
        kind = try fields.code(2)
        action = try fields.id(3)
        rollout = try fields.id(4)
        let needsTarget = kind == .install || kind == .rollback
        target = needsTarget || fields.has(5) ? try Self.target(fields) : nil
        windows = try fields.spans(12)
        guard let lead = UInt32(exactly: try fields.unsigned(13)) else { throw fields.malformed(13, "is too long") }
        leadSeconds = lead
        restartAllowed = try fields.bool(14)
        options = try Self.options(fields)
        sequence = try Self.sequence(fields, 16)
        issued = try fields.time(17)
        expires = try fields.time(18)
        fleet = try fields.value(19)
        catalogRoot = fields.has(20) ? try fields.sha256(20) : nil
        approval = fields.has(100) ? try Self.approval(fields) : nil
        guard issued < expires else { throw fields.malformed(18, "is not after the time of issue") }
    }

    private static func target(_ fields: RecordFields) throws(RecordError) -> OrderTarget {
        let path: TargetPath = try fields.value(5)
        let product: ProductName = try fields.value(8)
        let release: ReleaseName = try fields.value(9)
        guard product == path.product, release == path.release else {
            throw fields.malformed(5, "is of another product or release than fields 8 and 9 say")
        }
        return OrderTarget(
            path: path, sha256: try fields.sha256(6), length: try fields.size(7), line: try fields.value(10),
            counter: try fields.size(11))
    }

    private static func approval(_ fields: RecordFields) throws(RecordError) -> OrderApproval {
        let parts = try fields.list(101, limit: 2)
        guard parts.count == 2, let index = parts[0].asUnsigned, let hashes = parts[1].asArray,
            hashes.count <= RecordLimits.proof
        else { throw fields.malformed(101, "is no [index, hashes]") }
        var path: [[UInt8]] = []
        for hash in hashes {
            guard let bytes = hash.asBytes, bytes.count == 32 else {
                throw fields.malformed(101, "has an entry that is no SHA-256")
            }
            path.append(bytes)
        }
        return OrderApproval(
            signed: try fields.bytes(100, limit: RecordLimits.approval),
            proof: ApprovalTree.Proof(index: index, path: path))
    }

    private static func options(_ fields: RecordFields) throws(RecordError) -> [String: String] {
        guard let pairs = try fields.required(15).asMap, pairs.count <= RecordLimits.options else {
            throw fields.malformed(15, "is no map of at most \(RecordLimits.options) options")
        }
        var options: [String: String] = [:]
        for pair in pairs {
            guard let key = pair.key.asText, let value = pair.value.asText, key.utf8.count <= 64,
                value.utf8.count <= 1024, options.updateValue(value, forKey: key) == nil
            else { throw fields.malformed(15, "has an option that is no pair of short texts") }
        }
        return options
    }

    /// A sequence `[epoch, number]`.
    static func sequence(_ fields: RecordFields, _ key: UInt64) throws(RecordError) -> OrderSequence {
        let parts = try fields.list(key, limit: 2)
        guard parts.count == 2, let epoch = parts[0].asUnsigned, let number = parts[1].asUnsigned,
            epoch <= UInt64(Int64.max), number <= UInt64(Int64.max)
        else { throw fields.malformed(key, "is no [epoch, number]") }
        return OrderSequence(epoch: epoch, number: number)
    }

    package var cbor: CBOR {
        .record([
            1: .id(agent),
            2: .code(kind),
            3: .id(action),
            4: .id(rollout),
            5: target.map { .value($0.path) },
            6: target.map { .bytes($0.sha256.bytes) },
            7: target.map { .unsigned($0.length) },
            8: target.map { .value($0.path.product) },
            9: target.map { .value($0.path.release) },
            10: target.map { .value($0.line) },
            11: target.map { .unsigned($0.counter) },
            12: .spans(windows),
            13: .unsigned(UInt64(leadSeconds)),
            14: .bool(restartAllowed),
            15: .map(options.map { CBORPair(.text($0.key), .text($0.value)) }),
            16: .array([.unsigned(sequence.epoch), .unsigned(sequence.number)]),
            17: .time(issued),
            18: .time(expires),
            19: .value(fleet),
            20: catalogRoot.map { .bytes($0.bytes) },
            100: approval.map { .bytes($0.signed) },
            101: approval.map { .array([.unsigned($0.proof.index), .array($0.proof.path.map { .bytes($0) })]) },
        ])
    }
}

package import Codec
package import Model

/// What an operator signs before a machine that asks for it obeys: one rollout with its release, times and every action in it.
///
/// COSE_Sign1 ES256 by the operator's key, which the hub never holds; docs/formats/approval.cddl. The actions are named by the root of a hash tree
/// (`ApprovalTree`), so that each order carries the approval with a short proof that its own action was among those the operator saw.
/// Keys 1 to 99 must be understood by the reader; keys from 100 on are skipped when unknown.
package struct Approval: SignedRecord {
    package static let noun = "approval"
    package static let externalAAD = Array("axle-approval-1".utf8)

    package var fleet: FleetName
    package var rollout: RolloutID
    /// Install or rollback; a cancel needs no approval, since it only withholds.
    package var kind: OrderKind
    package var product: ProductName
    package var release: ReleaseName
    /// The root of the tree over the rollout's actions.
    package var actions: SHA256Digest
    /// How many actions the tree has.
    package var count: UInt64
    /// The windows of the rollout; empty means at any time until the expiry.
    package var windows: [TimeSpan]
    package var restartAllowed: Bool
    /// When the operator signed, by the operator's clock; no order under it is obeyed before.
    package var issued: UnixTime
    /// From then on no order under it is obeyed.
    package var expires: UnixTime

    package init(
        fleet: FleetName, rollout: RolloutID, kind: OrderKind, product: ProductName, release: ReleaseName,
        actions: SHA256Digest, count: UInt64, windows: [TimeSpan], restartAllowed: Bool, issued: UnixTime,
        expires: UnixTime
    ) {
        self.fleet = fleet
        self.rollout = rollout
        self.kind = kind
        self.product = product
        self.release = release
        self.actions = actions
        self.count = count
        self.windows = windows
        self.restartAllowed = restartAllowed
        self.issued = issued
        self.expires = expires
    }

    package init(_ fields: RecordFields) throws(RecordError) {
        try fields.refuseUnknown(below: 100, known: 1...11)
        fleet = try fields.value(1)
        rollout = try fields.id(2)
        kind = try fields.code(3)
        guard kind == .install || kind == .rollback else { throw fields.malformed(3, "is nothing to approve") }
        product = try fields.value(4)
        release = try fields.value(5)
        actions = try fields.sha256(6)
        count = try fields.size(7)
        guard count > 0 else { throw fields.malformed(7, "names no action") }
        windows = try fields.spans(8)
        restartAllowed = try fields.bool(9)
        issued = try fields.time(10)
        expires = try fields.time(11)
        guard issued < expires else { throw fields.malformed(11, "is not after the time of issue") }
    }

    package var cbor: CBOR {
        .record([
            1: .value(fleet),
            2: .id(rollout),
            3: .code(kind),
            4: .value(product),
            5: .value(release),
            6: .bytes(actions.bytes),
            7: .unsigned(count),
            8: .spans(windows),
            9: .bool(restartAllowed),
            10: .time(issued),
            11: .time(expires),
        ])
    }
}

/// The approval that an order carries, with the proof that the order's action is one of the approved.
package struct OrderApproval: Hashable, Sendable {
    /// The approval as the operator signed it.
    package var signed: [UInt8]
    package var proof: ApprovalTree.Proof

    package init(signed: [UInt8], proof: ApprovalTree.Proof) {
        self.signed = signed
        self.proof = proof
    }
}

/// Whose approval a machine wants; its owner says so at the machine.
package struct OperatorPolicy: Equatable, Sendable {
    /// The keys that are believed, SubjectPublicKeyInfo in DER, P-256.
    package var keys: [[UInt8]]
    /// Whether an order without an approval is refused.
    package var isRequired: Bool

    package init(keys: [[UInt8]] = [], isRequired: Bool = false) {
        self.keys = keys
        self.isRequired = isRequired
    }

    /// Why an order may not be obeyed at that time; nil when it may. An approval that is there must be good even where none is asked for, unless the
    /// machine knows no operator at all.
    package func objection(
        to order: Order, verifier: any SignatureVerifier, digester: any Digester, at now: UnixTime
    ) -> String? {
        guard order.kind == .install || order.kind == .rollback else { return nil }
        guard let carried = order.approval else {
            return isRequired ? "no operator has signed it, and this machine asks for that" : nil
        }
        guard isRequired || !keys.isEmpty else { return nil }
        let approval: Approval
        do {
            approval = try Approval.open(carried.signed, keys: keys, verifier: verifier)
        } catch {
            return "its approval is not to be believed: \(error)"
        }
        guard let target = order.target else { return "it names no package" }
        guard approval.fleet == order.fleet, approval.rollout == order.rollout, approval.kind == order.kind,
            approval.product == target.path.product, approval.release == target.path.release
        else { return "the operator approved another rollout, kind or release" }
        guard approval.issued <= now + Self.clockError, now < approval.expires else {
            return "the operator's approval holds from \(approval.issued) to \(approval.expires) only"
        }
        guard order.windows.allSatisfy(approval.windows.contains), order.windows.isEmpty == approval.windows.isEmpty
        else { return "the operator approved other windows" }
        guard approval.restartAllowed || !order.restartAllowed else {
            return "the operator did not approve a restart of the machine"
        }
        guard order.options.isEmpty else { return "the operator approved no options" }
        let action = ApprovedAction(agent: order.agent, action: order.action, target: target)
        guard carried.proof.holds(of: action, count: approval.count, root: approval.actions, digester) else {
            return "this machine's action is not among those that the operator approved"
        }
        return nil
    }

    /// How far an operator's clock may be ahead of the machine's.
    private static let clockError = Duration.seconds(300)
}

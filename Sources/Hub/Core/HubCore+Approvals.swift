import Identity
package import Model
import Rollout
package import Trust

/// Approvals: what an operator signs of a rollout, kept and carried with each of its orders. The hub cannot make one; the agents verify.
extension HubCore {
    /// Takes an operator's approval of a started rollout; refuses one that does not fit what the rollout would do, which every agent would refuse too.
    mutating func approveRollout(_ id: RolloutID, _ signed: [UInt8], at now: UnixTime) throws -> RolloutRecord {
        guard var rollout = try store.rollout(id) else { throw HubRefusal.notFound("there is no rollout \(id)") }
        guard rollout.state != .draft, !rollout.state.isFinal, rollout.state != .stopping else {
            throw HubRefusal.conflict("the rollout is \(rollout.state.name); it is signed after it was started")
        }
        guard rollout.approval != signed else { return rollout }
        let approval: Approval
        do {
            guard signed.count <= RecordLimits.approval else { throw RecordError.malformed("approval: too long") }
            approval = try Approval.readUnverified(signed)
        } catch {
            throw HubRefusal.invalid("\(error)")
        }
        guard let tree = try HubQueries(store: store, zones: configuration.zones).approvalTree(of: id) else {
            throw HubRefusal.conflict("the catalog no longer names all packages of the rollout")
        }
        guard approval.fleet == configuration.fleet, approval.rollout == id, approval.kind == .install,
            approval.product == rollout.specification.product, approval.release == rollout.specification.release,
            approval.count == UInt64(tree.count), try approval.actions == tree.root
        else { throw HubRefusal.invalid("the approval is of something else than this rollout") }
        guard approval.windows == rollout.windows,
            approval.restartAllowed || !rollout.specification.restartAllowed
        else {
            throw HubRefusal.invalid("the approval has other windows, or another word on restarts, than this rollout")
        }
        guard approval.expires > now else { throw HubRefusal.invalid("the approval expired at \(approval.expires)") }
        rollout.approval = signed
        try store.updateRollout(rollout)
        approvalTrees[id] = tree
        dirtyRollouts.insert(id)
        try log(
            .notice, .rolloutSigned, "rollout/\(id)",
            "an operator has signed rollout \(rollout.specification.name) for \(tree.count) clients, until \(approval.expires)",
            at: now)
        return rollout
    }

    /// What an order of a rollout carries of its approval; nil without one.
    mutating func approval(of rollout: RolloutRecord, for action: ActionRecord) throws -> OrderApproval? {
        guard let signed = rollout.approval else { return nil }
        let places: [ActionID: Int]
        let tree: ApprovalTree
        if let known = approvalTrees[rollout.id], let order = approvalPlaces[rollout.id] {
            (tree, places) = (known, order)
        } else {
            guard let made = try HubQueries(store: store, zones: configuration.zones).approvalTree(of: rollout.id)
            else {
                return nil
            }
            tree = made
            places = Dictionary(
                uniqueKeysWithValues: try store.actions(of: rollout.id).enumerated().map { ($0.element.id, $0.offset) })
            if approvalTrees.count >= HubLimits.approvalTrees {
                approvalTrees = [:]
                approvalPlaces = [:]
            }
            approvalTrees[rollout.id] = tree
            approvalPlaces[rollout.id] = places
        }
        guard let place = places[action.id], let proof = tree.proof(at: place) else { return nil }
        return OrderApproval(signed: signed, proof: proof)
    }
}

extension HubQueries {
    /// What an operator approves of a rollout's actions, in their order behind an ordinal; nil when the catalog no longer names a package of them.
    package func approvedActions(
        of rollout: RolloutID, after ordinal: Int64 = 0, limit: Int = .max
    ) throws -> [(action: ActionRecord, approved: ApprovedAction)]? {
        var targets: [TargetPath: OrderTarget] = [:]
        var actions: [(action: ActionRecord, approved: ApprovedAction)] = []
        for action in try store.actions(of: rollout, after: ordinal, limit: limit) {
            if targets[action.path] == nil {
                targets[action.path] = try store.package(action.path).map { OrderTarget($0.package) }
            }
            guard let target = targets[action.path], target.sha256 == action.digest else { return nil }
            actions.append((action, ApprovedAction(agent: action.client, action: action.id, target: target)))
        }
        return actions
    }

    /// The tree over all actions of a rollout; nil when there are none or a package of them is gone.
    package func approvalTree(of rollout: RolloutID) throws -> ApprovalTree? {
        guard let actions = try approvedActions(of: rollout) else { return nil }
        return ApprovalTree(actions.map(\.approved), OpenSSLDigester())
    }
}

import Identity
import Model
import Rollout
import Trust

/// Approvals: what an operator signs of a rollout, kept and carried with each of its orders. The
/// hub cannot make one; the agents verify.
enum Approvals {
    /// Takes an operator's approval of a started rollout; refuses one that does not fit what the
    /// rollout would do, which every agent would refuse too.
    static func approveRollout(_ id: RolloutID, _ signed: [UInt8], _ turn: inout HubTurn) throws -> RolloutRecord {
        guard var rollout = try turn.store.rollout(id) else { throw HubRefusal.notFound("there is no rollout \(id)") }
        guard rollout.state.isApprovable else {
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
        guard let tree = try turn.queries.approvalTree(of: id) else {
            throw HubRefusal.conflict("the catalog no longer names all packages of the rollout")
        }
        guard approval.fleet == turn.configuration.fleet, approval.rollout == id, approval.kind == .install,
            approval.product == rollout.specification.product, approval.release == rollout.specification.release,
            approval.count == UInt64(tree.count), try approval.actions == tree.root
        else { throw HubRefusal.invalid("the approval is of something else than this rollout") }
        guard approval.windows == rollout.windows,
            approval.restartAllowed || !rollout.specification.restartAllowed
        else {
            throw HubRefusal.invalid("the approval has other windows, or another word on restarts, than this rollout")
        }
        guard approval.expires > turn.now else {
            throw HubRefusal.invalid("the approval expired at \(approval.expires)")
        }
        rollout.approval = signed
        try turn.store.updateRollout(rollout)
        turn.keep(tree, of: id)
        turn.note(.rolloutMoved(id))
        try turn.log(
            .notice, .rolloutSigned, "rollout/\(id)",
            "an operator has signed rollout \(rollout.specification.name) for \(tree.count) clients, until \(approval.expires)"
        )
        return rollout
    }
}

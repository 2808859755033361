import Identity
package import Model
import Rollout
package import Trust

extension HubQueries {
    /// What an operator approves of a rollout's actions, in their order behind an ordinal; nil when
    /// the catalog no longer names a package of them.
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

    /// The tree over all actions of a rollout; nil when there are none or a package of them is
    /// gone.
    package func approvalTree(of rollout: RolloutID) throws -> ApprovalTree? {
        guard let actions = try approvedActions(of: rollout) else { return nil }
        return ApprovalTree(actions.map(\.approved), OpenSSLDigester())
    }
}

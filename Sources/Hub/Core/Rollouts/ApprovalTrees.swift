import Model
import Rollout
import Trust

/// The trees of approved rollouts, and where each action is in them: kept for the rollouts that are
/// being ordered, and made again when they are asked for.
struct ApprovalTrees {
    private struct Entry {
        let tree: ApprovalTree
        /// Nil until an order needs it.
        var places: [ActionID: Int]?
    }

    private var entries: [RolloutID: Entry] = [:]

    /// Keeps the tree of a rollout that was approved just now.
    mutating func keep(_ tree: ApprovalTree, of rollout: RolloutID) { entries[rollout] = Entry(tree: tree) }

    /// The proof that an action is among those that were approved; nil when it is not.
    mutating func proof(
        of action: ActionID, in rollout: RolloutID, _ queries: HubQueries
    ) throws -> ApprovalTree.Proof? {
        if let entry = entries[rollout], let places = entry.places {
            return places[action].flatMap { entry.tree.proof(at: $0) }
        }
        guard let tree = try queries.approvalTree(of: rollout) else { return nil }
        let places = Dictionary(
            uniqueKeysWithValues: try queries.store.actions(of: rollout).enumerated().map {
                ($0.element.id, $0.offset)
            })
        if entries.count >= HubLimits.approvalTrees { entries = [:] }
        entries[rollout] = Entry(tree: tree, places: places)
        return places[action].flatMap { tree.proof(at: $0) }
    }
}

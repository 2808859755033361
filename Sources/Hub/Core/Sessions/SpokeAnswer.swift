import Model
import Protocol

/// A spoke's answer to something that the hub asked.
struct SpokeAnswer {
    let spoke: NodeID
    let errand: SpokeErrand
    /// Nil where the spoke did what it was asked for.
    let error: ErrorReply?
    /// The spoke asked for patience: it is asked again by itself.
    let isPostponed: Bool

    /// Hands the answer to the part that asked.
    func route(
        _ checks: inout PoolChecks, _ limits: inout LinkLimits, _ shares: inout SpokeShares, _ turn: inout HubTurn
    ) throws {
        if isPostponed {
            if errand == .completedReleases { shares.untold(spoke) }
            return
        }
        turn.note(.spokeNeedsDelivery(spoke))
        switch errand {
        case .order(let number): try Actions.orderAnswered(number, error, &turn)
        case .replicate(let path): try Replicas.answered(path, spoke, error, &turn)
        case .setQuota(let pool, let quota): try Pools.quotaAnswered(pool, quota, spoke, error, &turn)
        case .setLimit(let rule): try limits.answered(rule, spoke, error, &turn)
        case .setAccess(let pool, let access): try Pools.accessAnswered(pool, access, spoke, error, &turn)
        case .evict(let path): try Pruning.answered(path, spoke, error, &turn)
        case .checkPool(let check): try checks.answered(check, spoke, error, &turn)
        case .revocations(let number):
            try logRefusal(&turn)
            try RevocationLists.answered(number, spoke, &turn)
        case .catalogChanged, .anchors, .completedReleases: try logRefusal(&turn)
        }
    }

    private func logRefusal(_ turn: inout HubTurn) throws {
        guard let error else { return }
        try turn.log(.warning, .peerRefused, "spoke/\(spoke)", "the spoke refused: \(error.text)")
    }
}

import Model
import Storage

/// What one part of a hub's core tells another within a turn.
enum HubChange: Hashable {
    /// Something may have to be sent to a spoke; for `SpokeSessions`.
    case spokeNeedsDelivery(NodeID)
    /// A rollout may have to be moved on; for `Rollouts`.
    case rolloutMoved(RolloutID)
    /// A rollout of the product is over, was corrected or was deleted; for `SpokeShares`.
    case rolloutsEnded(ProductName)
    /// A spoke was removed; for `SpokeShares`, as the next.
    case spokeRemoved(NodeID)
    /// Something changed that may bring back what was pruned; for `Retention`.
    case prunesDue
    /// A spoke has more room than before, for what was pruned there; for `Retention` too.
    case roomier(NodeID)
    /// The bytes of a package are to leave the hub's pool; for `HubPool`, as the next three.
    case leaves(SHA256Digest)
    /// Bytes that were to leave stay, if they have not left yet.
    case stays(SHA256Digest)
    /// A package is no longer kept in the hub's pool.
    case notKept(TargetPath)
    /// The catalog names other bytes now: an import that is under way brings nothing any more.
    case importVoid(TargetPath)
    /// These objects leave the hub's pool; for `Patches`.
    case objectsLeave([SHA256Digest])
    /// A revocation list was signed just now; for `RevocationLists`.
    case revocationsSigned

    /// Whether it means the same however often it is noted, and in whatever order among others.
    var isSignal: Bool {
        switch self {
        case .spokeNeedsDelivery, .rolloutMoved, .rolloutsEnded, .spokeRemoved, .prunesDue, .roomier, .notKept,
            .importVoid, .revocationsSigned:
            true
        case .leaves, .stays, .objectsLeave: false
        }
    }
}

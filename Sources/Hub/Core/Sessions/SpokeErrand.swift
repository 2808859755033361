import Model

/// What the hub asks a spoke for.
enum SpokeErrand: Hashable {
    case order(Int64)
    case replicate(TargetPath)
    case setQuota(NodeName, ByteCount)
    case setAccess(NodeName, PoolAccess)
    case evict(TargetPath)
    case checkPool(UInt64)
    case catalogChanged(UInt64)
    case revocations(UInt64)
    case anchors(UInt64)
    /// By the rule that the schedule was made of.
    case setLimit(String)
    case completedReleases

    /// Whether it is told when a spoke connects, and not kept for it.
    var isGreeting: Bool {
        switch self {
        case .catalogChanged, .revocations, .anchors: true
        case .order, .replicate, .setQuota, .setAccess, .evict, .checkPool, .setLimit, .completedReleases: false
        }
    }

    /// Whether it is a revocation list, of any number.
    var isRevocations: Bool {
        switch self {
        case .revocations: true
        case .order, .replicate, .setQuota, .setAccess, .evict, .checkPool, .catalogChanged, .anchors, .setLimit,
            .completedReleases:
            false
        }
    }
}

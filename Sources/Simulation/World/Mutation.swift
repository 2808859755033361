/// A rule broken on purpose, around a core and never in it: proves that its invariant's check sees it.
package enum Mutation: String, CaseIterable, Sendable {
    /// The spoke acknowledges a report that it has not stored.
    case spokeAcknowledgesUnstored
    /// The hub forgets that it has applied a report, and applies it again.
    case hubAppliesTwice
    /// The agent obeys an order for what the vendor never signed.
    case agentIgnoresCatalog
    /// The agent goes to a lower release although no order says rollback.
    case agentGoesDown
    /// The machine keeps the new release although its health check failed.
    case machineKeepsBadRelease
    /// The pool is told another quota than the one that counts.
    case poolIgnoresQuota
    /// The spoke serves a package whose bytes were damaged.
    case spokeServesDamaged
    /// The spoke says `verified` before it holds the package.
    case spokeClaimsReplica
    /// The agent acknowledges a cancel and goes on.
    case agentIgnoresCancel
    /// The agent installs outside of its window.
    case agentSkipsWindow
    /// The agent's facts hide that its owner forbids updates.
    case agentHidesRefusal
    /// The spoke does not check who is revoked.
    case spokeAdmitsRevoked
    /// A spoke that starts again has lost its segments of revocations.
    case spokeForgetsSegments
    /// An agent dials again without waiting.
    case agentRedialsAtOnce
    /// A transfer begins from the first byte again.
    case spokeRefetches
    /// The spoke loses an order that it has acknowledged.
    case spokeLosesOrder
    /// The agent begins an install a second time.
    case agentInstallsTwice
    /// The spoke's share is told of older releases alone than the one that it shows.
    case shareGoesBack
    /// A daemon closes every link when one event of one member fails.
    case errorClosesAll
    /// The spoke's share takes what a limited child gives, which lies, without looking at its hash.
    case shareBelievesChild
    /// The spoke's share is told that a rollout completed each release of the catalog.
    case shareIgnoresRollouts

    /// The check that must see it.
    package var invariant: Invariant {
        switch self {
        case .spokeAcknowledgesUnstored, .hubAppliesTwice: .reportsExactlyOnce
        case .agentIgnoresCatalog: .signedInstallsOnly
        case .agentGoesDown, .shareGoesBack: .noDowngrade
        case .machineKeepsBadRelease: .oldOrNew
        case .poolIgnoresQuota: .poolQuota
        case .spokeServesDamaged, .shareBelievesChild: .wholePackages
        case .spokeClaimsReplica: .replicaBeforeOrder
        case .agentIgnoresCancel: .stopIsObeyed
        case .agentSkipsWindow, .agentHidesRefusal: .windowAndEligibility
        case .spokeAdmitsRevoked, .spokeForgetsSegments: .revokedStayOut
        case .agentRedialsAtOnce, .spokeRefetches: .boundedRetries
        case .spokeLosesOrder: .liveness
        case .agentInstallsTwice: .oneEffect
        case .errorClosesAll: .peerCostsItself
        case .shareIgnoresRollouts: .provedReleases
        }
    }
}

/// The invariants of DESIGN.md that the simulation checks, by their numbers there.
package enum Invariant: Int, CaseIterable, Sendable, CustomStringConvertible {
    /// No agent installs what its metadata and a valid order do not both name; the bytes that run are those that were signed.
    case signedInstallsOnly = 1
    /// No agent goes to a lower release without a rollback order, and no share while the catalog names what it shows; trusted metadata never goes back.
    case noDowngrade = 2
    /// An agent runs the old release or the new one and says which; if health fails, the old one.
    case oldOrNew = 3
    /// An acknowledged report is never lost and applied exactly once.
    case reportsExactlyOnce = 4
    /// The activity log's chain verifies and only grows; what was answered stays.
    case activityLog = 5
    /// Stored and reserved bytes never exceed a quota; every reservation ends.
    case poolQuota = 6
    /// What a pool shows and serves equals its hash; nothing that is live is evicted; what the hub says that it sent is what went out; a share
    /// shows what was signed, whole.
    case wholePackages = 7
    /// No client is ordered before its spoke holds a verified replica; no wave before the one before it succeeded.
    case replicaBeforeOrder = 9
    /// No agent that heard of a stop starts an install, and a stopped rollout orders none.
    case stopIsObeyed = 10
    /// No install starts outside its window; an ineligible agent never installs.
    case windowAndEligibility = 11
    /// A release that rolled back is not offered again by itself; a share that follows rollouts
    /// shows none but those that completed.
    case provedReleases = 12
    /// A revoked peer opens no session.
    case revokedStayOut = 13
    /// A store that fails is refused cleanly, and a core throws for nothing else.
    case cleanStoreFailure = 14
    /// Retries are bounded and spread; a resumed transfer fetches nothing again.
    case boundedRetries = 15
    /// Once faults stop, every reachable eligible agent reaches its release, and every action ends.
    case liveness = 16
    /// What is repeated has one effect.
    case oneEffect = 17
    /// The same seed gives the same trace.
    case replay = 20
    /// What one member sends costs that member alone.
    case peerCostsItself = 21
    /// What the parts of a core keep in memory fits its store, and whatever one tells another is
    /// taken.
    case partsAgree = 22

    package var description: String { "invariant \(rawValue) (\(name))" }

    package var name: String {
        switch self {
        case .signedInstallsOnly: "signedInstallsOnly"
        case .noDowngrade: "noDowngrade"
        case .oldOrNew: "oldOrNew"
        case .reportsExactlyOnce: "reportsExactlyOnce"
        case .activityLog: "activityLog"
        case .poolQuota: "poolQuota"
        case .wholePackages: "wholePackages"
        case .replicaBeforeOrder: "replicaBeforeOrder"
        case .stopIsObeyed: "stopIsObeyed"
        case .windowAndEligibility: "windowAndEligibility"
        case .provedReleases: "provedReleases"
        case .revokedStayOut: "revokedStayOut"
        case .cleanStoreFailure: "cleanStoreFailure"
        case .boundedRetries: "boundedRetries"
        case .liveness: "liveness"
        case .oneEffect: "oneEffect"
        case .replay: "replay"
        case .peerCostsItself: "peerCostsItself"
        case .partsAgree: "partsAgree"
        }
    }
}

/// A rule that did not hold.
package struct Breach: Equatable, Sendable {
    package let invariant: Invariant
    package let text: String
}

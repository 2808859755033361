internal import Hub
internal import Model
internal import Protocol
internal import Rollout
internal import Spoke
internal import TLS

/// What a site's share shows: one whole verified release (7), none older than one before unless the
/// vendor has taken that back (2), none that no rollout completed where it follows rollouts (12),
/// and in the end the newest (16).
extension InvariantChecks {
    /// A share is switched to a package, which was unpacked to these bytes; `named` are the packages that the spoke's catalog names.
    func shows(_ spoke: SpokeNode, _ package: Package, _ content: [UInt8], before: Package?, named: [Package]) {
        if !fleet.vendor.hasSigned(package) {
            fleet.breach(.wholePackages, "\(spoke.name) shows \(package.path.release), which the vendor never signed")
        }
        if SHA256.hash(content) != package.content.sha256.bytes {
            fleet.breach(.wholePackages, "\(spoke.name) shows something else than \(package.path.release)")
        }
        if spoke.shareRule == .completed, !completedReleases.contains(package.path.release) {
            fleet.breach(
                .provedReleases, "\(spoke.name) shows \(package.path.release), which no rollout has completed")
        }
        if let before, named.contains(before), before.metadata.counter > package.metadata.counter {
            fleet.breach(
                .noDowngrade, "\(spoke.name) shows \(package.path.release) after \(before.path.release)")
        }
    }

    /// The hub has committed: remembers what rollouts completed with success of every client, also
    /// what a late report takes back later.
    func rolloutsMoved() {
        let rollouts = (try? fleet.hub.store.rollouts(in: [.completed])) ?? []  // a memory store does not fail
        for rollout in rollouts where !completedReleases.contains(rollout.specification.release) {
            // As above.
            let states = (try? fleet.hub.store.actions(of: rollout.id).map(\.state)) ?? []
            guard !states.isEmpty, states.allSatisfy({ $0 == .succeeded }) else { continue }
            completedReleases.insert(rollout.specification.release)
        }
    }

    /// Whether a spoke whose share follows rollouts knows what the hub knows.
    func knowsCompleted(_ spoke: SpokeNode) throws -> Bool {
        guard spoke.shareRule == .completed else { return true }
        let queries = HubQueries(store: fleet.hub.store, zones: { (_) throws(ZoneError) in FixedZone.utc })
        let product = fleet.vendor.product
        return try spoke.completed.told
            == CompletedReleases([product: queries.completedReleases(of: product)])
    }
}

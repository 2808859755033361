package import Model
import Rollout
package import Storage

/// What may go from a pool, and why the rest stays.
extension HubQueries {
    /// Releases kept of each line of each product.
    package func retention() throws -> Int {
        try store.setting(.retention).flatMap { Int($0) } ?? PrunePlan.Rules.standard.releasesPerLine
    }

    /// The plan for the pool of the hub or of a spoke, by what is known of it here.
    ///
    /// - Parameters:
    ///   - pool: the one of several pools whose packages are meant; the rules look at all.
    ///   - more: packages that are looked at as if they were in the pool: those that were pruned, or one that wants in.
    package func prunePlan(
        of node: NodeID, isHub: Bool, in pool: NodeName? = nil, more: [Package] = []
    ) throws -> PrunePlan {
        let records = try store.packages()
        var stored = more.map { PoolEntry(digest: $0.sha256, length: ByteCount($0.length)) }
        var inUse: Set<SHA256Digest> = []
        if isHub {
            for record in records where record.state == .imported || (record.state == .retired && record.bytesHeld > 0)
            {
                stored.append(PoolEntry(digest: record.package.sha256, length: ByteCount(record.package.length)))
            }
            for spoke in try store.spokes() where spoke.revoked == nil {
                for replica in try store.replicas(at: spoke.id) where replica.state == .transferring {
                    inUse.insert(replica.digest)
                }
            }
        } else {
            for replica in try store.replicas(at: node) where replica.state == .verified || replica.state == .corrupt {
                stored.append(
                    PoolEntry(digest: replica.digest, length: ByteCount(UInt64(clamping: replica.bytesHeld))))
            }
        }
        let holdings = records.filter { $0.state != .retired }.map { PrunePlan.Holding($0.package) }
        let plan = PrunePlan(
            stored: stored, holdings: holdings,
            rules: PrunePlan.Rules(releasesPerLine: try retention()),
            needs: PrunePlan.Needs(rollouts: try rolloutNeeds(), pinned: try pinned(records), inUse: inUse))
        guard let pool else { return plan }
        let places = try store.places(at: node)
        guard !places.isEmpty else { return plan }
        // What lies nowhere that is known is on its way in, or was there before there were several.
        let elsewhere = Set(places.filter { $0.pool != pool }.map(\.path))
        let kept = Set(more.map(\.sha256))
        let away = Set(records.filter { elsewhere.contains($0.package.path) }.map(\.package.sha256)).subtracting(kept)
        return plan.without(away)
    }

    /// The packages of rollouts that have not ended, wherever they are: of the release, and of every action that is not over.
    func rolloutNeeds() throws -> [SHA256Digest: String] {
        var needs: [SHA256Digest: String] = [:]
        for rollout in try store.rollouts(in: RolloutState.all { !$0.isFinal }) {
            let wanted = rollout.specification
            // Also one that the catalog has stopped to name meanwhile.
            for record in try store.packages(product: wanted.product, release: wanted.release) {
                needs[record.package.sha256] = wanted.name
            }
            for action in try store.actions(of: rollout.id) where !action.state.isFinal {
                needs[action.digest] = wanted.name
            }
        }
        return needs
    }

    /// The packages of the releases at which machines' owners hold products.
    func pinned(_ records: [PackageRecord]) throws -> Set<SHA256Digest> {
        var releases: Set<[String]> = []
        for (_, facts) in try store.allFacts() where !facts.pinned.isEmpty {
            for installed in facts.installed where facts.pinned.contains(installed.product) {
                releases.insert([installed.product.text, installed.release.text])
            }
        }
        guard !releases.isEmpty else { return [] }
        return Set(
            records.map(\.package).filter {
                releases.contains([$0.metadata.product.text, $0.metadata.release.text])
            }.map(\.sha256))
    }
}

extension PrunePlan.Holding {
    /// A package as its catalog names it.
    init(_ package: Package) {
        self.init(
            digest: package.sha256, length: ByteCount(package.length), product: package.metadata.product,
            line: package.metadata.line, release: package.metadata.release, counter: package.metadata.counter,
            versionScheme: package.metadata.versionScheme)
    }
}

extension PrunePlan.Removal {
    /// Why it goes, for people.
    package var text: String {
        newer == 1
            ? "there is 1 newer release of line \(holding.line)"
            : "there are \(newer) newer releases of line \(holding.line)"
    }
}

package import Model
import Protocol
import Rollout

/// Which releases rollouts completed, for shares that follow rollouts.
extension HubQueries {
    /// Of each line of the product the newest release whose last rollout with a result completed
    /// with success of every ordered client. At most `CompletedReleases.lineLimit` lines, those
    /// whose rollouts ended last.
    package func completedReleases(of product: ProductName) throws -> [LineName: ReleaseName] {
        let ended = try store.rollouts(of: product, in: RolloutState.all(where: \.isFinal))
        // The last one first.
        let ordered = ended.sorted { ($0.ended ?? .zero, $0.ordinal) > ($1.ended ?? .zero, $1.ordinal) }
        let rollouts = Dictionary(grouping: ordered, by: \.specification.release)
        var lines: [LineName: [(counter: UInt64, release: ReleaseName)]] = [:]
        for release in rollouts.keys {
            // A release that is nowhere in the catalogs of this hub any more can be shown nowhere.
            guard let metadata = try store.packages(product: product, release: release).first?.package.metadata else {
                continue
            }
            lines[metadata.line, default: []].append((metadata.counter, release))
        }
        var found: [(line: LineName, release: ReleaseName, ended: UnixTime)] = []
        for (line, releases) in lines {
            let newestFirst = releases.sorted { ($0.counter, $0.release) > ($1.counter, $1.release) }
            let release = try newestFirst.first { try isProved(rollouts[$0.release] ?? []) }?.release
            guard let release else { continue }
            found.append((line, release, rollouts[release]?.first?.ended ?? .zero))
        }
        let last = found.sorted { ($0.ended, $0.line) > ($1.ended, $1.line) }.prefix(CompletedReleases.lineLimit)
        return Dictionary(uniqueKeysWithValues: last.map { ($0.line, $0.release) })
    }

    /// Whether rollouts of a release, the last one first, prove it.
    private func isProved(_ rollouts: [RolloutRecord]) throws -> Bool {
        for rollout in rollouts {
            switch ReleaseProof(rollout.state, RolloutResult(try store.actionCounts(of: rollout.id).all)) {
            case .proved: return true
            case .disproved: return false
            case .none: continue
            }
        }
        return false
    }
}

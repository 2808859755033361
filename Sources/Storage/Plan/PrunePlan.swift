package import Model

/// What goes from a pool, what stays, and why: made first, shown, and only then executed.
///
/// A pure value: the same holdings, rules and needs give the same plan. What is needed by a live rollout, pinned or in transfer stays whatever the rules say.
package struct PrunePlan: Hashable, Sendable {
    /// A package in the pool, as its catalog names it.
    package struct Holding: Hashable, Sendable {
        package let digest: SHA256Digest
        package let length: ByteCount
        package let product: ProductName
        package let line: LineName
        package let release: ReleaseName
        /// Rises with every release of a line.
        package let counter: UInt64
        /// How versions of the line are ordered.
        package let versionScheme: VersionScheme?

        package init(
            digest: SHA256Digest, length: ByteCount, product: ProductName, line: LineName, release: ReleaseName,
            counter: UInt64, versionScheme: VersionScheme? = nil
        ) {
            self.digest = digest
            self.length = length
            self.product = product
            self.line = line
            self.release = release
            self.counter = counter
            self.versionScheme = versionScheme
        }

        /// Which of two releases of a product is the newer one: by counter within a line, by version between lines.
        func compare(_ other: Holding) -> Int {
            if line == other.line { return counter == other.counter ? 0 : counter < other.counter ? -1 : 1 }
            let scheme = versionScheme == other.versionScheme ? versionScheme : nil
            return Version(release, in: scheme).compare(Version(other.release, in: scheme), in: scheme)
        }
    }

    /// Why a package stays.
    package enum Reason: Hashable, Sendable, CustomStringConvertible {
        /// A rollout that has not ended needs it.
        case liveRollout(String)
        /// Somebody said that it stays.
        case pinned
        /// It is being read, sent or repaired.
        case inUse
        /// It is among the newest releases of its line that are kept.
        case retained(line: LineName, place: Int, of: Int)
        /// It is the newest fix pack of its major release.
        case newestFixPack(major: String)
        /// No catalog names it any more, and the rules say that such a package stays.
        case unknown

        /// Whether it is a rule of the retention, and not somebody's need.
        package var isRule: Bool {
            switch self {
            case .retained, .newestFixPack: true
            case .liveRollout, .pinned, .inUse, .unknown: false
            }
        }

        package var description: String {
            switch self {
            case .liveRollout(let name): "rollout \(name) needs it"
            case .pinned: "it is pinned"
            case .inUse: "it is in use"
            case .retained(let line, let place, let count): "release \(place) of the newest \(count) of line \(line)"
            case .newestFixPack(let major): "the newest fix pack of major release \(major)"
            case .unknown: "the catalog no longer names it; 'axle package remove' takes it away"
            }
        }
    }

    /// What is kept.
    package struct Rules: Hashable, Sendable {
        /// Releases kept of each line of each product, the newest ones; at least 1.
        package let releasesPerLine: Int

        /// The retention of a new pool.
        package static let standard = Rules(releasesPerLine: 4)

        package init(releasesPerLine: Int) {
            self.releasesPerLine = max(1, releasesPerLine)
        }
    }

    /// What must stay, whatever the rules say.
    package struct Needs: Hashable, Sendable {
        /// Packages of rollouts that have not ended, with a name of one of them.
        package let rollouts: [SHA256Digest: String]
        package let pinned: Set<SHA256Digest>
        package let inUse: Set<SHA256Digest>

        package init(
            rollouts: [SHA256Digest: String] = [:], pinned: Set<SHA256Digest> = [], inUse: Set<SHA256Digest> = []
        ) {
            self.rollouts = rollouts
            self.pinned = pinned
            self.inUse = inUse
        }
    }

    /// A package that goes.
    package struct Removal: Hashable, Sendable {
        package let holding: Holding
        /// Newer releases of its line that are here.
        package let newer: Int
    }

    /// A package that stays.
    package struct Kept: Hashable, Sendable {
        package let digest: SHA256Digest
        /// Nil where no catalog names the package.
        package let holding: Holding?
        package let reason: Reason
    }

    /// In the order in which they go: the releases that are furthest behind first, the longest first among equals.
    package let removals: [Removal]
    package let kept: [Kept]
    /// Those of the packages that stay which nothing but the rules keeps, in the order in which they go
    /// where a live rollout needs the room.
    package let yielding: [Removal]
    /// What the removals give back at the most; chunks that other packages share stay.
    package var freed: ByteCount { removals.reduce(.zero) { $0 + $1.holding.length } }

    /// Plans; `stored` is all that the pool holds, `holdings` what a catalog says about it (one package may have several names and stays if one of them does).
    package init(stored: [PoolEntry], holdings: [Holding], rules: Rules = .standard, needs: Needs = Needs()) {
        let here = Set(stored.map(\.digest))
        let known = holdings.filter { here.contains($0.digest) }
        var reasons: [SHA256Digest: (Holding?, Reason)] = [:]
        var behind: [SHA256Digest: Int] = [:]
        func keep(_ digest: SHA256Digest, _ holding: Holding?, _ reason: Reason) {
            if reasons[digest] == nil { reasons[digest] = (holding, reason) }
        }
        for holding in known {
            if let rollout = needs.rollouts[holding.digest] { keep(holding.digest, holding, .liveRollout(rollout)) }
            if needs.pinned.contains(holding.digest) { keep(holding.digest, holding, .pinned) }
            if needs.inUse.contains(holding.digest) { keep(holding.digest, holding, .inUse) }
        }
        for (_, family) in Dictionary(grouping: known, by: { Line(product: $0.product, line: $0.line) }) {
            // A release is one place, however many platforms it has packages for.
            let counters = Set(family.map(\.counter)).sorted(by: >)
            for holding in family {
                let place = counters.firstIndex(of: holding.counter) ?? 0
                behind[holding.digest] = min(behind[holding.digest] ?? .max, place)
                if place < rules.releasesPerLine {
                    keep(
                        holding.digest, holding,
                        .retained(line: holding.line, place: place + 1, of: rules.releasesPerLine))
                }
            }
        }
        for (major, family) in Dictionary(grouping: known, by: { Major($0) }) {
            guard let newest = family.max(by: { $0.compare($1) < 0 }) else { continue }
            for holding in family where holding.compare(newest) == 0 {
                keep(holding.digest, holding, .newestFixPack(major: major.number))
            }
        }
        for digest in here where !known.contains(where: { $0.digest == digest }) {
            keep(
                digest, nil,
                needs.rollouts[digest].map { .liveRollout($0) } ?? (needs.pinned.contains(digest) ? .pinned : .unknown))
        }
        kept = reasons.map { Kept(digest: $0.key, holding: $0.value.0, reason: $0.value.1) }
            .sorted { $0.digest < $1.digest }
        func inOrder(_ isMeant: (Reason?) -> Bool) -> [Removal] {
            var seen: Set<SHA256Digest> = []
            return known.filter { isMeant(reasons[$0.digest]?.1) && seen.insert($0.digest).inserted }
                .map { Removal(holding: $0, newer: behind[$0.digest] ?? 0) }
                .sorted { left, right in
                    (right.newer, right.holding.length, left.holding.digest)
                        < (left.newer, left.holding.length, right.holding.digest)
                }
        }
        removals = inOrder { $0 == nil }
        yielding = inOrder { $0?.isRule == true }
    }

    /// The plan without these packages, which lie in another pool.
    package func without(_ digests: Set<SHA256Digest>) -> PrunePlan {
        PrunePlan(
            removals: removals.filter { !digests.contains($0.holding.digest) },
            kept: kept.filter { !digests.contains($0.digest) },
            yielding: yielding.filter { !digests.contains($0.holding.digest) })
    }

    private init(removals: [Removal], kept: [Kept], yielding: [Removal]) {
        self.removals = removals
        self.kept = kept
        self.yielding = yielding
    }

    /// The first removals that together give at least so many bytes; all, if they do not.
    package func removals(freeing bytes: ByteCount) -> [Removal] { Self.first(of: removals, freeing: bytes) }

    /// The first of those that yield to a live rollout that together give at least so many bytes; all, if
    /// they do not.
    package func yielding(freeing bytes: ByteCount) -> [Removal] { Self.first(of: yielding, freeing: bytes) }

    private static func first(of removals: [Removal], freeing bytes: ByteCount) -> [Removal] {
        var left = bytes
        return removals.filter { removal in
            guard left > .zero else { return false }
            left -= removal.holding.length
            return true
        }
    }

    private struct Line: Hashable {
        let product: ProductName
        let line: LineName
    }

    /// A product's major release: the release train that its name shows, for each line and platform alike.
    private struct Major: Hashable {
        let product: ProductName
        let number: String

        init(_ holding: Holding) {
            product = holding.product
            number = VersionScheme.line(of: holding.release)
        }
    }
}

/// What executing a plan did.
package struct PruneOutcome: Equatable, Sendable {
    package var removed: [SHA256Digest] = []
    /// What could not go, and why.
    package var refused: [SHA256Digest: StorageError] = [:]
    /// Bytes on disk that were given back.
    package var freed = ByteCount.zero

    package init() {}
}

extension PackagePool {
    /// Executes a plan: removes what it says, unless it is in use by now, then gives back the room. `stillFree` is asked about each package right before it goes,
    /// since a rollout may have begun after the plan was made.
    package func execute(_ plan: PrunePlan, stillFree: (SHA256Digest) -> Bool) -> PruneOutcome {
        var outcome = PruneOutcome()
        let before = account().used
        for removal in plan.removals {
            let digest = removal.holding.digest
            guard stillFree(digest) else {
                outcome.refused[digest] = .inUse(digest)
                continue
            }
            do throws(StorageError) {
                try evict(digest)
                outcome.removed.append(digest)
            } catch {
                outcome.refused[digest] = error
            }
        }
        do throws(StorageError) {
            try compact()
        } catch {
            // The packages are gone; their room comes back with the next compaction.
        }
        outcome.freed = before - account().used
        return outcome
    }
}

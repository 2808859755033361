package import Model

/// Which of several pools a package goes to, and why not into the others; a pure value.
///
/// Pools are asked in the order that their owner gave them: what does not fit into one goes to the next.
package struct PoolChoice: Hashable, Sendable {
    /// A pool that might take the package.
    package struct Candidate: Hashable, Sendable {
        package let name: NodeName
        package let account: PoolAccount
        /// What a prune by its rules would give back, at the most.
        package let prunable: ByteCount
        /// True if it holds the package already.
        package let holds: Bool

        package init(name: NodeName, account: PoolAccount, prunable: ByteCount = .zero, holds: Bool = false) {
            self.name = name
            self.account = account
            self.prunable = prunable
            self.holds = holds
        }
    }

    /// What speaks for a pool or against it.
    package enum Verdict: Hashable, Sendable, CustomStringConvertible {
        case holdsIt
        case fits(left: ByteCount)
        /// It fits once so much was pruned.
        case fitsAfterPruning(ByteCount)
        case noAccess(PoolAccess)
        case quota(lacking: ByteCount)
        case disk(lacking: ByteCount)
        /// A pool before it takes the package.
        case notNeeded

        package var description: String {
            switch self {
            case .holdsIt: "holds it already"
            case .fits(let left): "has room; \(left) are left then"
            case .fitsAfterPruning(let bytes): "has room once \(bytes) are pruned"
            case .noAccess(let access): "is set to \(access.name)"
            case .quota(let lacking): "its quota lacks \(lacking)"
            case .disk(let lacking): "its disk lacks \(lacking)"
            case .notNeeded: "another pool takes it"
            }
        }
    }

    /// The pool that takes the package; nil if none can.
    package let chosen: NodeName?
    /// What has to be pruned from it first.
    package let prune: ByteCount
    /// What was found about each pool, in their order.
    package let verdicts: [(name: NodeName, verdict: Verdict)]

    /// Chooses for a package that takes at most `room` bytes.
    package init(room: ByteCount, candidates: [Candidate]) {
        let found = candidates.map { ($0.name, Self.judge(room, $0)) }
        let best =
            found.firstIndex { $0.1 == .holdsIt }
            ?? found.firstIndex { if case .fits = $0.1 { true } else { false } }
            ?? found.firstIndex { if case .fitsAfterPruning = $0.1 { true } else { false } }
        chosen = best.map { found[$0].0 }
        if let best, case .fitsAfterPruning(let bytes) = found[best].1 { prune = bytes } else { prune = .zero }
        verdicts = found.enumerated().map { index, pair in
            switch pair.1 {
            case .fits, .fitsAfterPruning: (pair.0, index == best ? pair.1 : .notNeeded)
            default: (pair.0, pair.1)
            }
        }
    }

    private static func judge(_ room: ByteCount, _ candidate: Candidate) -> Verdict {
        let account = candidate.account
        if account.access == .unavailable { return .noAccess(.unavailable) }
        if candidate.holds { return .holdsIt }
        if account.access != .readWrite { return .noAccess(account.access) }
        let free = account.quota - account.used - account.reserved
        // The disk has to hold what was promised to others too.
        let disk = account.freeOnDisk - account.reserved
        let lacking = max(room - free, room - disk)
        if lacking == .zero { return .fits(left: free - room) }
        if lacking <= candidate.prunable { return .fitsAfterPruning(lacking) }
        return room - free > candidate.prunable
            ? .quota(lacking: room - free - candidate.prunable) : .disk(lacking: room - disk - candidate.prunable)
    }

    /// A sentence for people: which pool, and why not those before it.
    package var explanation: String {
        verdicts.map { "\($0.name) \($0.verdict)" }.joined(separator: "; ")
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.chosen == right.chosen && left.prune == right.prune && left.explanation == right.explanation
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(chosen)
        hasher.combine(explanation)
    }
}

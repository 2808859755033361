package import Model

/// Which of several pools takes a package, and why not the others; a pure value that its owner asks and tells.
///
/// Pools are asked in the order in which they were added: what does not fit into one goes to the next. A pool that has a part of the package, or a damaged copy,
/// is asked first, since the bytes that are there need not come again; one whose disk has failed is asked last. Only a pool itself knows what it can make room
/// for, so that its answer, and no guess, counts.
package struct PoolChoice: Hashable, Sendable {
    /// A pool that might take the package.
    package struct Candidate: Hashable, Sendable {
        package let name: NodeName
        package let access: PoolAccess
        /// Why it cannot be used, if it cannot: its disk is gone, or it is being emptied.
        package let problem: String?
        /// Bytes of the package that an earlier transfer left in it, or that the disk has damaged.
        package let part: ByteCount
        /// Why its disk failed last.
        package let failure: String?

        package init(
            name: NodeName, access: PoolAccess = .readWrite, problem: String? = nil, part: ByteCount = .zero,
            failure: String? = nil
        ) {
            self.name = name
            self.access = access
            self.problem = problem
            self.part = part
            self.failure = failure
        }
    }

    /// What was found about a pool.
    package enum Verdict: Hashable, Sendable, CustomStringConvertible {
        case takesIt
        case noAccess(PoolAccess)
        case unavailable(String)
        case quota(needed: ByteCount, available: ByteCount)
        case disk
        case failed(String)
        /// Another pool takes it.
        case notAsked

        package var description: String {
            switch self {
            case .takesIt: "takes it"
            case .noAccess(let access): "is set to \(access.name)"
            case .unavailable(let why): "is unavailable: \(why)"
            case .quota(let needed, let available): "has \(available) left and \(needed) are needed"
            case .disk: "has a full disk"
            case .failed(let why): "has a disk that fails: \(why)"
            case .notAsked: "was not asked"
            }
        }
    }

    /// What the package needs at least.
    package let length: ByteCount
    private let candidates: [Candidate]
    private let order: [Int]
    private var asked = 0
    private var verdicts: [Verdict]

    package init(_ length: ByteCount, among candidates: [Candidate]) {
        self.length = length
        self.candidates = candidates
        verdicts = candidates.map { candidate in
            if let problem = candidate.problem { return .unavailable(problem) }
            return candidate.access == .readWrite ? .notAsked : .noAccess(candidate.access)
        }
        let usable = candidates.indices.filter { candidates[$0].problem == nil && candidates[$0].access == .readWrite }
        order = usable.sorted { left, right in
            let (first, second) = (candidates[left], candidates[right])
            let ranks = [first, second].map { $0.failure != nil ? 2 : $0.part > .zero ? 0 : 1 }
            return ranks[0] == ranks[1] ? left < right : ranks[0] < ranks[1]
        }
    }

    /// The pool to be asked now, by its place; nil where one has taken the package, or none is left.
    package var next: Int? { chosen == nil && asked < order.count ? order[asked] : nil }

    /// Notes that the pool that was asked takes it.
    package mutating func took() {
        if let next { verdicts[next] = .takesIt }
    }

    /// Notes why the pool that was asked does not take it. False where that is an answer for all pools: there is no other to be asked.
    package mutating func refused(_ error: StorageError) -> Bool {
        guard let next else { return false }
        switch error {
        case .quotaExceeded(let needed, let available): verdicts[next] = .quota(needed: needed, available: available)
        case .diskFull, .scratchFull: verdicts[next] = .disk
        case .noAccess(let access): verdicts[next] = .noAccess(access)
        case .io(let why), .foreignFolder(let why): verdicts[next] = .failed(why)
        default: return false
        }
        asked += 1
        return true
    }

    /// The pool that takes the package.
    package var chosen: NodeName? { verdicts.firstIndex(of: .takesIt).map { candidates[$0].name } }

    /// What was found about each pool, in their order.
    package var findings: [(name: NodeName, verdict: Verdict)] {
        zip(candidates, verdicts).map { ($0.name, $1) }
    }

    /// Why it lies where it lies: nothing to be said of the first pool that was free to be asked; else why not those before.
    package var reason: String? {
        guard let place = verdicts.firstIndex(of: .takesIt) else { return nil }
        var clauses = findings.prefix(place).filter { $0.verdict != .notAsked }.map { "\($0.name) \($0.verdict)" }
        if candidates[place].part > .zero, place > 0 { clauses.append("a part of it was in \(candidates[place].name)") }
        return clauses.isEmpty ? nil : clauses.joined(separator: "; ")
    }

    /// The pool that lacks least, and how much.
    package var least: (name: NodeName, lacking: ByteCount)? {
        findings.compactMap { finding -> (name: NodeName, lacking: ByteCount)? in
            guard case .quota(let needed, let available) = finding.verdict else { return nil }
            return (finding.name, needed - available)
        }.min { $0.lacking < $1.lacking }
    }

    /// Why no pool takes it, a clause for each, and what to do.
    package var refusal: String {
        "no pool takes it: \(findings.map { "\($0.name) \($0.verdict)" }.joined(separator: "; ")); "
            + "raise a quota, remove packages, or add a pool"
    }
}

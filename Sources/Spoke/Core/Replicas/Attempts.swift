import Model

/// The attempts under way to bring replicas here, from the question to the catalog to the end of
/// the transfer.
struct Attempts {
    /// An attempt to get a replica here.
    struct Attempt {
        /// Bytes of what is fetched that are here.
        fileprivate(set) var held: UInt64 = 0
        /// Nil until it is decided how the replica comes.
        fileprivate(set) var plan: TransferPlan?
        /// The replica is here as its content; an agent needs the published file too.
        let isExtra: Bool
        /// The path that the catalog is being asked about; nil when it has answered.
        fileprivate(set) var lookUp: TargetPath?
        /// The paths that it was asked about.
        fileprivate(set) var tried: Set<TargetPath>
        /// The objects that the attempt may bring.
        fileprivate(set) var objects: [SHA256Digest]
    }

    private var underWay: [SHA256Digest: Attempt] = [:]

    subscript(sha256: SHA256Digest) -> Attempt? { underWay[sha256] }

    var isEmpty: Bool { underWay.isEmpty }
    var hasPlace: Bool { underWay.count < SpokeLimits.transfers }

    /// The objects that attempts may bring.
    var objects: Set<SHA256Digest> { Set(underWay.values.flatMap(\.objects)) }

    /// The contents that patches under way are applied to.
    var bases: [SHA256Digest] {
        underWay.values.compactMap { if case .patch(_, _, let base, _) = $0.plan { base.sha256 } else { nil } }
    }

    /// Begins an attempt, which asks the catalog first.
    mutating func start(_ replica: WantedReplica) {
        underWay[replica.sha256] = Attempt(
            isExtra: replica.state == .verified, lookUp: replica.path, tried: [replica.path],
            objects: replica.objects)
    }

    /// The catalog has answered.
    mutating func lookedUp(_ sha256: SHA256Digest) { underWay[sha256]?.lookUp = nil }

    /// Gives the next of a replica's paths to ask the catalog about; nil when it was asked about
    /// each.
    mutating func lookUpNext(_ replica: WantedReplica) -> TargetPath? {
        let tried = underWay[replica.sha256]?.tried ?? []
        guard let next = replica.paths.first(where: { !tried.contains($0) }) else { return nil }
        underWay[replica.sha256]?.tried.insert(next)
        underWay[replica.sha256]?.lookUp = next
        return next
    }

    /// Notes what the attempt may bring, now that its content is known; false if another attempt
    /// brings some of it.
    mutating func claimObjects(of replica: WantedReplica) -> Bool {
        let others = underWay.filter { $0.key != replica.sha256 }.values.flatMap(\.objects)
        guard Set(others).isDisjoint(with: replica.objects) else { return false }
        underWay[replica.sha256]?.objects = replica.objects
        return true
    }

    mutating func choose(_ plan: TransferPlan, for sha256: SHA256Digest) { underWay[sha256]?.plan = plan }

    mutating func progressed(_ sha256: SHA256Digest, held: UInt64) { underWay[sha256]?.held = held }

    @discardableResult
    mutating func end(_ sha256: SHA256Digest) -> Attempt? { underWay.removeValue(forKey: sha256) }

    /// The invariants that do not hold; none when all is well.
    func invariantViolations() -> [String] {
        var found: [String] = []
        if underWay.count > SpokeLimits.transfers { found.append("\(underWay.count) attempts are under way") }
        if objects.count != underWay.values.reduce(0, { $0 + $1.objects.count }) {
            found.append("two attempts may bring the same object")
        }
        return found
    }
}

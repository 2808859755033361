import Model
import Protocol
import Storage

/// Contents in the background: what is unpacked beside its published file, and what goes again.
///
/// Keeps what is being unpacked, what could not be, which contents agents wait for and which
/// packages the catalog is being asked about. Takes that the holdings have changed.
struct Contents {
    /// A content that agents wait for.
    private struct Demand {
        /// When one asked last.
        var asked: UnixTime
        /// Whether it is to be made, where it is not here.
        var isDue: Bool
        /// How often in a row there was no room for it.
        var roomless = 0
    }

    /// The published file that is being unpacked, and those that this process could not unpack, and
    /// why.
    private var unpacking: SHA256Digest?
    private var isStopped = false
    private var failed: [SHA256Digest: UnpackOutcome] = [:]
    /// Published files whose contents agents wait for that cannot unpack them.
    private var wanted: [SHA256Digest: Demand] = [:]
    /// Packages whose content is being looked up in the catalog, for the keeping of bases.
    private var lookUps: Set<TargetPath> = []
    /// Whether contents and patches have to be looked through again.
    private var isDue = true

    /// Acts on what `ContentKeeping` says; nothing is unpacked while a package is under way, but
    /// for agents that wait for it.
    mutating func settle(_ pool: PoolContents, _ replicas: Replicas, _ turn: inout SpokeTurn) throws {
        if turn.take(.contentsDue) { isDue = true }
        if let unpacking, wanted[unpacking] == nil, !replicas.attempts.isEmpty, !isStopped {
            isStopped = true
            turn.effect(.stopUnpacking)
        }
        forgetOldDemands(&turn)
        if unpacking == nil, let replica = try nextWanted(pool, turn) { unpack(replica, &turn) }
        guard isDue, replicas.attempts.isEmpty, unpacking == nil else { return }
        isDue = false
        try pool.forgetLostPatches(turn)
        let known = try turn.store.replicas()
        let keeping = ContentKeeping(
            replicas: known, patches: try turn.store.patches(), held: pool.held, inUse: contents(of: known),
            skipped: Set(failed.keys), pool: pool.figures.account)
        if turn.hub != nil {
            for path in keeping.lookUp { lookUp(path, &turn) }
        }
        if !keeping.drop.isEmpty { turn.effect(.evict(keeping.drop)) }
        if let replica = keeping.unpack, !replicas.isRoomLacking { unpack(replica, &turn) }
    }

    private mutating func unpack(_ replica: WantedReplica, _ turn: inout SpokeTurn) {
        unpacking = replica.sha256
        isStopped = false
        turn.effect(.unpack(replica))
    }

    private mutating func lookUp(_ path: TargetPath, _ turn: inout SpokeTurn) {
        if lookUps.insert(path).inserted { turn.effect(.findTarget(path)) }
    }

    // MARK: - For agents that cannot unpack

    /// An agent that cannot unpack the published file, which alone is here, asks for the content:
    /// it is made, unless that fails.
    mutating func want(
        _ replica: WantedReplica, as path: TargetPath, _ link: LinkID, _ request: RequestID, _ turn: inout SpokeTurn
    ) {
        guard let content = replica.packed else {
            guard replica.content == nil else {
                return turn.refuse(link, request, .notFound, "\(path) is signed here as a file that is not packed")
            }
            if turn.hub != nil { lookUp(path, &turn) }
            return turn.refuse(link, request, .busy, "what is inside \(path) is being looked up", retryAfter: 15)
        }
        guard !replica.isCodingUnknown else {
            return turn.refuse(link, request, .notFound, "this spoke is older than the way in which \(path) is packed")
        }
        let known = wanted[replica.sha256]
        wanted[replica.sha256] = Demand(
            asked: turn.now, isDue: unpacking != replica.sha256, roomless: known?.roomless ?? 0)
        let retry = SpokeLimits.contentRetry.components.seconds
        let making = "\(path) is being unpacked, \(content.length)"
        guard known?.isDue != true, unpacking != replica.sha256 else {
            return turn.refuse(link, request, .busy, making, retryAfter: UInt64(clamping: retry))
        }
        // Whatever it was, it is tried again until the next question.
        switch failed[replica.sha256] {
        case .failed(let why):
            turn.refuse(link, request, .notFound, "\(path) cannot be unpacked at this spoke: \(why)")
        case .noRoom(let why, _):
            // Room that the hub makes is there soon; without any, asking again and again is of no
            // use.
            let wait = known?.roomless ?? 0 > 2 ? SpokeLimits.lastRetry : SpokeLimits.contentRoomRetry
            turn.refuse(
                link, request, .busy,
                "there is no room to unpack \(path) at this spoke: \(why); the hub was asked to make room; if it cannot, "
                    + "raise the quota with 'axle pool set'", retryAfter: UInt64(clamping: wait.components.seconds))
        case .done, .cancelled, nil:
            turn.refuse(link, request, .busy, making, retryAfter: UInt64(clamping: retry))
        }
    }

    /// An agent fetches a content that is here: it stays as long as there are such agents.
    mutating func noteUse(of replica: WantedReplica, _ turn: SpokeTurn) {
        wanted[replica.sha256] = Demand(asked: turn.now, isDue: false)
    }

    private mutating func forgetOldDemands(_ turn: inout SpokeTurn) {
        let (now, before) = (turn.now, wanted.count)
        // After a clock that ran ahead was set right, they ask anew.
        wanted = wanted.filter { $0.value.asked <= now && now - $0.value.asked < SpokeLimits.contentPatience }
        guard wanted.count < before else { return }
        isDue = true
        turn.note(.sharesDue)
    }

    /// The published file that is unpacked next for an agent's sake.
    private mutating func nextWanted(_ pool: PoolContents, _ turn: SpokeTurn) throws -> WantedReplica? {
        for sha256 in wanted.keys.sorted() where wanted[sha256]?.isDue == true {
            wanted[sha256]?.isDue = false
            guard let replica = try turn.store.replica(sha256), replica.state == .verified, pool.holds(sha256),
                let content = replica.packed, !pool.holds(content.sha256)
            else { continue }
            return replica
        }
        return nil
    }

    /// Those of the replicas' contents that agents wait for.
    private func contents(of replicas: [WantedReplica]) -> Set<SHA256Digest> {
        Set(replicas.filter { wanted[$0.sha256] != nil }.compactMap { $0.packed?.sha256 })
    }

    // MARK: - Answers

    /// The catalog has answered about a path.
    mutating func lookedUp(_ path: TargetPath) { lookUps.remove(path) }

    /// What the catalog says about a package that is here.
    func note(_ finding: TargetFinding, of replica: inout WantedReplica, _ turn: inout SpokeTurn) throws {
        guard case .listed(let length, let sha256, let content) = finding, length == replica.length,
            sha256 == replica.sha256, replica.content != content
        else { return }
        if replica.isCodingUnknown { replica.text = "" }
        replica.content = content
        try turn.store.save(replica)
        turn.noteHoldings()
    }

    mutating func unpacked(
        _ sha256: SHA256Digest, _ outcome: UnpackOutcome, _ pool: inout PoolContents, _ replicas: Replicas,
        _ turn: inout SpokeTurn
    ) throws {
        guard unpacking == sha256 else { return }
        unpacking = nil
        switch outcome {
        case .done:
            let lackedRoom = wanted[sha256]?.roomless ?? 0 > 0
            failed[sha256] = nil
            wanted[sha256]?.roomless = 0
            let replica = try turn.store.replica(sha256)
            if lackedRoom, let replica { replicas.tell(replica, pool, &turn) }
            if let content = replica?.packed { pool.add(content.sha256, &turn) }
        case .cancelled: wanted[sha256]?.isDue = true
        case .noRoom(let why, let lacking):
            let isNew = failed.updateValue(outcome, forKey: sha256) != outcome
            // What is unpacked ahead of a need waits; what agents wait for has room made for it.
            guard wanted[sha256] != nil, let replica = try turn.store.replica(sha256) else { break }
            wanted[sha256]?.roomless += 1
            try makeRoom(replicas.attempts, pool, &turn)
            let text = "there is no room to unpack it for agents that cannot: \(why)"
            if isNew { try turn.log(.warning, .quotaExceeded, of: replica, text) }
            replicas.tell(replica, saying: text, lacking: lacking, pool, &turn)
        case .failed(let why):
            // Said once, however often an agent asks for it.
            guard failed.updateValue(outcome, forKey: sha256) != outcome else { break }
            guard let replica = try turn.store.replica(sha256) else { return }
            try turn.log(
                .warning, .replicaFailed, of: replica, "the package is here and cannot be unpacked: \(why)")
        }
        turn.noteHoldings()
    }

    /// Contents whose published file is here too make way for a package that has no room.
    func makeRoom(_ attempts: Attempts, _ pool: PoolContents, _ turn: inout SpokeTurn) throws {
        let replicas = try turn.store.replicas()
        let spare = ContentKeeping.spare(
            replicas, held: pool.held, inUse: contents(of: replicas).union(attempts.bases))
        if !spare.isEmpty { turn.effect(.evict(spare)) }
    }
}

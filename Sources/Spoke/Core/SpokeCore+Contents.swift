import Model
import Protocol
import Storage

/// Contents in the background: what is unpacked beside its published file, and what goes again.
extension SpokeCore {
    /// Acts on what `ContentKeeping` says; nothing is unpacked while a package is under way, but for agents that wait for it.
    mutating func pumpKeeping(at now: UnixTime) throws {
        if let unpacking, contentsWanted[unpacking] == nil, !attempts.isEmpty, !isUnpackingStopped {
            isUnpackingStopped = true
            effects.append(.stopUnpacking)
        }
        let before = contentsWanted.count
        // After a clock that ran ahead was set right, they ask anew.
        contentsWanted = contentsWanted.filter {
            $0.value.asked <= now && now - $0.value.asked < SpokeLimits.contentPatience
        }
        if contentsWanted.count < before { isKeepingDue = true }
        if unpacking == nil, let replica = try nextWanted() { unpack(replica) }
        guard isKeepingDue, attempts.isEmpty, unpacking == nil else { return }
        isKeepingDue = false
        // What a pool holds whose disk is gone is not forgotten.
        for patch in try store.patches() where isEveryPoolHere && !held.contains(patch.sha256) {
            try store.removePatch(patch.sha256)
        }
        let replicas = try store.replicas()
        let keeping = ContentKeeping(
            replicas: replicas, patches: try store.patches(), held: held, inUse: wantedContents(replicas),
            skipped: Set(unpackFailed.keys), pool: pool.account)
        if hub != nil {
            for path in keeping.lookUp where lookUps.insert(path).inserted { effects.append(.findTarget(path)) }
        }
        if !keeping.drop.isEmpty { effects.append(.evict(keeping.drop)) }
        if let replica = keeping.unpack, roomWaited.isEmpty { unpack(replica) }
    }

    private mutating func unpack(_ replica: WantedReplica) {
        unpacking = replica.sha256
        isUnpackingStopped = false
        effects.append(.unpack(replica))
    }

    // MARK: For agents that cannot unpack

    /// An agent that cannot unpack the published file, which alone is here, asks for the content: it is made, unless that fails.
    mutating func wantContent(
        of replica: WantedReplica, as path: TargetPath, _ link: LinkID, _ request: RequestID, at now: UnixTime
    ) throws {
        guard let content = replica.packed else {
            guard replica.content == nil else {
                return refuse(link, request, .notFound, "\(path) is signed here as a file that is not packed")
            }
            if hub != nil, lookUps.insert(path).inserted { effects.append(.findTarget(path)) }
            return refuse(link, request, .busy, "what is inside \(path) is being looked up", retryAfter: 15)
        }
        guard !replica.isCodingUnknown else {
            return refuse(link, request, .notFound, "this spoke is older than the way in which \(path) is packed")
        }
        let known = contentsWanted[replica.sha256]
        contentsWanted[replica.sha256] = ContentWish(
            asked: now, isDue: unpacking != replica.sha256, roomless: known?.roomless ?? 0)
        let retry = SpokeLimits.contentRetry.components.seconds
        let making = "\(path) is being unpacked, \(content.length)"
        guard known?.isDue != true, unpacking != replica.sha256 else {
            return refuse(link, request, .busy, making, retryAfter: UInt64(clamping: retry))
        }
        // Whatever it was, it is tried again until the next question.
        switch unpackFailed[replica.sha256] {
        case .failed(let why): refuse(link, request, .notFound, "\(path) cannot be unpacked at this spoke: \(why)")
        case .noRoom(let why, _):
            // Room that the hub makes is there soon; without any, asking again and again is of no use.
            let wait = known?.roomless ?? 0 > 2 ? SpokeLimits.lastRetry : SpokeLimits.contentRoomRetry
            refuse(
                link, request, .busy,
                "there is no room to unpack \(path) at this spoke: \(why); the hub was asked to make room; if it cannot, "
                    + "raise the quota with 'axle pool set'", retryAfter: UInt64(clamping: wait.components.seconds))
        default: refuse(link, request, .busy, making, retryAfter: UInt64(clamping: retry))
        }
    }

    /// The published file that is unpacked next for an agent's sake.
    private mutating func nextWanted() throws -> WantedReplica? {
        for sha256 in contentsWanted.keys.sorted() where contentsWanted[sha256]?.isDue == true {
            contentsWanted[sha256]?.isDue = false
            guard let replica = try store.replica(sha256), replica.state == .verified, held.contains(sha256),
                let content = replica.packed, !held.contains(content.sha256)
            else { continue }
            return replica
        }
        return nil
    }

    private func wantedContents(_ replicas: [WantedReplica]) -> Set<SHA256Digest> {
        Set(replicas.filter { contentsWanted[$0.sha256] != nil }.compactMap { $0.packed?.sha256 })
    }

    // MARK: Answers

    /// The catalog was asked about a package that is here.
    mutating func noteContent(_ finding: TargetFinding, of replica: inout WantedReplica) throws {
        guard case .listed(let length, let sha256, let content) = finding, length == replica.length,
            sha256 == replica.sha256, replica.content != content
        else { return }
        if replica.isCodingUnknown { replica.text = "" }
        replica.content = content
        try store.save(replica)
        isKeepingDue = true
    }

    mutating func unpacked(_ sha256: SHA256Digest, _ outcome: UnpackOutcome, at now: UnixTime) throws {
        guard unpacking == sha256 else { return }
        unpacking = nil
        switch outcome {
        case .done:
            let lackedRoom = contentsWanted[sha256]?.roomless ?? 0 > 0
            unpackFailed[sha256] = nil
            contentsWanted[sha256]?.roomless = 0
            if lackedRoom, let replica = try store.replica(sha256) { sendState(of: replica) }
            if let content = try store.replica(sha256)?.packed { held.insert(content.sha256) }
        case .cancelled: contentsWanted[sha256]?.isDue = true
        case .noRoom(let why, let lacking):
            let isNew = unpackFailed.updateValue(outcome, forKey: sha256) != outcome
            // What is unpacked ahead of a need waits; what agents wait for has room made for it.
            guard contentsWanted[sha256] != nil, let replica = try store.replica(sha256) else { break }
            contentsWanted[sha256]?.roomless += 1
            try makeRoom()
            let text = "there is no room to unpack it for agents that cannot: \(why)"
            if isNew { try log(.warning, .quotaExceeded, of: replica, text, at: now) }
            sendState(of: replica, saying: text, lacking: lacking)
        case .failed(let why):
            // Said once, however often an agent asks for it.
            guard unpackFailed.updateValue(outcome, forKey: sha256) != outcome else { break }
            guard let replica = try store.replica(sha256) else { return }
            try log(
                .warning, .replicaFailed, of: replica,
                "the package is here and cannot be unpacked: \(why)", at: now)
        }
        isKeepingDue = true
    }

    /// Objects are gone; what is read just now stays, and is looked at again with the next change.
    mutating func evicted(_ objects: [SHA256Digest]) throws {
        guard !objects.isEmpty else { return }
        held.subtract(objects)
        damagedFiles.subtract(objects)
        for object in objects { try store.removePatch(object) }
        isKeepingDue = true
        if !roomWaited.isEmpty { try retryWaitingReplicas() }
    }

    /// Contents whose published file is here too make way for a package that has no room.
    mutating func makeRoom() throws {
        let replicas = try store.replicas()
        var inUse = wantedContents(replicas)
        for attempt in attempts.values {
            if case .patch(_, _, let base, _) = attempt.plan { inUse.insert(base.sha256) }
        }
        let spare = ContentKeeping.spare(replicas, held: held, inUse: inUse)
        if !spare.isEmpty { effects.append(.evict(spare)) }
    }
}

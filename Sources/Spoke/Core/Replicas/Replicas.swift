import Model
import Protocol
import Storage

/// What the pool is to hold, and the attempts to get it there.
///
/// The replicas are in the store. Keeps in memory the attempts under way, when the next one may
/// start, and which replicas lack room or need their published file. Notes what has arrived. Takes
/// that an attempt may start, that room was made, and that a published file is needed.
struct Replicas {
    private(set) var attempts = Attempts()
    /// When the next attempt may start; nil where none waits, in the past where it may be due.
    private var nextAttempt: UnixTime? = .zero
    /// Published files that an agent asked for and that are here as contents only.
    private var publishedWanted: Set<SHA256Digest> = []
    /// Replicas that found no room at their last attempt.
    private var roomWaited: Set<SHA256Digest> = []

    /// Whether a replica found no room at its last attempt.
    var isRoomLacking: Bool { !roomWaited.isEmpty }

    // MARK: - Starting

    /// Starts attempts while there is a hub and a place, and notes when the next one may start.
    mutating func settle(_ missing: MissingPackages, _ turn: inout SpokeTurn) throws {
        try takeChanges(missing, &turn)
        let now = turn.now
        guard turn.hub != nil, attempts.hasPlace, let due = nextAttempt, due <= now else { return }
        let waiting = try turn.store.replicas().filter { replica in
            guard attempts[replica.sha256] == nil else { return false }
            switch replica.state {
            case .pending, .transferring, .corrupt: return true
            case .verified: return publishedWanted.contains(replica.sha256)
            case .evicted: return false
            }
        }
        // What another attempt brings is waited for: two packages may have the same content.
        var underWay = attempts.objects
        let inOrder = waiting.sorted { ($0.priority, $0.path) < ($1.priority, $1.path) }
        for replica in inOrder where replica.notBefore <= now && attempts.hasPlace {
            guard underWay.isDisjoint(with: replica.objects) else { continue }
            underWay.formUnion(replica.objects)
            attempts.start(replica)
            turn.effect(.findTarget(replica.path))
        }
        // Those that only lack a place are looked at again when an attempt ends.
        nextAttempt = waiting.map(\.notBefore).filter { $0 > now }.min()
    }

    func nextDue(_ turn: SpokeTurn) -> UnixTime? { turn.hub == nil ? nil : nextAttempt }

    private mutating func takeChanges(_ missing: MissingPackages, _ turn: inout SpokeTurn) throws {
        if turn.take(.replicasChanged) { nextAttempt = .zero }
        for sha256 in turn.take({ if case .publishedFileWanted(let sha256) = $0 { sha256 } else { nil } })
        where publishedWanted.insert(sha256).inserted {
            nextAttempt = .zero
        }
        let (isRoomMade, areObjectsGone) = (turn.take(.roomMade), turn.take(.objectsGone))
        guard isRoomMade || (areObjectsGone && isRoomLacking) else { return }
        nextAttempt = .zero
        for var replica in try turn.store.replicas()
        where replica.state == .pending && replica.notBefore > .zero && !missing.contains(replica.sha256) {
            replica.notBefore = .zero
            try turn.store.save(replica)
        }
    }

    /// Only what the vendor's catalog names, by one of its paths and with the same length and hash,
    /// is ever fetched.
    mutating func found(
        _ path: TargetPath, _ finding: TargetFinding, _ pool: inout PoolContents, _ plans: Plans,
        _ contents: inout Contents, _ turn: inout SpokeTurn
    ) throws {
        contents.lookedUp(path)
        for var replica in try turn.store.replicas(naming: path) {
            guard attempts[replica.sha256]?.lookUp == path else {
                try contents.note(finding, of: &replica, &turn)
                continue
            }
            attempts.lookedUp(replica.sha256)
            switch finding {
            case .listed(let length, let sha256, let content)
            where length == replica.length && sha256 == replica.sha256:
                replica.content = content
                replica.ask(by: path)
                try turn.store.save(replica)
                guard attempts.claimObjects(of: replica) else {
                    // The end of the attempt that brings some of it starts this one again.
                    attempts.end(replica.sha256)
                    continue
                }
                if pool.isDamaged(replica.sha256) {
                    // A damaged one says so until it is whole.
                    turn.effect(.repair(replica))
                } else {
                    try plans.choose(replica, &pool, &self, &turn)
                }
            case .listed, .absent:
                if let next = attempts.lookUpNext(replica) {
                    turn.effect(.findTarget(next))
                } else {
                    let why = "the catalog does not name this package with this length and hash"
                    try postpone(replica, why, pool, &turn)
                }
            case .refused(let why):
                try turn.log(.error, .attackSeen, of: replica, "the catalog was refused: \(why)")
                try postpone(replica, "the catalog was refused: \(why)", pool, &turn)
            case .unreachable(let why):
                try postpone(replica, "the catalog could not be read: \(why)", pool, &turn)
            }
        }
    }

    /// Begins the transfer by a plan.
    mutating func begin(
        _ replica: WantedReplica, _ plan: TransferPlan, _ pool: PoolContents, _ turn: inout SpokeTurn
    ) throws {
        attempts.choose(plan, for: replica.sha256)
        if case .patch(let patch, let length, let base, let means) = plan, let content = replica.content {
            // Written down before a byte of it is here, so that it is never in the pool without a
            // name.
            try turn.store.save(
                KeptPatch(
                    sha256: patch, length: length, means: means, base: base.sha256, content: content.sha256,
                    path: replica.path))
        }
        tell(replica, pool, &turn)
        turn.effect(.transfer(replica, plan))
    }

    // MARK: - Ending

    mutating func progressed(
        _ sha256: SHA256Digest, held: UInt64, _ pool: PoolContents, _ turn: inout SpokeTurn
    ) throws {
        guard attempts[sha256] != nil, let replica = try turn.store.replica(sha256) else { return }
        attempts.progressed(sha256, held: held)
        tell(replica, pool, &turn)
    }

    mutating func ended(
        _ sha256: SHA256Digest, _ outcome: TransferOutcome, _ pool: inout PoolContents, _ contents: Contents,
        _ turn: inout SpokeTurn
    ) throws {
        guard var replica = try turn.store.replica(sha256), let attempt = attempts[sha256] else { return }
        turn.note(.replicasChanged)
        turn.noteHoldings()
        switch outcome {
        case .verified: try arrived(replica, attempt.plan ?? .published, &pool, &turn)
        case .noRoom(let why, let lacking, let lackingPool):
            roomWaited.insert(sha256)
            try contents.makeRoom(attempts, pool, &turn)
            var lacking = lacking
            if let plan = attempt.plan, plan.room(for: replica) > replica.length {
                // The published file needs less. Where it has no room either, a patch is not given
                // up for it. A patch may be counted in what is free, so that this is the least that
                // the file lacks.
                let room = plan.room(for: replica)
                let free = room > lacking.bytes ? room - lacking.bytes : 0
                guard lacking > .zero, free < replica.length else {
                    return try planFailed(replica, plan, why, pool, &turn)
                }
                lacking = ByteCount(replica.length - free)
            }
            if replica.text != why { try turn.log(.error, .quotaExceeded, of: replica, why) }
            attempts.end(sha256)
            if !attempt.isExtra { replica.state = .pending }
            replica.text = why
            replica.notBefore = turn.now + SpokeLimits.roomRetry
            try turn.store.save(replica)
            tell(replica, lacking: lacking, in: lackingPool, pool, &turn)
        case .planFailed(let why):
            try planFailed(replica, attempt.plan ?? .published, why, pool, &turn)
        case .hashMismatch:
            let why = "the bytes from the hub have another hash than the catalog signs; they were removed"
            try turn.log(.error, .replicaFailed, of: replica, why)
            // The next attempt is a whole transfer.
            pool.forgetDamage(of: sha256)
            if !attempt.isExtra { replica.state = .pending }
            try postpone(replica, why, pool, &turn)
        case .interrupted(let why):
            try postpone(replica, why, pool, &turn)
        case .repaired(let fetched): try repaired(replica, fetched, &pool, &turn)
        }
    }

    /// What was wanted is in the pool already.
    mutating func isHere(
        _ replica: WantedReplica, _ plan: TransferPlan, _ pool: inout PoolContents, _ turn: inout SpokeTurn
    ) throws {
        turn.note(.replicasChanged)
        turn.noteHoldings()
        try arrived(replica, plan, &pool, &turn)
    }

    /// What was wanted is in the pool.
    private mutating func arrived(
        _ replica: WantedReplica, _ plan: TransferPlan, _ pool: inout PoolContents, _ turn: inout SpokeTurn
    ) throws {
        var replica = replica
        let attempt = attempts.end(replica.sha256)
        turn.note(.attemptSucceeded(replica.sha256))
        roomWaited.remove(replica.sha256)
        publishedWanted.remove(replica.sha256)
        switch plan {
        case .published: pool.add(replica.sha256, &turn)
        case .content: if let content = replica.content { pool.add(content.sha256, &turn) }
        case .patch(let patch, _, _, _):
            pool.add(patch, &turn)
            if let content = replica.content { pool.add(content.sha256, &turn) }
        }
        guard attempt?.isExtra != true else {
            replica.notBefore = .zero
            return try turn.store.save(replica)
        }
        turn.note(.packageArrived(replica.sha256))
        replica.state = .verified
        replica.text = ""
        replica.attempts = 0
        replica.isPlain = false
        replica.means = plan.means
        replica.transferred = plan.length(of: replica)
        try turn.store.save(replica)
        let text = plan.arrivalText(of: replica) + pool.placeText(of: replica)
        try turn.log(.info, .replicaVerified, of: replica, text)
        tell(replica, pool, &turn)
    }

    /// A published file is whole again.
    private mutating func repaired(
        _ replica: WantedReplica, _ fetched: ByteCount, _ pool: inout PoolContents, _ turn: inout SpokeTurn
    ) throws {
        var replica = replica
        attempts.end(replica.sha256)
        pool.repaired(replica.sha256, &turn)
        replica.state = .verified
        replica.text = ""
        replica.attempts = 0
        try turn.store.save(replica)
        try turn.log(
            .notice, .replicaRepaired, of: replica,
            "the package is whole again: \(fetched) of \(ByteCount(replica.length)) were fetched from the hub")
        tell(replica, pool, &turn)
    }

    /// What came on a medium was refused.
    static func bundleRefused(_ why: String, _ turn: inout SpokeTurn) throws {
        try turn.log(.error, .catalogRefused, "catalog", "what was brought on a medium was refused: \(why)")
    }

    /// A package came on a medium and is in the pool, verified: the hub hears of it and does not
    /// send it.
    mutating func brought(
        _ path: TargetPath, _ sha256: SHA256Digest, _ length: UInt64, _ pool: inout PoolContents,
        _ turn: inout SpokeTurn
    ) throws {
        let known = try turn.store.replica(sha256)
        var replica =
            known ?? WantedReplica(path: path, sha256: sha256, length: length, priority: Priority.normal.rawValue)
        pool.add(sha256, &turn)
        if replica.state == .evicted { replica.become(path) }
        guard replica.state != .verified || !replica.names(path) else { return }
        replica.add(path)
        attempts.end(sha256)
        replica.state = .verified
        replica.text = ""
        replica.attempts = 0
        try turn.store.save(replica)
        try turn.log(
            .info, .replicaVerified, "package/\(path)",
            "the package came on a medium, \(ByteCount(length)), hash checked" + pool.placeText(of: replica))
        tell(replica, pool, &turn)
    }

    /// Ends an attempt; the next one comes later each time.
    private mutating func postpone(
        _ replica: WantedReplica, _ why: String, _ pool: PoolContents, _ turn: inout SpokeTurn
    ) throws {
        var replica = replica
        let attempt = attempts.end(replica.sha256)
        turn.note(.replicasChanged)
        if attempt?.isExtra != true, replica.state != .corrupt { replica.state = .pending }
        replica.text = why
        // What the hub does not give for one package it may give for another of the same bytes.
        replica.askByNextPath()
        replica.attempts = min(replica.attempts, 1000) + 1
        let wait = turn.retryWait(failures: Int(replica.attempts))
        // A broken link is no fault of the package: the next attempt may start with the next link.
        replica.notBefore = turn.hub == nil ? .zero : turn.now + wait
        try turn.store.save(replica)
        tell(replica, pool, &turn)
    }

    /// A planned content or patch was of no use: it goes, and the next attempt, at once, takes the
    /// published file.
    private mutating func planFailed(
        _ replica: WantedReplica, _ plan: TransferPlan, _ why: String, _ pool: PoolContents, _ turn: inout SpokeTurn
    ) throws {
        guard plan != .published else { return try postpone(replica, why, pool, &turn) }
        try turn.log(
            .warning, .replicaFailed, of: replica,
            "the \(plan.means.phrase) could not be used: \(why); the published file is fetched")
        if case .patch(let patch, _, _, _) = plan {
            try turn.store.removePatch(patch)
            turn.effect(.evict([patch]))
        }
        var replica = replica
        replica.isPlain = true
        try setAside(replica, until: .zero, &turn)
    }

    /// Ends an attempt that has not failed; the next one may start at a time. Gives the replica as
    /// it is now.
    @discardableResult
    mutating func setAside(
        _ replica: WantedReplica, until time: UnixTime, _ turn: inout SpokeTurn
    ) throws -> WantedReplica {
        var replica = replica
        attempts.end(replica.sha256)
        replica.state = .pending
        replica.notBefore = time
        turn.note(.replicasChanged)
        try turn.store.save(replica)
        return replica
    }
}

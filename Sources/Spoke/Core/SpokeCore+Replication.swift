import Model
import Protocol
import Storage

/// What the pool is to hold, and the attempts to get it there.
extension SpokeCore {
    mutating func start(held: Set<SHA256Digest>, _ pool: PoolFigures, at now: UnixTime) throws {
        self.pool = pool
        intake = ReportIntake(
            kept: try store.reportTallies().mapValues { ReportIntake.Tally(reports: $0.reports, bytes: $0.bytes) })
        agentLimit = try storedAgentLimit()
        completed.told = try storedCompletions()
        self.held = held
        // Put off while the clock was ahead.
        for var replica in try store.replicas() where replica.notBefore > now + SpokeLimits.longestWait {
            replica.notBefore = now
            try store.save(replica)
        }
        for patch in try store.patches() where isEveryPoolHere && !held.contains(patch.sha256) {
            try store.removePatch(patch.sha256)
        }
        for var replica in try store.replicas() {
            if replica.isHeld(held) {
                guard replica.state != .verified else { continue }
                // Published just before a cut: the bytes were checked, only the note is missing.
                replica.state = .verified
                replica.text = ""
            } else {
                if replica.state == .pending, !isEveryPoolHere, replica.notBefore > now {
                    missing.insert(replica.sha256)
                }
                guard replica.state == .verified || replica.state == .transferring else { continue }
                if replica.state == .verified, let absent = absentPool {
                    try miss(&replica, absent, at: now)
                    continue
                }
                if replica.state == .verified {
                    try log(
                        .error, .replicaCorrupt, of: replica,
                        "the pool no longer holds this package; it is fetched again", at: now)
                }
                replica.state = .pending
            }
            replica.notBefore = .zero
            try store.save(replica)
        }
    }

    /// The hub wants a package here. A repeated request changes nothing but the priority; it ends a wait. One for bytes that are wanted
    /// as another package already makes them both.
    mutating func want(_ wanted: Replicate, at now: UnixTime) throws {
        nextAttempt = .zero
        guard var replica = try store.replica(wanted.sha256) else {
            let replica = WantedReplica(
                path: wanted.path, sha256: wanted.sha256, length: wanted.length, priority: wanted.priority.rawValue)
            try store.save(replica)
            return sendState(of: replica)
        }
        if replica.state == .evicted {
            replica.state = .pending
            replica.become(wanted.path)
        }
        replica.add(wanted.path)
        // Of several packages the most urgent one counts.
        let isOnlyOne = replica.others.isEmpty
        replica.priority = isOnlyOne ? wanted.priority.rawValue : min(replica.priority, wanted.priority.rawValue)
        if replica.state == .pending, attempts[replica.sha256] == nil {
            replica.length = wanted.length
            // The new path may be named by the catalog where the others are not.
            if !isOnlyOne { replica.notBefore = .zero }
        }
        if replica.state == .verified { isKeepingDue = true }
        try store.save(replica)
        sendState(of: replica, as: wanted.path)
    }

    /// Starts attempts while there is a hub and a place, and notes when the next one may start.
    mutating func pumpReplicas(at now: UnixTime) throws {
        guard hub != nil, attempts.count < SpokeLimits.transfers, let due = nextAttempt, due <= now else { return }
        let waiting = try store.replicas().filter { replica in
            guard attempts[replica.sha256] == nil else { return false }
            switch replica.state {
            case .pending, .transferring, .corrupt: return true
            case .verified: return publishedWanted.contains(replica.sha256)
            default: return false
            }
        }
        // What another attempt brings is waited for: two packages may have the same content.
        var underWay = Set(attempts.values.flatMap(\.objects))
        let inOrder = waiting.sorted { ($0.priority, $0.path) < ($1.priority, $1.path) }
        for replica in inOrder where replica.notBefore <= now && attempts.count < SpokeLimits.transfers {
            guard underWay.isDisjoint(with: replica.objects) else { continue }
            underWay.formUnion(replica.objects)
            attempts[replica.sha256] = Attempt(
                isExtra: replica.state == .verified, lookUp: replica.path, tried: [replica.path],
                objects: replica.objects)
            effects.append(.findTarget(replica.path))
        }
        // Those that only lack a place are looked at again when an attempt ends.
        nextAttempt = waiting.map(\.notBefore).filter { $0 > now }.min()
    }

    /// Only what the vendor's catalog names, by one of its paths and with the same length and hash, is ever fetched.
    mutating func found(_ path: TargetPath, _ finding: TargetFinding, at now: UnixTime) throws {
        lookUps.remove(path)
        for var replica in try store.replicas(naming: path) {
            guard attempts[replica.sha256]?.lookUp == path else {
                try noteContent(finding, of: &replica)
                continue
            }
            attempts[replica.sha256]?.lookUp = nil
            switch finding {
            case .listed(let length, let sha256, let content)
            where length == replica.length && sha256 == replica.sha256:
                replica.content = content
                replica.ask(by: path)
                try store.save(replica)
                guard try claimObjects(of: replica) else { continue }
                if damagedFiles.contains(replica.sha256) {
                    // A damaged one says so until it is whole.
                    effects.append(.repair(replica))
                } else {
                    try choose(replica, at: now)
                }
            case .listed, .absent:
                let tried = attempts[replica.sha256]?.tried ?? []
                if let next = replica.paths.first(where: { !tried.contains($0) }) {
                    attempts[replica.sha256]?.tried.insert(next)
                    attempts[replica.sha256]?.lookUp = next
                    effects.append(.findTarget(next))
                } else {
                    try postpone(replica, "the catalog does not name this package with this length and hash", at: now)
                }
            case .refused(let why):
                try log(.error, .attackSeen, of: replica, "the catalog was refused: \(why)", at: now)
                try postpone(replica, "the catalog was refused: \(why)", at: now)
            case .unreachable(let why):
                try postpone(replica, "the catalog could not be read: \(why)", at: now)
            }
        }
    }

    /// Notes what the attempt may bring, now that its content is known; false if another attempt brings some of it, which is waited for.
    private mutating func claimObjects(of replica: WantedReplica) throws -> Bool {
        let others = attempts.filter { $0.key != replica.sha256 }.values.flatMap(\.objects)
        guard Set(others).isDisjoint(with: replica.objects) else {
            attempts[replica.sha256] = nil
            // The end of that attempt starts this one again.
            return false
        }
        attempts[replica.sha256]?.objects = replica.objects
        return true
    }

    mutating func progressed(_ sha256: SHA256Digest, held: UInt64) throws {
        guard attempts[sha256] != nil, let replica = try store.replica(sha256) else { return }
        attempts[sha256]?.held = held
        sendState(of: replica)
    }

    mutating func ended(_ sha256: SHA256Digest, _ outcome: TransferOutcome, at now: UnixTime) throws {
        guard let replica = try store.replica(sha256), let attempt = attempts[sha256] else { return }
        nextAttempt = .zero
        isKeepingDue = true
        switch outcome {
        case .verified: try arrived(replica, attempt, at: now)
        case .noRoom(let why, let lacking, let lackingPool):
            roomWaited.insert(sha256)
            try makeRoom()
            var lacking = lacking
            if let plan = attempt.plan, plan.room(for: replica) > replica.length {
                // The published file needs less. Where it has no room either, a patch is not given up for it. A patch
                // may be counted in what is free, so that this is the least that the file lacks.
                let room = plan.room(for: replica)
                let free = room > lacking.bytes ? room - lacking.bytes : 0
                guard lacking > .zero, free < replica.length else {
                    return try planFailed(replica, plan, why, at: now)
                }
                lacking = ByteCount(replica.length - free)
            }
            if replica.text != why {
                try log(.error, .quotaExceeded, of: replica, why, at: now)
            }
            attempts[sha256] = nil
            var replica = replica
            if !attempt.isExtra { replica.state = .pending }
            replica.text = why
            replica.notBefore = now + SpokeLimits.roomRetry
            try store.save(replica)
            sendState(of: replica, lacking: lacking, in: lackingPool)
        case .planFailed(let why):
            try planFailed(replica, attempt.plan ?? .published, why, at: now)
        case .hashMismatch:
            let why = "the bytes from the hub have another hash than the catalog signs; they were removed"
            try log(.error, .replicaFailed, of: replica, why, at: now)
            // The next attempt is a whole transfer.
            damagedFiles.remove(sha256)
            var replica = replica
            if !attempt.isExtra { replica.state = .pending }
            try postpone(replica, why, at: now)
        case .interrupted(let why):
            try postpone(replica, why, at: now)
        case .repaired(let fetched): try repaired(replica, fetched, at: now)
        }
    }

    /// What was wanted is in the pool.
    private mutating func arrived(_ replica: WantedReplica, _ attempt: Attempt, at now: UnixTime) throws {
        var replica = replica
        attempts[replica.sha256] = nil
        patience[replica.sha256] = nil
        roomWaited.remove(replica.sha256)
        publishedWanted.remove(replica.sha256)
        let plan = attempt.plan ?? .published
        switch plan {
        case .published: held.insert(replica.sha256)
        case .content: if let content = replica.content { held.insert(content.sha256) }
        case .patch(let patch, _, _, _):
            held.insert(patch)
            if let content = replica.content { held.insert(content.sha256) }
        }
        guard !attempt.isExtra else {
            replica.notBefore = .zero
            return try store.save(replica)
        }
        missing.remove(replica.sha256)
        replica.state = .verified
        replica.text = ""
        replica.attempts = 0
        replica.isPlain = false
        replica.means = plan.means
        replica.transferred = plan.length(of: replica)
        try store.save(replica)
        let file = ByteCount(replica.length)
        let text =
            switch plan {
            case .published: "the package is here, \(file), hash checked"
            case .content: "the package is here unpacked, \(ByteCount(replica.transferred)), hash checked"
            case .patch(_, _, _, let means):
                "the package is here by \(means.noun) of \(ByteCount(replica.transferred)) instead of \(file), hash checked"
            }
        try log(.info, .replicaVerified, of: replica, text + placeText(of: replica), at: now)
        sendState(of: replica)
    }

    /// A package came on a medium and is in the pool, verified: the hub hears of it and does not send it.
    mutating func brought(
        _ path: TargetPath, _ sha256: SHA256Digest, _ length: UInt64, at now: UnixTime
    ) throws {
        let known = try store.replica(sha256)
        var replica =
            known ?? WantedReplica(path: path, sha256: sha256, length: length, priority: Priority.normal.rawValue)
        held.insert(sha256)
        isKeepingDue = true
        if replica.state == .evicted { replica.become(path) }
        guard replica.state != .verified || !replica.names(path) else { return }
        replica.add(path)
        attempts[sha256] = nil
        replica.state = .verified
        replica.text = ""
        replica.attempts = 0
        try store.save(replica)
        try log(
            .info, .replicaVerified, "package/\(path)",
            "the package came on a medium, \(ByteCount(length)), hash checked" + placeText(of: replica), at: now)
        sendState(of: replica)
    }

    /// Room may be there now: whoever waits for it tries again at once.
    mutating func retryWaitingReplicas() throws {
        nextAttempt = .zero
        for var replica in try store.replicas()
        where replica.state == .pending && replica.notBefore > .zero && !missing.contains(replica.sha256) {
            replica.notBefore = .zero
            try store.save(replica)
        }
    }

    /// Ends an attempt; the next one comes later each time, spread so that many spokes do not come at once.
    mutating func postpone(_ replica: WantedReplica, _ why: String, at now: UnixTime) throws {
        var replica = replica
        let attempt = attempts.removeValue(forKey: replica.sha256)
        nextAttempt = .zero
        if attempt?.isExtra != true, replica.state != .corrupt { replica.state = .pending }
        replica.text = why
        // What the hub does not give for one package it may give for another of the same bytes.
        replica.askByNextPath()
        replica.attempts = min(replica.attempts, 1000) + 1
        let doublings = min(replica.attempts - 1, 10)
        let wait = min(SpokeLimits.firstRetry * (1 << Int(doublings)), SpokeLimits.lastRetry)
        let spread = Int64.random(in: 500...1000, using: &random)
        // A broken link is no fault of the package: the next attempt may start with the next link.
        replica.notBefore = hub == nil ? .zero : now + wait * Int(spread) / 1000
        try store.save(replica)
        sendState(of: replica)
    }

    /// Tells the hub how far a replica is, as one of the packages that it is or as each of them.
    mutating func sendState(
        of replica: WantedReplica, as path: TargetPath? = nil, saying note: String? = nil, lacking: ByteCount = .zero,
        in lackingPool: NodeName? = nil
    ) {
        guard let hub else { return }
        let held = replica.state == .verified ? replica.length : attempts[replica.sha256]?.held ?? 0
        for path in path.map({ [$0] }) ?? replica.paths {
            let message = Replica(
                path: path, sha256: replica.sha256, state: replica.state, bytesHeld: held,
                text: note ?? (replica.state == .transferring || replica.text.isEmpty ? nil : replica.text),
                lacking: lacking > .zero ? lacking.bytes : nil,
                pool: replica.state == .verified ? place(of: replica)?.pool : lackingPool,
                reason: replica.state == .verified ? place(of: replica)?.reason : nil)
            supersede(.replica(path, replica.sha256))
            ask(hub, .replica(message), .replica(path, replica.sha256))
        }
    }
}

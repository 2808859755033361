import Model
import Protocol

/// What the pool is to hold, and the attempts to get it there.
extension SpokeCore {
    mutating func start(held: Set<SHA256Digest>, _ pool: PoolFigures, at now: UnixTime) throws {
        self.pool = pool
        agentLimit = try storedAgentLimit()
        for var replica in try store.replicas() {
            if held.contains(replica.sha256) {
                guard replica.state != .verified else { continue }
                // Published just before a cut: the bytes were checked, only the note is missing.
                replica.state = .verified
                replica.text = ""
            } else {
                guard replica.state == .verified || replica.state == .transferring else { continue }
                if replica.state == .verified {
                    try log(
                        .error, .replicaCorrupt, "package/\(replica.path)",
                        "the pool no longer holds this package; it is fetched again", at: now)
                }
                replica.state = .pending
            }
            replica.notBefore = .zero
            try store.save(replica)
        }
    }

    /// The hub wants a package here. A repeated wish changes nothing but the priority; it ends a wait.
    mutating func want(_ wanted: Replicate, at now: UnixTime) throws {
        nextAttempt = .zero
        guard var replica = try store.replica(wanted.sha256) else {
            let replica = WantedReplica(
                path: wanted.path, sha256: wanted.sha256, length: wanted.length, priority: wanted.priority.rawValue)
            try store.save(replica)
            return sendState(of: replica)
        }
        if replica.state == .evicted { replica.state = .pending }
        replica.path = wanted.path
        replica.priority = wanted.priority.rawValue
        try store.save(replica)
        sendState(of: replica)
    }

    /// Starts attempts while there is a hub and a place, and notes when the next one may start.
    mutating func pumpReplicas(at now: UnixTime) throws {
        guard hub != nil, attempts.count < SpokeLimits.transfers, let due = nextAttempt, due <= now else { return }
        let waiting = try store.replicas().filter { replica in
            attempts[replica.sha256] == nil
                && (replica.state == .pending || replica.state == .transferring || replica.state == .corrupt)
        }
        let inOrder = waiting.sorted { ($0.priority, $0.path) < ($1.priority, $1.path) }
        for replica in inOrder where replica.notBefore <= now && attempts.count < SpokeLimits.transfers {
            attempts[replica.sha256] = 0
            effects.append(.findTarget(replica.path))
        }
        // Those that only lack a place are looked at again when an attempt ends.
        nextAttempt = waiting.map(\.notBefore).filter { $0 > now }.min()
    }

    /// Only what the vendor's catalog names, with the same length and hash, is ever fetched.
    mutating func found(_ path: TargetPath, _ finding: TargetFinding, at now: UnixTime) throws {
        for var replica in try store.replicas() where replica.path == path && attempts[replica.sha256] != nil {
            switch finding {
            case .listed(let length, let sha256) where length == replica.length && sha256 == replica.sha256:
                // The reason of the last failure stays, so that the same one is not logged again.
                replica.state = .transferring
                try store.save(replica)
                sendState(of: replica)
                effects.append(.transfer(replica))
            case .listed, .absent:
                try postpone(replica, "the catalog does not name this package with this length and hash", at: now)
            case .refused(let why):
                try log(.error, .attackSeen, "package/\(path)", "the catalog was refused: \(why)", at: now)
                try postpone(replica, "the catalog was refused: \(why)", at: now)
            case .unreachable(let why):
                try postpone(replica, "the catalog could not be read: \(why)", at: now)
            }
        }
    }

    mutating func progressed(_ sha256: SHA256Digest, held: UInt64) throws {
        guard attempts[sha256] != nil, let replica = try store.replica(sha256) else { return }
        attempts[sha256] = held
        sendState(of: replica)
    }

    mutating func ended(_ sha256: SHA256Digest, _ outcome: TransferOutcome, at now: UnixTime) throws {
        guard var replica = try store.replica(sha256), attempts[sha256] != nil else { return }
        nextAttempt = .zero
        switch outcome {
        case .verified:
            attempts[sha256] = nil
            replica.state = .verified
            replica.text = ""
            replica.attempts = 0
            try store.save(replica)
            try log(
                .info, .replicaVerified, "package/\(replica.path)",
                "the package is here, \(ByteCount(replica.length)), hash checked", at: now)
            sendState(of: replica)
        case .noRoom(let why):
            if replica.text != why {
                try log(.error, .quotaExceeded, "package/\(replica.path)", why, at: now)
            }
            attempts[sha256] = nil
            replica.state = .pending
            replica.text = why
            replica.notBefore = now + SpokeLimits.roomRetry
            try store.save(replica)
            sendState(of: replica)
        case .hashMismatch:
            let why = "the bytes from the hub have another hash than the catalog signs; they were removed"
            try log(.error, .replicaFailed, "package/\(replica.path)", why, at: now)
            try postpone(replica, why, at: now)
        case .interrupted(let why):
            try postpone(replica, why, at: now)
        }
    }

    /// A package came on a medium and is in the pool, verified: the hub hears of it and does not send it.
    mutating func brought(
        _ path: TargetPath, _ sha256: SHA256Digest, _ length: UInt64, at now: UnixTime
    ) throws {
        var replica =
            try store.replica(sha256)
            ?? WantedReplica(path: path, sha256: sha256, length: length, priority: Priority.normal.rawValue)
        guard replica.state != .verified else { return }
        attempts[sha256] = nil
        replica.state = .verified
        replica.text = ""
        replica.attempts = 0
        try store.save(replica)
        try log(
            .info, .replicaVerified, "package/\(path)",
            "the package came on a medium, \(ByteCount(length)), hash checked", at: now)
        sendState(of: replica)
    }

    /// Room may be there now: whoever waits for it tries again at once.
    mutating func retryWaitingReplicas() throws {
        nextAttempt = .zero
        for var replica in try store.replicas() where replica.state == .pending && replica.notBefore > .zero {
            replica.notBefore = .zero
            try store.save(replica)
        }
    }

    /// Ends an attempt; the next one comes later each time, spread so that many spokes do not come at once.
    private mutating func postpone(_ replica: WantedReplica, _ why: String, at now: UnixTime) throws {
        var replica = replica
        attempts[replica.sha256] = nil
        nextAttempt = .zero
        replica.state = .pending
        replica.text = why
        replica.attempts = min(replica.attempts, 1000) + 1
        let doublings = min(replica.attempts - 1, 10)
        let wait = min(SpokeLimits.firstRetry * (1 << Int(doublings)), SpokeLimits.lastRetry)
        let spread = Int64.random(in: 500...1000, using: &random)
        // A broken link is no fault of the package: the next attempt may start with the next link.
        replica.notBefore = hub == nil ? .zero : now + wait * Int(spread) / 1000
        try store.save(replica)
        sendState(of: replica)
    }

    mutating func sendState(of replica: WantedReplica) {
        guard let hub else { return }
        let held = replica.state == .verified ? replica.length : attempts[replica.sha256] ?? 0
        let message = Replica(
            path: replica.path, sha256: replica.sha256, state: replica.state, bytesHeld: held,
            text: replica.state == .transferring || replica.text.isEmpty ? nil : replica.text)
        supersede(.replica(replica.sha256))
        ask(hub, .replica(message), .replica(replica.sha256))
    }
}

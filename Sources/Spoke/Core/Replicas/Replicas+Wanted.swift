import Model
import Protocol

/// What the store says is to be here: compared with the pool at the start, and set by the hub.
extension Replicas {
    /// Compares what the store says with what the pool holds.
    func start(_ pool: PoolContents, _ missing: inout MissingPackages, _ turn: inout SpokeTurn) throws {
        let (now, store) = (turn.now, turn.store)
        // Put off while the clock was ahead.
        for var replica in try store.replicas() where replica.notBefore > now + SpokeLimits.longestWait {
            replica.notBefore = now
            try store.save(replica)
        }
        try pool.forgetLostPatches(turn)
        for var replica in try store.replicas() {
            if replica.isHeld(pool.held) {
                guard replica.state != .verified else { continue }
                // Published just before a cut: the bytes were checked, only the note is missing.
                replica.state = .verified
                replica.text = ""
            } else {
                if replica.state == .pending, !pool.isEveryPoolHere, replica.notBefore > now {
                    missing.add(replica.sha256)
                }
                guard replica.state == .verified || replica.state == .transferring else { continue }
                if replica.state == .verified, let absent = pool.absentPool {
                    try missing.miss(&replica, absent, turn)
                    continue
                }
                if replica.state == .verified {
                    try turn.log(
                        .error, .replicaCorrupt, of: replica,
                        "the pool no longer holds this package; it is fetched again")
                }
                replica.state = .pending
            }
            replica.notBefore = .zero
            try store.save(replica)
        }
    }

    /// The hub wants a package here. A repeated request changes nothing but the priority; it ends a
    /// wait. One for bytes that are wanted as another package already makes them both.
    func want(
        _ wanted: Replicate, _ link: LinkID, _ request: RequestID, _ pool: PoolContents, _ turn: inout SpokeTurn
    ) throws {
        try want(wanted, pool, &turn)
        turn.reply(link, request, .ok(OK()))
    }

    private func want(_ wanted: Replicate, _ pool: PoolContents, _ turn: inout SpokeTurn) throws {
        turn.note(.replicasChanged)
        guard var replica = try turn.store.replica(wanted.sha256) else {
            let replica = WantedReplica(
                path: wanted.path, sha256: wanted.sha256, length: wanted.length, priority: wanted.priority.rawValue)
            try turn.store.save(replica)
            return tell(replica, pool, &turn)
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
        if replica.state == .verified { turn.noteHoldings() }
        try turn.store.save(replica)
        tell(replica, as: wanted.path, pool, &turn)
    }
}

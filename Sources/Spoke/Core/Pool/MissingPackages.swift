import Model
import Storage

/// Packages that were in a pool whose disk is gone.
///
/// The disk may come back, and costs nothing then: they wait for it for a while. Keeps which
/// packages wait. Takes which packages arrive.
struct MissingPackages {
    private var missing: Set<SHA256Digest> = []

    func contains(_ sha256: SHA256Digest) -> Bool { missing.contains(sha256) }

    /// A package waited for its disk before this start already.
    mutating func add(_ sha256: SHA256Digest) { missing.insert(sha256) }

    /// A package was in a pool whose disk is gone.
    mutating func miss(_ replica: inout WantedReplica, _ pool: PoolChain.Standing, _ turn: SpokeTurn) throws {
        missing.insert(replica.sha256)
        replica.state = .pending
        replica.text =
            "pool \(pool.name) is unavailable: \(pool.problem ?? "its disk is gone"); the package is fetched again if that lasts "
            + "an hour, or an agent asks for it"
        replica.notBefore = turn.now + SpokeLimits.diskPatience
        try turn.store.save(replica)
    }

    /// An agent asks for a package that waits for a disk: it is fetched again.
    mutating func fetch(_ replica: WantedReplica, _ turn: inout SpokeTurn) throws {
        guard missing.remove(replica.sha256) != nil, replica.notBefore > .zero else { return }
        var replica = replica
        replica.notBefore = .zero
        turn.note(.replicasChanged)
        try turn.store.save(replica)
    }

    /// A pool's disk is gone, or is here again.
    mutating func poolsMoved(
        _ went: Set<SHA256Digest>, _ came: Set<SHA256Digest>, _ text: String, _ pool: inout PoolContents,
        _ replicas: Replicas, _ turn: inout SpokeTurn
    ) throws {
        pool.moved(went: went, came: came, &turn)
        turn.note(.replicasChanged)
        try turn.log(went.isEmpty ? .notice : .error, .poolAvailability, "pool", text)
        for var replica in try turn.store.replicas() where replicas.attempts[replica.sha256] == nil {
            if replica.isHeld(pool.held) {
                // Also one that was to go meanwhile: the hub says so again.
                guard replica.objects.contains(where: { came.contains($0) }), replica.state != .verified else {
                    continue
                }
                missing.remove(replica.sha256)
                replica.state = .verified
                replica.text = ""
                replica.attempts = 0
                replica.notBefore = .zero
                try turn.store.save(replica)
                replicas.tell(replica, pool, &turn)
            } else if replica.state == .verified, let absent = pool.absentPool {
                try miss(&replica, absent, turn)
                replicas.tell(replica, pool, &turn)
            }
        }
        if !came.isEmpty { turn.note(.roomMade) }
    }

    mutating func settle(_ turn: inout SpokeTurn) {
        missing.subtract(turn.take { if case .packageArrived(let sha256) = $0 { sha256 } else { nil } })
    }
}

import Model
import Protocol

/// How a package comes: what the hub is asked, what of its answer is believed, and what happens
/// when a plan fails.
///
/// Keeps for which replicas the hub makes something cheaper, and since when. Takes which attempts
/// have succeeded.
struct Plans {
    /// The means beside the published file that this spoke can use.
    private let accepts: [TransferMeans]
    /// Since when the hub makes something cheaper, for replicas that wait for it.
    private var patience: [SHA256Digest: UnixTime] = [:]

    init(accepts: [TransferMeans]) { self.accepts = accepts }

    mutating func settle(_ turn: inout SpokeTurn) {
        for sha256 in turn.take({ if case .attemptSucceeded(let sha256) = $0 { sha256 } else { nil } }) {
            patience[sha256] = nil
        }
    }

    /// The catalog names the package: it is here already, or the hub is asked how to fetch it, or
    /// the published file is fetched.
    func choose(
        _ replica: WantedReplica, _ pool: inout PoolContents, _ replicas: inout Replicas, _ turn: inout SpokeTurn
    ) throws {
        var replica = replica
        guard replicas.attempts[replica.sha256]?.isExtra == false else {
            return try replicas.begin(replica, .published, pool, &turn)
        }
        // The reason of the last failure stays, so that the same one is not logged again.
        replica.state = .transferring
        try turn.store.save(replica)
        if replica.isHeld(pool.held) {
            return try replicas.isHere(replica, pool.holds(replica.sha256) ? .published : .content, &pool, &turn)
        }
        let accepted = try means(for: replica, pool, turn)
        guard let hub = turn.hub, !accepted.isEmpty else {
            return try replicas.begin(replica, .published, pool, &turn)
        }
        let bases = accepted.contains(where: \.needsBase) ? try Self.bases(for: replica, pool, turn).map(\.sha256) : []
        replicas.tell(replica, pool, &turn)
        turn.tell(
            hub,
            .fetchPlan(
                FetchPlan(
                    path: replica.path, sha256: replica.sha256, length: replica.length, bases: bases, accepts: accepted)
            ),
            .plan(replica.sha256))
    }

    /// The means that are of use for a replica beside its published file.
    private func means(
        for replica: WantedReplica, _ pool: PoolContents, _ turn: SpokeTurn
    ) throws -> [TransferMeans] {
        guard !replica.isPlain, replica.content != nil else { return [] }
        var means: [TransferMeans] = []
        if accepts.contains(.content), replica.packed != nil { means.append(.content) }
        if try !Self.bases(for: replica, pool, turn).isEmpty, try turn.store.patches().count < SpokeLimits.patches {
            means += TransferMeans.fromBase.filter { accepts.contains($0) }
        }
        return means
    }

    private static func bases(
        for replica: WantedReplica, _ pool: PoolContents, _ turn: SpokeTurn
    ) throws -> [PackageContent] {
        Array(
            ContentKeeping.bases(for: replica, among: try turn.store.replicas(), held: pool.held)
                .prefix(FetchPlan.limit))
    }

    /// The hub's answer.
    mutating func answered(
        _ sha256: SHA256Digest, _ message: Message, _ pool: PoolContents, _ replicas: inout Replicas,
        _ turn: inout SpokeTurn
    ) throws {
        guard var replica = try turn.store.replica(sha256), replicas.attempts[sha256] != nil else { return }
        switch message {
        case .plan(let plan):
            patience[sha256] = nil
            let judgement = TransferPlan.judge(
                plan, for: replica, bases: try Self.bases(for: replica, pool, turn),
                accepts: try means(for: replica, pool, turn))
            switch judgement {
            case .accepted(let plan): try replicas.begin(replica, plan, pool, &turn)
            case .refused(let why):
                try turn.log(
                    .error, .replicaFailed, of: replica,
                    "the hub's plan was refused: \(why); the published file is fetched")
                replica.isPlain = true
                try turn.store.save(replica)
                try replicas.begin(replica, .published, pool, &turn)
            }
        case .error(let error) where error.code == .busy:
            let since = patience[sha256] ?? turn.now
            patience[sha256] = since
            // A clock that was set back begins to wait anew, and no longer.
            guard turn.now >= since, turn.now - since < SpokeLimits.planPatience else {
                patience[sha256] = nil
                return try replicas.begin(replica, .published, pool, &turn)
            }
            // It comes again when the hub said; no failure of anything.
            replica.text = "waiting for the hub: \(error.text)"
            let wait = error.retryAfter ?? SpokeLimits.firstRetry
            replica = try replicas.setAside(replica, until: turn.now + min(wait, SpokeLimits.planWait), &turn)
            replicas.tell(replica, pool, &turn)
        default:
            // An older hub knows no plans, and whatever else it has to say is said again about the
            // file.
            patience[sha256] = nil
            try replicas.begin(replica, .published, pool, &turn)
        }
    }

    /// No answer came: a hub that is there and says nothing is treated as an older one.
    func unanswered(
        _ sha256: SHA256Digest, isLinkOpen: Bool, _ pool: PoolContents, _ replicas: inout Replicas,
        _ turn: inout SpokeTurn
    ) throws {
        guard let replica = try turn.store.replica(sha256), replicas.attempts[sha256] != nil else { return }
        if isLinkOpen {
            try replicas.begin(replica, .published, pool, &turn)
        } else {
            // The next attempt may start with the next link.
            try replicas.setAside(replica, until: .zero, &turn)
        }
    }
}

import Model
import Protocol

/// What the hub's plan takes from the pool.
///
/// A package counts as gone at once: nobody is served with it any more. Keeps the evictions under
/// way and who waits for their ends.
struct Evictions {
    private struct Eviction {
        let link: LinkID
        let request: RequestID
        /// What the replica was.
        let before: ReplicaState
    }

    private var evictions: [SHA256Digest: Eviction] = [:]

    /// The hub says that a package goes. Bytes that another package is as well stay.
    mutating func evict(
        _ message: Evict, _ link: LinkID, _ request: RequestID, _ pool: PoolContents, _ replicas: Replicas,
        _ turn: inout SpokeTurn
    ) throws {
        guard var replica = try turn.store.replica(message.sha256), replica.state != .evicted else {
            return evictions[message.sha256] == nil
                ? turn.reply(link, request, .ok(OK()))
                : turn.refuse(link, request, .busy, "the package is being removed", retryAfter: 5)
        }
        guard replica.paths == [message.path] else {
            if replica.names(message.path), replica.remove(message.path) {
                try turn.store.save(replica)
                turn.noteHoldings()
                let gone = Replica(
                    path: message.path, sha256: message.sha256, state: .evicted, bytesHeld: 0, text: message.text)
                turn.tell(link, .replica(gone), .replica(message.path, message.sha256))
            }
            return turn.reply(link, request, .ok(OK()))
        }
        guard replicas.attempts[replica.sha256] == nil else {
            return turn.refuse(link, request, .busy, "the package is in transfer", retryAfter: 15)
        }
        let before = replica.state
        replica.state = .evicted
        replica.text = message.text
        try turn.store.save(replica)
        // Also for one that is not here yet: what a transfer left goes when room is needed.
        guard before == .verified || before == .corrupt else {
            replicas.tell(replica, pool, &turn)
            return turn.reply(link, request, .ok(OK()))
        }
        evictions[replica.sha256] = Eviction(link: link, request: request, before: before)
        let content = try (replica.packed?.sha256 ?? message.content).flatMap { object in
            try Self.isShared(object, by: replica.sha256, turn) ? nil : object
        }
        guard try Self.isShared(replica.sha256, by: replica.sha256, turn) else {
            return turn.effect(.prune(replica.sha256, content: content))
        }
        // The file is what is inside another package, which stays.
        if let content { turn.effect(.evict([content])) }
        try ended(replica.sha256, nil, pool, replicas, &turn)
    }

    /// Whether another package may be held as this object too.
    private static func isShared(_ object: SHA256Digest, by sha256: SHA256Digest, _ turn: SpokeTurn) throws -> Bool {
        try turn.store.replicas(heldAs: object).contains { $0.sha256 != sha256 && $0.state != .evicted }
    }

    /// The package is gone, or why it is not.
    mutating func ended(
        _ sha256: SHA256Digest, _ refusal: String?, _ pool: PoolContents, _ replicas: Replicas,
        _ turn: inout SpokeTurn
    ) throws {
        guard let eviction = evictions.removeValue(forKey: sha256), var replica = try turn.store.replica(sha256) else {
            return
        }
        if let refusal {
            // Asked for again meanwhile, it is what it was as well, unless an attempt is on its way
            // that will find it.
            if replicas.attempts[sha256] == nil {
                replica.state = eviction.before
                replica.text = ""
                try turn.store.save(replica)
                replicas.tell(replica, pool, &turn)
            }
            return turn.refuse(eviction.link, eviction.request, .busy, refusal, retryAfter: 30)
        }
        try turn.log(.info, .replicaEvicted, of: replica, "the package has left the pool: \(replica.text)")
        replicas.tell(replica, pool, &turn)
        turn.reply(eviction.link, eviction.request, .ok(OK()))
        turn.note(.roomMade)
    }
}

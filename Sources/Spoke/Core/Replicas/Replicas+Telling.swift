import Model
import Protocol
import Storage

/// What the hub is told of replicas.
extension Replicas {
    /// Tells the hub how far a replica is, as one of the packages that it is or as each of them.
    func tell(
        _ replica: WantedReplica, as path: TargetPath? = nil, saying note: String? = nil,
        lacking: ByteCount = .zero, in lackingPool: NodeName? = nil, _ pool: PoolContents, _ turn: inout SpokeTurn
    ) {
        guard turn.hub != nil else { return }
        let isVerified = replica.state == .verified
        let place = isVerified ? pool.place(of: replica) : nil
        for path in path.map({ [$0] }) ?? replica.paths {
            let message = Replica(
                path: path, sha256: replica.sha256, state: replica.state,
                bytesHeld: isVerified ? replica.length : attempts[replica.sha256]?.held ?? 0,
                text: note ?? (replica.state == .transferring || replica.text.isEmpty ? nil : replica.text),
                lacking: lacking > .zero ? lacking.bytes : nil, pool: isVerified ? place?.pool : lackingPool,
                reason: place?.reason)
            turn.tellHub(.replica(message), .replica(path, replica.sha256))
        }
    }

    /// Shows the newest order and then tells every replica, which the hub compares with what it
    /// knows.
    func tellAll(_ pool: PoolContents, _ turn: inout SpokeTurn) throws {
        let replicas = try turn.store.replicas()
        try Self.showNewestOrder(before: replicas.reduce(0) { $0 + $1.paths.count }, &turn)
        for replica in replicas { tell(replica, pool, &turn) }
    }

    /// Tells again what peers could not take, a bounded number at a time.
    func retell(_ pool: PoolContents, _ turn: inout SpokeTurn) throws {
        while let (errand, state) = turn.requests.nextUntold(at: turn.now) {
            if errand == .newestOrder {
                // The hub counts the replicas that are told after it.
                try tellAll(pool, &turn)
            } else {
                turn.ask(state.link, state.message, errand, failures: state.failures)
            }
        }
    }

    /// Shows the hub the order that it gave last; by its own signature the hub sees whether one of
    /// the two was put back to an earlier time. Without bytes it says that there is none. With it
    /// goes how many replicas are said next, so that the hub notices one that is known no more.
    private static func showNewestOrder(before replicas: Int, _ turn: inout SpokeTurn) throws {
        guard turn.hub != nil else { return }
        let none = (agent: NodeID(high: 0, low: 0), action: ActionID(high: 0, low: 0))
        let signed = try turn.store.setting(.newestOrder) ?? []
        turn.tellHub(
            .order(
                OrderMessage(
                    agent: none.agent, action: none.action, kind: 0, expires: .zero, signed: signed,
                    replicas: UInt64(replicas))),
            .newestOrder)
    }
}

import Model
import Protocol
import Storage

/// What comes back to the pools after it was pruned: what the plan wants again.
///
/// It keeps whether there is anything to look at. It takes `prunesDue` and `roomier`, and notes
/// `stays` and `spokeNeedsDelivery`.
struct Retention: HubPart {
    /// Something changed that may bring back what was pruned.
    private var isDue = true

    /// Sets how many releases of each line pools keep.
    static func set(_ releases: Int, _ turn: inout HubTurn) throws -> HubAnswer {
        guard (1...HubLimits.retention).contains(releases) else {
            throw HubRefusal.invalid("a pool keeps 1 to \(HubLimits.retention) releases of each line")
        }
        try turn.store.setSetting(.retention, String(releases))
        try turn.log(
            .notice, .retentionSet, "", "pools keep the newest \(releases) releases of each line of a product")
        turn.note(.prunesDue)
        return .retention(releases)
    }

    // MARK: - Coming back

    /// What was pruned and is wanted again by a rollout, a pin or the retention is fetched again;
    /// by a spoke only where the hub has it or fetches it too.
    mutating func settle(_ turn: inout HubTurn) throws {
        let changes = turn.take { change in
            if case .prunesDue = change { true } else { nil }
        }
        let roomier = Set(
            turn.take { change in
                if case .roomier(let spoke) = change { spoke } else { nil }
            })
        let isDue = isDue || !changes.isEmpty
        guard isDue || !roomier.isEmpty else { return }
        let nodes = isDue ? try turn.store.prunedNodes() : roomier.sorted()
        self.isDue = false
        let hub = turn.configuration.hub
        // The hub's own first: what it lets go of it cannot send.
        for node in nodes.sorted(by: { $0 == hub && $1 != hub }) {
            let isHub = node == hub
            var packages: [Package] = []
            let prunes = try turn.store.prunes(at: node)
            for prune in prunes {
                guard let record = try turn.store.package(prune.path), record.package.sha256 == prune.digest else {
                    // The catalog has another package there now.
                    try turn.store.removePrune(node: node, path: prune.path)
                    continue
                }
                // What the catalog no longer names cannot come back; that it was to go is still to
                // be done.
                if record.state != .retired { packages.append(record.package) }
            }
            let plan = try turn.queries.prunePlan(of: node, isHub: isHub, more: packages)
            let reasons = Dictionary(plan.kept.map { ($0.digest, $0.reason) }) { first, _ in first }
            var room = try Self.freeRoom(at: node, turn)
            for package in packages {
                guard let reason = reasons[package.sha256] else { continue }
                // What nothing but the retention wants comes back only where there is room for it:
                // it may have made way for a rollout.
                if reason.isRule, let free = room {
                    guard ByteCount(package.length) <= free else { continue }
                    room = free - ByteCount(package.length)
                }
                if !isHub, try turn.store.prune(node: hub, path: package.path)?.digest == package.sha256 { continue }
                try turn.store.removePrune(node: node, path: package.path)
                // It need not go first if it has not gone yet.
                if isHub { turn.note(.stays(package.sha256)) }
                guard !isHub, var replica = try turn.store.replica(spoke: node, path: package.path) else { continue }
                replica.state = .pending
                replica.isAcknowledged = false
                replica.text = nil
                replica.forgetWay()
                replica.changed = turn.now
                try turn.store.putReplica(replica)
                turn.note(.spokeNeedsDelivery(node))
            }
        }
    }

    func nextDue(_ turn: HubTurn) throws -> UnixTime? { nil }

    func invariantViolation(_ store: any HubStore, _ configuration: HubConfiguration) throws -> String? { nil }

    /// Bytes that are free in a node's pools when all has come that is wanted there; nil where it
    /// has not said.
    private static func freeRoom(at node: NodeID, _ turn: HubTurn) throws -> ByteCount? {
        let pools = try turn.store.pools(of: node).filter { $0.name != turn.configuration.patchPoolName }
        guard !pools.isEmpty else { return nil }
        let free = pools.reduce(ByteCount.zero) { $0 + ($1.quota - $1.used - $1.reserved) }
        guard node != turn.configuration.hub else {
            let coming = try turn.store.packages(in: .downloading).reduce(ByteCount.zero) {
                $0 + ByteCount($1.package.length)
            }
            return free - coming
        }
        var coming = ByteCount.zero
        for replica in try turn.store.replicas(at: node) where replica.state != .verified && replica.state != .evicted {
            if let package = try turn.store.package(replica.path)?.package {
                coming = coming + ByteCount(package.length)
            }
        }
        return free - coming
    }
}

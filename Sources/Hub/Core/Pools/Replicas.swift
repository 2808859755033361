import Model
import Protocol
import Rollout
import Trust

/// Replication: every imported package to every spoke; what a spoke holds is what it says on each
/// connection.
///
/// It keeps what spokes are saying that they know. It notes `spokeNeedsDelivery`.
struct Replicas {
    /// What each connected spoke is saying that it knows; nothing before and after.
    private var inventories: [NodeID: ReplicaInventory] = [:]
    /// How often each spoke is sent again what it has lost.
    private var restorations = PeerAllowance<NodeID>(HubLimits.restorations)

    /// A spoke's session is over, or a new one begins.
    mutating func ended(_ spoke: NodeID) { inventories[spoke] = nil }

    /// A spoke has connected and shows the newest order that it was given, without bytes when it
    /// holds none; then it says its replicas.
    ///
    /// One below what it acknowledged before means that the spoke itself was restored: what it may
    /// have lost is sent again.
    mutating func orderShown(
        _ message: OrderMessage, _ id: NodeID, _ link: LinkID, _ request: RequestID, _ turn: inout HubTurn
    ) throws {
        let signed = message.signed
        guard var spoke = try turn.store.spoke(id) else {
            return turn.refuse(link, request, .refused, "not a spoke of this hub")
        }
        var shown: OrderSequence?
        if !signed.isEmpty {
            shown = try Recovery.noticeOrder(signed, shownBy: "spoke/\(spoke.name)", &turn)
            guard shown != nil else {
                return turn.refuse(link, request, .refused, "this hub has not signed that order")
            }
        }
        guard let kept = spoke.lastOrder, shown.map({ $0 < kept }) ?? true else {
            turn.reply(link, request, .ok(OK()))
            guard let count = message.replicas, count <= HubLimits.inventory else { return }
            let inventory = ReplicaInventory(count: count, acknowledged: try turn.store.replicas(at: id))
            inventories[id] = inventory
            return try compareInventory(of: id, &turn)
        }
        guard restorations.take(id, at: turn.now) else {
            return turn.refuse(
                link, request, .busy,
                "this spoke has lost its orders too often; it is sent them again four times an hour",
                retryAfter: 900)
        }
        turn.reply(link, request, .ok(OK()))
        spoke.lastOrder = shown
        try turn.store.updateSpoke(spoke)
        // Which packages it was asked to hold it may have forgotten too; what it does hold it says
        // next.
        for var replica in try turn.store.replicas(at: id) {
            (replica.isAcknowledged, replica.state) = (false, .pending)
            try turn.store.putReplica(replica)
        }
        turn.note(.spokeNeedsDelivery(id))
        let count = try Recovery.orderAgain(at: id, &turn)
        try Alarms.alarm(id, .spokeRestored, "spoke \(spoke.name) was restored from a backup", &turn)
        try turn.log(
            .warning, .spokeRestored, "spoke/\(spoke.name)",
            "\(spoke.name) was restored from a backup: it had order \(kept) and does not know it any more; "
                + "\(count) open orders are sent again")
    }

    /// Requests again what a spoke has been asked to hold and does not know any more, once it has
    /// said all that it knows: its state was put back to an earlier time.
    private mutating func compareInventory(of id: NodeID, _ turn: inout HubTurn) throws {
        guard let inventory = inventories[id], inventory.isComplete else { return }
        inventories[id] = nil
        let lost = inventory.forgotten(of: try turn.store.replicas(at: id))
        guard !lost.isEmpty, let spoke = try turn.store.spoke(id) else { return }
        guard restorations.take(id, at: turn.now) else {
            return try turn.log(
                .warning, .spokeRestored, "spoke/\(spoke.name)",
                "\(spoke.name) does not know \(lost.count) packages that it was asked to hold, and has said so too often; it is "
                    + "asked again when it connects after a while")
        }
        for var replica in lost {
            (replica.isAcknowledged, replica.state, replica.bytesHeld, replica.text) = (false, .pending, 0, nil)
            replica.forgetWay()
            replica.changed = turn.now
            try turn.store.putReplica(replica)
        }
        turn.note(.spokeNeedsDelivery(id))
        try Alarms.alarm(id, .spokeRestored, "spoke \(spoke.name) was restored from a backup", &turn)
        try turn.log(
            .warning, .spokeRestored, "spoke/\(spoke.name)",
            "\(spoke.name) was restored from a backup: it does not know \(lost.count) packages any more that it was asked "
                + "to hold; it is asked again")
    }

    // MARK: - Requests

    /// Asks every spoke to hold a newly imported package.
    static func request(of package: Package, _ turn: inout HubTurn) throws {
        for spoke in try turn.store.spokes() where spoke.revoked == nil { try request(package, at: spoke.id, &turn) }
    }

    /// Asks one spoke to hold every imported package.
    static func request(at spoke: NodeID, _ turn: inout HubTurn) throws {
        for record in try turn.store.packages(in: .imported) { try request(record.package, at: spoke, &turn) }
    }

    private static func request(_ package: Package, at spoke: NodeID, _ turn: inout HubTurn) throws {
        let known = try turn.store.replica(spoke: spoke, path: package.path)
        guard known?.digest != package.sha256 else { return }
        try turn.store.putReplica(
            ReplicaRecord(spoke: spoke, path: package.path, digest: package.sha256, changed: turn.now))
        turn.note(.spokeNeedsDelivery(spoke))
    }

    /// Sends the requests that the spoke has not stored yet.
    static func send(to delivery: SpokeDelivery, _ turn: inout HubTurn) throws {
        var sent = 0
        var last: TargetPath?
        while sent < HubLimits.inFlight {
            let requests = try turn.store.unacknowledgedReplicas(
                at: delivery.spoke, after: last, limit: HubLimits.inFlight)
            for replica in requests {
                last = replica.path
                if try send(replica, to: delivery, &turn) { sent += 1 }
            }
            guard requests.count == HubLimits.inFlight else { return }
        }
    }

    /// Sends one request; false if there is nothing to send, or not yet.
    private static func send(
        _ replica: ReplicaRecord, to delivery: SpokeDelivery, _ turn: inout HubTurn
    ) throws -> Bool {
        let spoke = delivery.spoke
        guard !delivery.isHeld(.replicate(replica.path)) else { return false }
        guard let record = try turn.store.package(replica.path), record.package.sha256 == replica.digest else {
            try turn.store.removeReplica(spoke: spoke, path: replica.path)
            turn.note(.spokeNeedsDelivery(spoke))
            return false
        }
        let isUrgent = record.package.metadata.severity == .hotfix
        let message = Replicate(
            path: replica.path, sha256: replica.digest, length: record.package.length,
            priority: isUrgent ? .urgent : .normal)
        turn.ask(spoke, .replicate(message), .replicate(replica.path))
        return true
    }

    /// A spoke has taken a request, or refused it.
    static func answered(
        _ path: TargetPath, _ spoke: NodeID, _ error: ErrorReply?, _ turn: inout HubTurn
    ) throws {
        guard var replica = try turn.store.replica(spoke: spoke, path: path) else { return }
        if let error {
            // The request stays and is made again later.
            replica.text = error.text
            try turn.log(.warning, .replicaFailed, "package/\(path)", "the spoke refused to hold it: \(error.text)")
            turn.hold(spoke, .replicate(path), until: turn.now + HubLimits.roomRetry)
        } else {
            replica.isAcknowledged = true
        }
        try turn.store.putReplica(replica)
    }

    /// A spoke says how a replica is.
    mutating func reported(
        _ message: Replica, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, _ turn: inout HubTurn
    ) throws {
        turn.reply(link, request, .ok(OK()))
        let known = try turn.store.replica(spoke: spoke, path: message.path)
        if inventories[spoke] != nil {
            let item = ReplicaInventory.Item(path: message.path, digest: message.sha256)
            inventories[spoke]?.said(item, isWished: known?.digest == message.sha256)
            try compareInventory(of: spoke, &turn)
        }
        guard var replica = try turn.store.replica(spoke: spoke, path: message.path), replica.digest == message.sha256
        else {
            return
        }
        if try Pruning.isPruned(message, at: spoke, &turn) { return }
        let before = replica.state
        replica.state = message.state
        replica.bytesHeld = Int64(clamping: message.bytesHeld)
        replica.text = message.text.map { Event.singleLine($0, limit: 512) }
        replica.changed = turn.now
        if before == .verified, message.state != .verified {
            replica.forgetWay()
        }
        replica.lacking = message.state == .pending ? message.lacking.map { ByteCount($0) } : nil
        // What was dropped is requested again as long as the catalog names it.
        if message.state == .evicted, before != .evicted { replica.isAcknowledged = false }
        try turn.store.putReplica(replica)
        try Places.note(message, at: spoke, &turn)
        if message.state == .evicted { turn.note(.spokeNeedsDelivery(spoke)) }
        if let lacking = message.lacking, message.state == .pending || message.state == .verified,
            let package = try turn.store.package(message.path)?.package
        {
            // A verified one lacks the room for its content, which may go into any pool.
            let isHere = message.state == .verified
            try Pruning.makeRoom(
                ByteCount(lacking), in: isHere ? nil : message.pool, for: package, at: spoke, isHere: isHere, &turn)
        }
        guard message.state == .verified, before != .verified else { return }
        try Actions.dispatch(to: spoke, message.path, &turn)
        // Orders of before that waited for it.
        turn.note(.spokeNeedsDelivery(spoke))
    }
}

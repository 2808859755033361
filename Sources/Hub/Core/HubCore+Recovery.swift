import Model
import Protocol
import Rollout
import TLS
import Trust

/// Going on after a backup was put back, of the hub or of a spoke, and after reports were lost.
///
/// Nobody is believed about what the hub has forgotten: an agent or a spoke shows an order, and the hub's own signature on it is the proof.
extension HubCore {
    /// Looks at an order that somebody was given; one above the hub's own sequence was signed in a future that the hub has lost.
    ///
    /// Then a new epoch begins, above everything that was ever signed, and what is still open is ordered again under it. Throws `RecordError` when the
    /// order is not the hub's.
    @discardableResult
    mutating func noticeOrder(_ signed: [UInt8], shownBy subject: String, at now: UnixTime) throws -> OrderSequence? {
        let order: Order
        do {
            order = try Order.open(signed, keys: [cryptography.orderKey], verifier: cryptography.verifier)
            guard order.fleet == configuration.fleet else { throw RecordError.malformed("order: of another fleet") }
        } catch let error as RecordError {
            try log(
                .error, .attackSeen, subject, "an order was shown that this hub has not signed: \(error)",
                at: now)
            return nil
        }
        let own = try store.currentSequence()
        guard order.sequence > own else { return order.sequence }
        guard order.sequence.epoch < UInt64(Int64.max) else { return order.sequence }
        let epoch = order.sequence.epoch + 1
        try store.setEpoch(epoch)
        // The next revocation list is above every list of the lost future, so that spokes take it; until then they keep the later one that they have.
        let lists = UInt64(try store.setting(.revocationNumber) ?? "") ?? 0
        try store.setSetting(.revocationNumber, "\(max(lists, min(epoch, 1 << 30) << 32))")
        try numberAnchors(above: min(epoch, 1 << 30) << 32, at: now)
        if var catalog = try store.catalog() {
            // What was published since the backup is not known here.
            catalog.nextRefresh = now
            try store.setCatalog(catalog)
        }
        let count = try orderAgain(at: now)
        try alarm(
            configuration.hub, .hubRestored,
            "the hub was restored from a backup: what was revoked, joined or rolled out since it must be made again",
            at: now)
        try log(
            .warning, .hubRestored, subject,
            "this hub was restored from a backup: order \(order.sequence) is known there and \(own) was the last one here; "
                + "epoch \(epoch) begins and \(count) open orders are sent again; revocations, joins and rollouts made "
                + "since the backup must be made again", at: now)
        return order.sequence
    }

    /// A spoke has connected and shows the newest order that it was given, without bytes when it holds none; then it says its replicas.
    ///
    /// One below what it acknowledged before means that the spoke itself was restored: what it may have lost is sent again.
    mutating func spokeShowsOrder(
        _ message: OrderMessage, _ id: NodeID, _ link: LinkID, _ request: RequestID, at now: UnixTime
    ) throws {
        let signed = message.signed
        guard var spoke = try store.spoke(id) else { return refuse(link, request, .refused, "not a spoke of this hub") }
        var shown: OrderSequence?
        if !signed.isEmpty {
            shown = try noticeOrder(signed, shownBy: "spoke/\(spoke.name)", at: now)
            guard shown != nil else { return refuse(link, request, .refused, "this hub has not signed that order") }
        }
        guard let kept = spoke.lastOrder, shown.map({ $0 < kept }) ?? true else {
            reply(link, request, .ok(OK()))
            guard let count = message.replicas, count <= HubLimits.inventory else { return }
            let inventory = ReplicaInventory(count: count, acknowledged: try store.replicas(at: id))
            links[link]?.inventory = inventory
            return try compareInventory(of: id, link, at: now)
        }
        guard restorationAllowance.take(id, at: now) else {
            return refuse(
                link, request, .busy,
                "this spoke has lost its orders too often; it is sent them again four times an hour",
                retryAfter: 900)
        }
        reply(link, request, .ok(OK()))
        spoke.lastOrder = shown
        try store.updateSpoke(spoke)
        // Which packages it was asked to hold it may have forgotten too; what it does hold it says next.
        for var replica in try store.replicas(at: id) {
            (replica.isAcknowledged, replica.state) = (false, .pending)
            try store.putReplica(replica)
        }
        dirtySpokes.insert(id)
        let count = try orderAgain(at: id, at: now)
        try alarm(id, .spokeRestored, "spoke \(spoke.name) was restored from a backup", at: now)
        try log(
            .warning, .spokeRestored, "spoke/\(spoke.name)",
            "\(spoke.name) was restored from a backup: it had order \(kept) and does not know it any more; "
                + "\(count) open orders are sent again", at: now)
    }

    /// Wishes again what a spoke has been asked to hold and does not know any more, once it has said all that it knows: its state was put back to an
    /// earlier time.
    mutating func compareInventory(of id: NodeID, _ link: LinkID, at now: UnixTime) throws {
        guard let inventory = links[link]?.inventory, inventory.isComplete else { return }
        links[link]?.inventory = nil
        let lost = inventory.forgotten(of: try store.replicas(at: id))
        guard !lost.isEmpty, let spoke = try store.spoke(id) else { return }
        guard restorationAllowance.take(id, at: now) else {
            return try log(
                .warning, .spokeRestored, "spoke/\(spoke.name)",
                "\(spoke.name) does not know \(lost.count) packages that it was asked to hold, and has said so too often; it is "
                    + "asked again when it connects after a while", at: now)
        }
        for var replica in lost {
            (replica.isAcknowledged, replica.state, replica.bytesHeld, replica.text) = (false, .pending, 0, nil)
            replica.forgetWay()
            replica.changed = now
            try store.putReplica(replica)
        }
        dirtySpokes.insert(id)
        try alarm(id, .spokeRestored, "spoke \(spoke.name) was restored from a backup", at: now)
        try log(
            .warning, .spokeRestored, "spoke/\(spoke.name)",
            "\(spoke.name) was restored from a backup: it does not know \(lost.count) packages any more that it was asked "
                + "to hold; it is asked again", at: now)
    }

    /// An agent refused an order because it had obeyed a later one: what it was given before that and has not begun is ordered again.
    mutating func agentShowsOrder(_ shown: OrderSequence, _ client: ClientEntry, at now: UnixTime) throws {
        // A new epoch has ordered everything again already.
        guard try shown.epoch == store.currentSequence().epoch else { return }
        for var action in try store.actions(of: client.id, limit: HubLimits.explainingActions) {
            guard action.state == .pending || action.state == .offered || action.state == .cancelling,
                let number = action.sequence, UInt64(clamping: number) < shown.number
            else { continue }
            try orderAgain(&action, at: now)
        }
    }

    /// The rollouts whose orders are sent again.
    private static let orderedAgain: [RolloutState] = [.running, .paused, .stopping, .failed]

    /// Signs new orders for all that is ordered and not over; gives how many.
    private mutating func orderAgain(at now: UnixTime) throws -> Int {
        var count = 0
        for rollout in try store.rollouts(in: Self.orderedAgain) {
            for var action in try store.actions(of: rollout.id) {
                if try orderAgainIfOpen(&action, at: now) { count += 1 }
            }
        }
        return count
    }

    /// The same at one spoke, by a look at its own clients alone: a spoke may be restored often.
    private mutating func orderAgain(at spoke: NodeID, at now: UnixTime) throws -> Int {
        let rollouts = Set(try store.rollouts(in: Self.orderedAgain).map(\.id))
        guard !rollouts.isEmpty else { return 0 }
        var count = 0
        for client in try store.clients(of: spoke) {
            // Oldest first, so that a later order stays the later one.
            for var action in try store.actions(of: client.id, limit: .max).reversed()
            where rollouts.contains(action.rollout) {
                if try orderAgainIfOpen(&action, at: now) { count += 1 }
            }
        }
        return count
    }

    private mutating func orderAgainIfOpen(_ action: inout ActionRecord, at now: UnixTime) throws -> Bool {
        guard action.sequence != nil, !action.state.isFinal, action.state != .uncertain else { return false }
        try orderAgain(&action, at: now)
        return true
    }

    private mutating func orderAgain(_ action: inout ActionRecord, at now: UnixTime) throws {
        try store.removeOrders(of: action.id)
        if action.state == .cancelling {
            try orderCancel(&action, at: now)
        } else {
            try orderInstall(&action, at: now)
        }
    }

    /// Asks an agent to begin a new incarnation and to say everything again; at most once in `HubLimits.askAnewInterval`.
    mutating func askAnew(_ client: ClientEntry, _ ledger: inout ReportLedger, at now: UnixTime) throws {
        if let asked = ledger.askedAnew, now >= asked, now - asked < HubLimits.askAnewInterval { return }
        ledger.askedAnew = now
        try sendAlone(.reportAnew, ActionID.random(using: &random), to: client, at: now)
    }

    /// Calls off an action that this hub does not know although it has signed its order, in a future that it has lost; false for any other.
    mutating func callOff(
        _ action: ActionID, _ state: ActionState, _ report: Report, _ client: ClientEntry, at now: UnixTime
    ) throws -> Bool {
        guard let sequence = report.orderSequence, try sequence.epoch < store.currentSequence().epoch else {
            return false
        }
        try log(
            .notice, .actionChanged, "client/\(client.name)",
            "\(client.name) reports \(state.name) of action \(action), which was ordered before this hub was restored",
            at: now)
        let isBegun = state.isChanging || state == .cancelling
        if !state.isFinal, !isBegun, callOffAllowance.take(client.id, at: now) {
            try sendAlone(.cancel, action, to: client, at: now)
        }
        return true
    }

    /// Sends an order that belongs to no action of a rollout.
    private mutating func sendAlone(
        _ kind: OrderKind, _ action: ActionID, to client: ClientEntry, at now: UnixTime
    ) throws {
        let order = Order(
            agent: client.id, kind: kind, action: action, rollout: RolloutID.random(using: &random),
            fleet: configuration.fleet, target: nil, sequence: try store.nextSequence(), issued: now,
            expires: now + HubLimits.offlineHorizon)
        try store.insertOrder(
            OrderRecord(
                number: Int64(clamping: order.sequence.number), action: action, client: client.id, spoke: client.spoke,
                kind: kind.rawValue, expires: order.expires, signed: try order.signed(by: cryptography.orderSigner)))
        dirtySpokes.insert(client.spoke)
    }
}

import Model
import Protocol
import Rollout
import TLS
import Trust

/// Going on after a backup was put back, of the hub or of a spoke, and after reports were lost.
///
/// Nobody is believed about what the hub has forgotten: an agent or a spoke shows an order, and the
/// hub's own signature on it is the proof.
enum Recovery {
    /// Looks at an order that somebody was given; one above the hub's own sequence was signed in a
    /// future that the hub has lost.
    ///
    /// Then a new epoch begins, above everything that was ever signed, and what is still open is
    /// ordered again under it. Throws `RecordError` when the order is not the hub's.
    @discardableResult
    static func noticeOrder(_ signed: [UInt8], shownBy subject: String, _ turn: inout HubTurn) throws -> OrderSequence?
    {
        let order: Order
        do {
            order = try Order.open(signed, keys: [turn.cryptography.orderKey], verifier: turn.cryptography.verifier)
            guard order.fleet == turn.configuration.fleet else {
                throw RecordError.malformed("order: of another fleet")
            }
        } catch let error as RecordError {
            try turn.log(
                .error, .attackSeen, subject, "an order was shown that this hub has not signed: \(error)")
            return nil
        }
        let own = try turn.store.currentSequence()
        guard order.sequence > own else { return order.sequence }
        guard order.sequence.epoch < UInt64(Int64.max) else { return order.sequence }
        let epoch = order.sequence.epoch + 1
        try turn.store.setEpoch(epoch)
        // The next revocation list is above every list of the lost future, so that spokes take it;
        // until then they keep the later one that they have.
        let lists = UInt64(try turn.store.setting(.revocationNumber) ?? "") ?? 0
        try turn.store.setSetting(.revocationNumber, "\(max(lists, min(epoch, 1 << 30) << 32))")
        try Authorities.numberAnchors(above: min(epoch, 1 << 30) << 32, &turn)
        if var catalog = try turn.store.catalog() {
            // What was published since the backup is not known here.
            catalog.nextRefresh = turn.now
            try turn.store.setCatalog(catalog)
        }
        let count = try orderAgain(&turn)
        try Alarms.alarm(
            turn.configuration.hub, .hubRestored,
            "the hub was restored from a backup: what was revoked, joined or rolled out since it must be made again",
            &turn)
        try turn.log(
            .warning, .hubRestored, subject,
            "this hub was restored from a backup: order \(order.sequence) is known there and \(own) was the last one here; "
                + "epoch \(epoch) begins and \(count) open orders are sent again; revocations, joins and rollouts made "
                + "since the backup must be made again")
        return order.sequence
    }

    /// An agent refused an order because it had obeyed a later one: what it was given before that
    /// and has not begun is ordered again.
    static func agentShowsOrder(_ shown: OrderSequence, _ client: ClientEntry, _ turn: inout HubTurn) throws {
        // A new epoch has ordered everything again already.
        guard try shown.epoch == turn.store.currentSequence().epoch else { return }
        for var action in try turn.store.actions(of: client.id, limit: HubLimits.explainingActions) {
            guard action.state == .pending || action.state == .offered || action.state == .cancelling,
                let number = action.sequence, UInt64(clamping: number) < shown.number
            else { continue }
            try orderAgain(&action, &turn)
        }
    }

    /// Signs new orders for all that is ordered and not over; gives how many.
    private static func orderAgain(_ turn: inout HubTurn) throws -> Int {
        var count = 0
        for rollout in try turn.store.rollouts(in: RolloutState.all(where: \.hasOrders)) {
            for var action in try turn.store.actions(of: rollout.id) {
                if try orderAgainIfOpen(&action, &turn) { count += 1 }
            }
        }
        return count
    }

    /// The same at one spoke, by a look at its own clients alone: a spoke may be restored often.
    static func orderAgain(at spoke: NodeID, _ turn: inout HubTurn) throws -> Int {
        let rollouts = Set(try turn.store.rollouts(in: RolloutState.all(where: \.hasOrders)).map(\.id))
        guard !rollouts.isEmpty else { return 0 }
        var count = 0
        for client in try turn.store.clients(of: spoke) {
            // Oldest first, so that a later order stays the later one.
            for var action in try turn.store.actions(of: client.id, limit: .max).reversed()
            where rollouts.contains(action.rollout) {
                if try orderAgainIfOpen(&action, &turn) { count += 1 }
            }
        }
        return count
    }

    private static func orderAgainIfOpen(_ action: inout ActionRecord, _ turn: inout HubTurn) throws -> Bool {
        guard action.sequence != nil, !action.state.isFinal, action.state != .uncertain else { return false }
        try orderAgain(&action, &turn)
        return true
    }

    private static func orderAgain(_ action: inout ActionRecord, _ turn: inout HubTurn) throws {
        try turn.store.removeOrders(of: action.id)
        if action.state == .cancelling {
            try Actions.orderCancel(&action, &turn)
        } else {
            try Actions.orderInstall(&action, &turn)
        }
    }

    /// Asks an agent to begin a new incarnation and to say everything again; at most once in
    /// `HubLimits.askAnewInterval`.
    static func askAnew(_ client: ClientEntry, _ ledger: inout ReportLedger, _ turn: inout HubTurn) throws {
        if let asked = ledger.askedAnew, turn.now >= asked, turn.now - asked < HubLimits.askAnewInterval { return }
        ledger.askedAnew = turn.now
        try send(.reportAnew, ActionID.random(using: &turn.random), to: client, &turn)
    }

    /// Sends an order that belongs to no action of a rollout.
    static func send(
        _ kind: OrderKind, _ action: ActionID, to client: ClientEntry, _ turn: inout HubTurn
    ) throws {
        let order = Order(
            agent: client.id, kind: kind, action: action, rollout: RolloutID.random(using: &turn.random),
            fleet: turn.configuration.fleet, target: nil, sequence: try turn.store.nextSequence(), issued: turn.now,
            expires: turn.now + HubLimits.offlineHorizon)
        try turn.store.insertOrder(
            OrderRecord(
                number: Int64(clamping: order.sequence.number), action: action, client: client.id, spoke: client.spoke,
                kind: kind.rawValue, expires: order.expires, signed: try order.signed(by: turn.cryptography.orderSigner)
            ))
        turn.note(.spokeNeedsDelivery(client.spoke))
    }
}

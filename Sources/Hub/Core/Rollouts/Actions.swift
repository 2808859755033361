import Model
import Protocol
import Rollout
import TLS
import Trust

/// Actions: one client's work, moved by Rollout's table and by nothing else; and the orders that
/// they become.
///
/// It keeps nothing in memory. It notes `rolloutMoved` and `spokeNeedsDelivery`; time alone moves
/// actions when it settles.
struct Actions: HubPart {
    /// Moves an action on; false when the table refuses the event in its state, and then nothing
    /// changes.
    ///
    /// Sets the deadline that belongs to the new state, writes the log and looks at the rollout.
    @discardableResult
    static func move(
        _ action: inout ActionRecord, by event: HubActionEvent, _ text: String, _ turn: inout HubTurn
    ) throws -> Bool {
        guard let next = HubActionMachine.next(action.state, event) else { return false }
        let before = action.state
        action.state = next
        action.detail = Event.singleLine(text, limit: 512)
        action.changed = turn.now
        if next.isFinal || next == .uncertain {
            action.deadline = nil
        } else if next.isChanging {
            if !before.isChanging { action.deadline = turn.now + HubLimits.longestRun }
        } else if let expires = action.expires {
            action.deadline = expires + HubLimits.reportGrace
        }
        try turn.store.updateAction(action)
        guard next != before else { return true }
        turn.note(.rolloutMoved(action.rollout))
        try logAction(action, text, &turn)
        return true
    }

    private static func logAction(_ action: ActionRecord, _ text: String, _ turn: inout HubTurn) throws {
        let client = try turn.store.client(action.client)?.name.text ?? "\(action.client)"
        let severity: EventSeverity =
            switch action.state {
            case .failed, .rollbackFailed, .rolledBack: .error
            case .uncertain, .missed, .refused: .warning
            case .pending, .offered, .downloading, .downloaded, .waitingForWindow, .waitingForSlot, .draining,
                .installing, .restarting, .verifying, .succeeded, .cancelling, .cancelled, .rollingBack:
                .info
            }
        let detail = text.isEmpty ? "" : ": \(text)"
        try turn.log(
            severity, .actionChanged, "client/\(client)",
            "\(client) \(action.path.product) \(action.path.release): \(action.state.name)\(detail)")
    }

    // MARK: - Orders

    /// Orders the pending actions at a spoke whose package it holds verified (all packages if
    /// `path` is nil).
    static func dispatch(to spoke: NodeID, _ path: TargetPath?, _ turn: inout HubTurn) throws {
        var isVerified: [TargetPath: SHA256Digest?] = [:]
        var passedOver: Set<ActionID> = []
        while true {
            let limit = HubLimits.batch + passedOver.count
            let actions = try turn.store.pendingActions(spoke: spoke, path: path, limit: limit)
            let fresh = actions.filter { !passedOver.contains($0.id) }
            guard !fresh.isEmpty else { return }
            for var action in fresh {
                if isVerified[action.path] == nil {
                    let replica = try turn.store.replica(spoke: spoke, path: action.path)
                    isVerified[action.path] = .some(replica?.state == .verified ? replica?.digest : nil)
                }
                // With other bytes at the spoke the action's own will never come: the order would
                // be refused, so it is called off.
                if let held = isVerified[action.path] ?? nil {
                    if held == action.digest {
                        try orderInstall(&action, &turn)
                    } else {
                        try cancel(&action, "the catalog names other bytes for \(action.path) now", &turn)
                    }
                }
                if action.state == .pending, action.sequence == nil { passedOver.insert(action.id) }
            }
            guard actions.count == limit else { return }
        }
    }

    static func orderInstall(_ action: inout ActionRecord, _ turn: inout HubTurn) throws {
        guard let rollout = try turn.store.rollout(action.rollout), let record = try turn.store.package(action.path),
            record.package.sha256 == action.digest
        else { return try cancel(&action, "the catalog names other bytes for \(action.path) now", &turn) }
        var expires = turn.now + HubLimits.offlineHorizon
        if let last = rollout.windows.last { expires = min(expires, last.end) }
        guard expires > turn.now else {
            try move(&action, by: .windowsPassed, "all windows have passed", &turn)
            return
        }
        let order = Order(
            agent: action.client, kind: .install, action: action.id, rollout: rollout.id,
            fleet: turn.configuration.fleet, target: OrderTarget(record.package),
            windows: rollout.windows.filter { $0.end > turn.now },
            leadSeconds: UInt32(clamping: max(0, rollout.specification.leadMinutes) &* 60),
            restartAllowed: rollout.specification.restartAllowed, sequence: try turn.store.nextSequence(),
            issued: turn.now,
            expires: expires, catalogRoot: try catalogRootHash(turn),
            approval: try approval(of: rollout, for: action, &turn))
        try send(order, for: &action, &turn)
    }

    /// What an order of a rollout carries of its approval; nil without one.
    private static func approval(
        of rollout: RolloutRecord, for action: ActionRecord, _ turn: inout HubTurn
    ) throws -> OrderApproval? {
        guard let signed = rollout.approval,
            let proof = try turn.proof(of: action)
        else { return nil }
        return OrderApproval(signed: signed, proof: proof)
    }

    /// Which catalog the hub means, so that a machine that was given no root can find the hub's and
    /// no other.
    private static func catalogRootHash(_ turn: HubTurn) throws -> SHA256Digest? {
        try turn.store.catalog().map { try SHA256Digest(bytes: SHA256.hash($0.root)) }
    }

    static func orderCancel(_ action: inout ActionRecord, _ turn: inout HubTurn) throws {
        let order = Order(
            agent: action.client, kind: .cancel, action: action.id, rollout: action.rollout,
            fleet: turn.configuration.fleet, target: nil, sequence: try turn.store.nextSequence(), issued: turn.now,
            expires: max(action.expires ?? turn.now, turn.now + HubLimits.reportGrace))
        // The cancel replaces what the spoke may not have yet; it goes all the same, since an
        // acknowledgement may have been lost.
        try turn.store.removeOrders(of: action.id)
        try send(order, for: &action, &turn)
    }

    private static func send(_ order: Order, for action: inout ActionRecord, _ turn: inout HubTurn) throws {
        let signed = try order.signed(by: turn.cryptography.orderSigner)
        let number = Int64(clamping: order.sequence.number)
        try turn.store.insertOrder(
            OrderRecord(
                number: number, action: action.id, client: action.client, spoke: action.spoke,
                kind: order.kind.rawValue, expires: order.expires, signed: signed))
        action.sequence = number
        action.expires = order.expires
        // What has begun keeps the deadline of its run.
        if !action.state.isChanging { action.deadline = order.expires + HubLimits.reportGrace }
        try turn.store.updateAction(action)
        turn.note(.spokeNeedsDelivery(action.spoke))
    }

    /// Whether a spoke calls an order expired that is not: its clock is wrong until it has asked
    /// for the time.
    static func isEarly(_ reply: ErrorReply, _ errand: SpokeErrand, _ turn: HubTurn) throws -> Bool {
        guard reply.code == .expired, case .order(let number) = errand else { return false }
        return try turn.store.order(number).map { $0.expires > turn.now } ?? false
    }

    /// The spoke has stored an order, or will not.
    static func orderAnswered(_ number: Int64, _ error: ErrorReply?, _ turn: inout HubTurn) throws {
        guard let order = try turn.store.order(number) else { return }
        try turn.store.removeOrder(number)
        if error == nil { try spokeHas(order, turn) }
        guard var action = try turn.store.action(order.action), action.sequence == number else { return }
        if let error {
            let client = try turn.store.client(order.client)?.name.text ?? "\(order.client)"
            try turn.log(
                .error, .actionChanged, "client/\(client)", "the spoke refused the order: \(error.text)")
            action.detail = Event.singleLine("the spoke refused the order: \(error.text)", limit: 512)
            return try turn.store.updateAction(action)
        }
        guard order.kind == OrderKind.install.rawValue else { return }
        // A report may have come before the acknowledgement; then the table refuses and the
        // report's state stays.
        try move(&action, by: .offerAcknowledged, "the spoke has the order", &turn)
    }

    /// Remembers the newest order that a spoke has stored, to notice when it is restored from a
    /// backup.
    private static func spokeHas(_ order: OrderRecord, _ turn: HubTurn) throws {
        guard var spoke = try turn.store.spoke(order.spoke) else { return }
        let sequence = try Order.readUnverified(order.signed).sequence
        guard spoke.lastOrder.map({ $0 < sequence }) ?? true else { return }
        spoke.lastOrder = sequence
        try turn.store.updateSpoke(spoke)
    }

    // MARK: - Cancel and time

    /// Stops one action as far as it can be stopped: not sent → cancelled; before the install → a
    /// cancel order; later it is left to end.
    static func cancel(_ action: inout ActionRecord, _ text: String, _ turn: inout HubTurn) throws {
        guard !action.state.isFinal, action.state != .cancelling else { return }
        // Ordered, though the acknowledgement is not here yet: the spoke may have it, so the agent
        // must be told.
        if action.state == .pending, action.sequence != nil {
            try move(&action, by: .offerAcknowledged, "the spoke may have the order", &turn)
        }
        guard try move(&action, by: .cancel, text, &turn) else { return }
        if action.state == .cancelling { try orderCancel(&action, &turn) }
    }

    /// What the hub decides by time alone: missed, cancelled for good, uncertain.
    func settle(_ turn: inout HubTurn) throws {
        while true {
            let due = try turn.store.dueActions(at: turn.now, limit: HubLimits.batch)
            for var action in due {
                let isLost = action.state.isChanging
                let text =
                    isLost ? "no word for longer than an install may take" : "all windows have passed without a word"
                action.deadline = nil
                guard try Self.move(&action, by: isLost ? .runTimeExceeded : .windowsPassed, text, &turn) else {
                    try turn.store.updateAction(action)
                    continue
                }
                try turn.store.removeOrders(of: action.id)
            }
            guard due.count == HubLimits.batch else { return }
        }
    }

    func nextDue(_ turn: HubTurn) throws -> UnixTime? { try turn.store.nextActionDeadline() }

    func invariantViolation(_ store: any HubStore, _ configuration: HubConfiguration) throws -> String? { nil }

    /// An operator says that an uncertain action is over.
    static func settle(_ id: ActionID, _ turn: inout HubTurn) throws -> ActionRecord {
        guard var action = try turn.store.action(id) else { throw HubRefusal.notFound("there is no action \(id)") }
        guard try move(&action, by: .settle, "an operator said that it is over", &turn) else {
            throw HubRefusal.conflict("the action is \(action.state.name), not uncertain")
        }
        return action
    }

    // MARK: - Sending

    /// Sends the orders that the spoke has not stored yet.
    static func send(to delivery: SpokeDelivery, _ turn: inout HubTurn) throws {
        let spoke = delivery.spoke
        var sent = 0
        var last: Int64 = 0
        while sent < HubLimits.inFlight {
            let orders = try turn.store.orders(for: spoke, after: last, limit: HubLimits.inFlight)
            for order in orders {
                last = order.number
                guard order.expires > turn.now else {
                    try turn.store.removeOrder(order.number)
                    continue
                }
                guard !delivery.isHeld(.order(order.number)), try mayGo(order, turn) else { continue }
                let message = OrderMessage(
                    agent: order.client, action: order.action, kind: UInt64(order.kind), expires: order.expires,
                    signed: order.signed)
                turn.ask(spoke, .order(message), .order(order.number))
                sent += 1
            }
            guard orders.count == HubLimits.inFlight else { return }
        }
    }

    /// An install is ordered at a spoke that holds the package verified, and at no other: what was
    /// ordered before the spoke lost its replica waits until it has it again.
    private static func mayGo(_ order: OrderRecord, _ turn: HubTurn) throws -> Bool {
        guard order.kind == OrderKind.install.rawValue, let action = try turn.store.action(order.action) else {
            return true
        }
        let replica = try turn.store.replica(spoke: order.spoke, path: action.path)
        return replica?.state == .verified && replica?.digest == action.digest
    }
}

import Model
import Protocol
import Rollout
import TLS
import Trust

/// Actions: one client's work, moved by Rollout's table and by nothing else; and the orders that they become.
extension HubCore {
    /// Moves an action on; false when the table refuses the event in its state, and then nothing changes.
    ///
    /// Sets the deadline that belongs to the new state, writes the log and looks at the rollout.
    @discardableResult
    mutating func move(
        _ action: inout ActionRecord, by event: HubActionEvent, _ text: String, at now: UnixTime
    ) throws -> Bool {
        guard let next = HubActionMachine.next(action.state, event) else { return false }
        let before = action.state
        action.state = next
        action.detail = Event.singleLine(text, limit: 512)
        action.changed = now
        if next.isFinal || next == .uncertain {
            action.deadline = nil
        } else if next.isChanging {
            if !before.isChanging { action.deadline = now + HubLimits.longestRun }
        } else if let expires = action.expires {
            action.deadline = expires + HubLimits.reportGrace
        }
        try store.updateAction(action)
        guard next != before else { return true }
        dirtyRollouts.insert(action.rollout)
        try logAction(action, text, at: now)
        return true
    }

    private mutating func logAction(_ action: ActionRecord, _ text: String, at now: UnixTime) throws {
        let client = try store.client(action.client)?.name.text ?? "\(action.client)"
        let severity: EventSeverity =
            switch action.state {
            case .failed, .rollbackFailed, .rolledBack: .error
            case .uncertain, .missed, .refused: .warning
            default: .info
            }
        let detail = text.isEmpty ? "" : ": \(text)"
        try log(
            severity, .actionChanged, "client/\(client)",
            "\(client) \(action.path.product) \(action.path.release): \(action.state.name)\(detail)", at: now)
    }

    // MARK: - Orders

    /// Orders the pending actions at a spoke whose package it holds verified (all packages if `path` is nil).
    mutating func dispatch(to spoke: NodeID, _ path: TargetPath?, at now: UnixTime) throws {
        var isVerified: [TargetPath: SHA256Digest?] = [:]
        var passedOver: Set<ActionID> = []
        while true {
            let limit = HubLimits.batch + passedOver.count
            let actions = try store.pendingActions(spoke: spoke, path: path, limit: limit)
            let fresh = actions.filter { !passedOver.contains($0.id) }
            guard !fresh.isEmpty else { return }
            for var action in fresh {
                if isVerified[action.path] == nil {
                    let replica = try store.replica(spoke: spoke, path: action.path)
                    isVerified[action.path] = .some(replica?.state == .verified ? replica?.digest : nil)
                }
                // With other bytes at the spoke the action's own will never come: the order would be refused, so it is called off.
                if let held = isVerified[action.path] ?? nil {
                    if held == action.digest {
                        try orderInstall(&action, at: now)
                    } else {
                        try cancel(&action, "the catalog names other bytes for \(action.path) now", at: now)
                    }
                }
                if action.state == .pending, action.sequence == nil { passedOver.insert(action.id) }
            }
            guard actions.count == limit else { return }
        }
    }

    mutating func orderInstall(_ action: inout ActionRecord, at now: UnixTime) throws {
        guard let rollout = try store.rollout(action.rollout), let record = try store.package(action.path),
            record.package.sha256 == action.digest
        else { return try cancel(&action, "the catalog names other bytes for \(action.path) now", at: now) }
        var expires = now + HubLimits.offlineHorizon
        if let last = rollout.windows.last { expires = min(expires, last.end) }
        guard expires > now else {
            try move(&action, by: .windowsPassed, "all windows have passed", at: now)
            return
        }
        let order = Order(
            agent: action.client, kind: .install, action: action.id, rollout: rollout.id,
            fleet: configuration.fleet, target: OrderTarget(record.package),
            windows: rollout.windows.filter { $0.end > now },
            leadSeconds: UInt32(clamping: max(0, rollout.specification.leadMinutes) &* 60),
            restartAllowed: rollout.specification.restartAllowed, sequence: try store.nextSequence(), issued: now,
            expires: expires, catalogRoot: try catalogRootHash(), approval: try approval(of: rollout, for: action))
        try send(order, for: &action)
    }

    /// Which catalog the hub means, so that a machine that was given no root can find the hub's and no other.
    private func catalogRootHash() throws -> SHA256Digest? {
        try store.catalog().map { try SHA256Digest(bytes: SHA256.hash($0.root)) }
    }

    mutating func orderCancel(_ action: inout ActionRecord, at now: UnixTime) throws {
        let order = Order(
            agent: action.client, kind: .cancel, action: action.id, rollout: action.rollout,
            fleet: configuration.fleet, target: nil, sequence: try store.nextSequence(), issued: now,
            expires: max(action.expires ?? now, now + HubLimits.reportGrace))
        // The cancel replaces what the spoke may not have yet; it goes all the same, since an acknowledgement may have been lost.
        try store.removeOrders(of: action.id)
        try send(order, for: &action)
    }

    private mutating func send(_ order: Order, for action: inout ActionRecord) throws {
        let signed = try order.signed(by: cryptography.orderSigner)
        let number = Int64(clamping: order.sequence.number)
        try store.insertOrder(
            OrderRecord(
                number: number, action: action.id, client: action.client, spoke: action.spoke,
                kind: order.kind.rawValue, expires: order.expires, signed: signed))
        action.sequence = number
        action.expires = order.expires
        // What has begun keeps the deadline of its run.
        if !action.state.isChanging { action.deadline = order.expires + HubLimits.reportGrace }
        try store.updateAction(action)
        dirtySpokes.insert(action.spoke)
    }

    /// Whether a spoke calls an order expired that is not: its clock is wrong until it has asked for the time.
    func isEarly(_ reply: ErrorReply, _ errand: Errand, at now: UnixTime) throws -> Bool {
        guard reply.code == .expired, case .order(let number) = errand else { return false }
        return try store.order(number).map { $0.expires > now } ?? false
    }

    /// The spoke has stored an order, or will not.
    mutating func orderAnswered(_ number: Int64, _ error: ErrorReply?, at now: UnixTime) throws {
        guard let order = try store.order(number) else { return }
        try store.removeOrder(number)
        if error == nil { try spokeHas(order) }
        guard var action = try store.action(order.action), action.sequence == number else { return }
        if let error {
            let client = try store.client(order.client)?.name.text ?? "\(order.client)"
            try log(
                .error, .actionChanged, "client/\(client)", "the spoke refused the order: \(error.text)", at: now)
            action.detail = Event.singleLine("the spoke refused the order: \(error.text)", limit: 512)
            return try store.updateAction(action)
        }
        guard order.kind == OrderKind.install.rawValue else { return }
        // A report may have come before the acknowledgement; then the table refuses and the report's state stays.
        try move(&action, by: .offerAcknowledged, "the spoke has the order", at: now)
    }

    /// Remembers the newest order that a spoke has stored, to notice when it is restored from a backup.
    private func spokeHas(_ order: OrderRecord) throws {
        guard var spoke = try store.spoke(order.spoke) else { return }
        let sequence = try Order.readUnverified(order.signed).sequence
        guard spoke.lastOrder.map({ $0 < sequence }) ?? true else { return }
        spoke.lastOrder = sequence
        try store.updateSpoke(spoke)
    }

    // MARK: - Cancel and time

    /// Stops one action as far as it can be stopped: not sent → cancelled; before the install → a cancel order; later it is left to end.
    mutating func cancel(_ action: inout ActionRecord, _ text: String, at now: UnixTime) throws {
        guard !action.state.isFinal, action.state != .cancelling else { return }
        // Ordered, though the acknowledgement is not here yet: the spoke may have it, so the agent must be told.
        if action.state == .pending, action.sequence != nil {
            try move(&action, by: .offerAcknowledged, "the spoke may have the order", at: now)
        }
        guard try move(&action, by: .cancel, text, at: now) else { return }
        if action.state == .cancelling { try orderCancel(&action, at: now) }
    }

    /// What the hub decides by time alone: missed, cancelled for good, uncertain.
    mutating func moveDueActions(at now: UnixTime) throws {
        while true {
            let due = try store.dueActions(at: now, limit: HubLimits.batch)
            for var action in due {
                let isLost = action.state.isChanging
                let text =
                    isLost ? "no word for longer than an install may take" : "all windows have passed without a word"
                action.deadline = nil
                guard try move(&action, by: isLost ? .runTimeExceeded : .windowsPassed, text, at: now) else {
                    try store.updateAction(action)
                    continue
                }
                try store.removeOrders(of: action.id)
            }
            guard due.count == HubLimits.batch else { return }
        }
    }
}

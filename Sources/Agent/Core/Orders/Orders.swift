internal import Model
internal import Protocol
internal import Rollout
internal import Trust

/// The intake of orders: which are obeyed, and go into the journal.
///
/// Remembers of the link how far the spoke's clock is ahead, and how many orders were put off.
struct Orders {
    /// How often an order on a link is put off since clocks differ: about a minute.
    private static let putOffMost = 12

    /// What the spoke's clock is ahead of the machine's by, as its greeting said; a hint, never
    /// believed.
    private var peerAhead = Duration.zero
    /// Orders that were put off on this link since clocks differ.
    private var putOff = 0

    /// A link was opened.
    mutating func opened(peerAhead: Duration) { (self.peerAhead, putOff) = (peerAhead, 0) }

    /// Takes an order from the spoke and answers it: `ok` once it is in the journal, or once it is
    /// known to be there.
    ///
    /// Only a signature by the hub's order key over this agent's id and fleet makes an order, and
    /// its sequence must be above that of every order obeyed before: what is replayed, reordered,
    /// or left over from before a restored backup is refused and named. What else is wrong with an
    /// order is journalled and reported as a refusal, so that the hub hears of it.
    mutating func received(_ message: OrderMessage, _ turn: inout AgentTurn) throws -> Message {
        let order: Order
        do {
            order = try Order.open(
                message.signed, keys: [turn.identity.orderKey], verifier: turn.cryptography.verifier)
        } catch {
            let code: AttackCode? = if case .badSignature = error { .badSignature } else { nil }
            return try Self.refused("the order cannot be obeyed: \(error)", code, &turn)
        }
        guard order.agent == turn.identity.id, order.fleet == turn.identity.fleet else {
            return try Self.refused("the order is for another agent", .wrongRecipient, &turn)
        }
        // Expired by this machine's time and not by the spoke's: one of the two is wrong, and the
        // hub is being asked.
        if order.expires <= turn.now, turn.clock.lag == .zero, order.expires > turn.machine + peerAhead,
            putOff < Self.putOffMost
        {
            putOff += 1
            return .error(
                ErrorReply(code: .busy, text: "the clocks of spoke and agent differ", retryAfterSeconds: 5))
        }
        let known = try turn.store.action(order.action)
        // Said again because an acknowledgement was lost, or overtaken by a later order for the
        // same action.
        if let known, known.order == message.signed || order.sequence <= known.sequence { return .ok(OK()) }
        if let floor = try turn.store.sequenceFloor(), order.sequence <= floor {
            if try turn.store.newestOrder() == message.signed { return .ok(OK()) }
            return try Self.refusedAsStale(order.sequence, floor, &turn)
        }
        try turn.store.raiseSequenceFloor(order.sequence, order: message.signed)
        // One that is dated later than a fresh signed time allows was signed while the hub's clock
        // was ahead.
        if turn.latestSigned.map({ order.issued <= $0 }) ?? true { try turn.observe(order.issued) }
        switch order.kind {
        case .cancel: try Self.cancel(order, message.signed, known, &turn)
        case .install: try Self.accept(order, .install, message.signed, known, &turn)
        case .rollback: try Self.accept(order, .rollback, message.signed, known, &turn)
        case .reportAnew: try Reports.reportAnew(&turn)
        }
        return .ok(OK())
    }

    private static func refused(_ why: String, _ attack: AttackCode?, _ turn: inout AgentTurn) throws -> Message {
        try turn.reportAttack(attack, why)
        return .error(ErrorReply(code: .refused, text: why))
    }

    /// Shows the hub the newest order that was obeyed, once on a link: if the hub was restored from
    /// a backup, that is how it learns where it had been.
    private static func refusedAsStale(
        _ sequence: OrderSequence, _ floor: OrderSequence, _ turn: inout AgentTurn
    ) throws -> Message {
        let why = "order \(sequence) is replayed or out of order: \(floor) was obeyed before"
        turn.log(.warning, "attack seen, \(AttackCode.replay.rawValue): \(why)")
        if turn.attacks.takeStaleOrder() {
            try turn.queueReport(
                detail: why, attack: AttackSeen(.replay, why), newestOrder: try turn.store.newestOrder())
        }
        return .error(ErrorReply(code: .refused, text: why))
    }

    /// Journals a new order; a renewed one replaces what is known as long as the install has not
    /// begun.
    private static func accept(
        _ order: Order, _ kind: ActionRecord.Kind, _ signed: [UInt8], _ known: ActionRecord?, _ turn: inout AgentTurn
    ) throws {
        if var known {
            known.sequence = order.sequence
            guard known.stage.isBeforeInstall, known.path == order.target?.path, known.kind == kind else {
                // Ordered again by a hub or spoke that lost what was said: it is told once more.
                try turn.store.save(known)
                return try turn.report(known, detail: known.detail)
            }
            known.order = signed
            known.expires = order.expires
            try turn.store.save(known)
            return try turn.report(known)
        }
        guard let path = order.target?.path else {
            return turn.log(.error, "order \(order.sequence) names no package")
        }
        var record = ActionRecord(
            id: order.action, kind: kind, order: signed, sequence: order.sequence, expires: order.expires,
            stage: .offered(path, nil))
        guard order.expires > turn.now else {
            record.stage = record.stage.ended(.refused)
            try turn.store.save(record)
            return try turn.report(
                record, reasons: [Reason(.orderExpired, "the order expired at \(order.expires)")])
        }
        try turn.store.save(record)
        try turn.report(record)
    }

    /// Remembers a cancelled action, known or not, so that no order of it is obeyed any more.
    private static func cancel(
        _ order: Order, _ signed: [UInt8], _ known: ActionRecord?, _ turn: inout AgentTurn
    ) throws {
        guard var record = known else {
            let record = ActionRecord(
                id: order.action, kind: .install, order: signed, sequence: order.sequence, expires: order.expires,
                stage: .over(.cancelled, order.target?.path, nil))
            try turn.store.save(record)
            return try turn.report(record)
        }
        guard !record.state.isFinal else { return }
        record.sequence = order.sequence
        record.isCancelRequested = true
        try turn.store.save(record)
        guard AgentActionMachine.next(record.state, .cancel) == nil else { return }
        turn.log(.notice, "action \(record.id) is cancelled too late: it is \(record.state.name)")
    }
}

internal import Model
internal import Protocol
internal import Rollout
internal import Trust

extension AgentCore {
    /// How often an order on a link is put off since clocks differ: about a minute.
    static let ordersPutOffMost = 12

    /// Takes an order from the spoke and answers it: `ok` once it is in the journal, or once it is known to be there.
    ///
    /// Only a signature by the hub's order key over this agent's id and fleet makes an order, and its sequence must be above that of every order
    /// obeyed before: what is replayed, reordered, or left over from before a restored backup is refused and named. What else is wrong with an order
    /// is journalled and reported as a refusal, so that the hub hears of it.
    mutating func receive(_ message: OrderMessage) throws -> Message {
        let order: Order
        do {
            order = try Order.open(message.signed, keys: [identity.orderKey], verifier: verifier)
        } catch {
            let code: AttackCode? = if case .badSignature = error { .badSignature } else { nil }
            return try refused("the order cannot be obeyed: \(error)", code)
        }
        guard order.agent == identity.id, order.fleet == identity.fleet else {
            return try refused("the order is for another agent", .wrongRecipient)
        }
        // Expired by this machine's time and not by the spoke's: one of the two is wrong, and the hub is being asked.
        if order.expires <= now, clock.lag == .zero, order.expires > machineNow + peerAhead,
            ordersPutOff < Self.ordersPutOffMost
        {
            ordersPutOff += 1
            return .error(
                ErrorReply(code: .busy, text: "the clocks of spoke and agent differ", retryAfterSeconds: 5))
        }
        let sequence = order.sequence
        let known = try store.action(order.action)
        // Said again because an acknowledgement was lost, or overtaken by a later order for the same action.
        if let known, known.order == message.signed || sequence <= known.sequence { return .ok(OK()) }
        if let floor = try store.sequenceFloor(), sequence <= floor {
            if try store.newestOrder() == message.signed { return .ok(OK()) }
            return try refusedAsStale(sequence, floor)
        }
        try store.raiseSequenceFloor(sequence, order: message.signed)
        // One that is dated later than a fresh signed time allows was signed while the hub's clock was ahead.
        if latestSigned.map({ order.issued <= $0 }) ?? true {
            try store.raiseSignedTimeFloor(order.issued)
            clock.observe(order.issued, machine: machineNow)
            now = clock.time(machine: machineNow)
        }
        switch order.kind {
        case .cancel: try cancel(order, message.signed, sequence, known)
        case .install, .rollback: try accept(order, message.signed, sequence, known)
        case .reportAnew: try reportAnew()
        }
        return .ok(OK())
    }

    private mutating func refused(_ why: String, _ attack: AttackCode?) throws -> Message {
        try reportAttack(attack, why)
        return .error(ErrorReply(code: .refused, text: why))
    }

    /// Shows the hub the newest order that was obeyed, once on a link: if the hub was restored from a backup, that is how it learns where it had been.
    private mutating func refusedAsStale(_ sequence: OrderSequence, _ floor: OrderSequence) throws -> Message {
        let why = "order \(sequence) is replayed or out of order: \(floor) was obeyed before"
        effects.append(.log(.warning, "attack seen, \(AttackCode.replay.rawValue): \(why)"))
        if !staleReported {
            staleReported = true
            try queueReport(detail: why, attack: AttackSeen(.replay, why), newestOrder: try store.newestOrder())
        }
        return .error(ErrorReply(code: .refused, text: why))
    }

    /// A new order goes into the journal; a renewed one replaces what is known as long as the install has not begun.
    private mutating func accept(
        _ order: Order, _ signed: [UInt8], _ sequence: OrderSequence, _ known: ActionRecord?
    ) throws {
        if var known {
            known.sequence = sequence
            guard !known.state.isFinal, known.step == nil, known.path == order.target?.path,
                known.kind.rawValue == order.kind.rawValue
            else {
                // Ordered again by a hub or spoke that lost what was said: it is told once more.
                try store.save(known)
                return try report(known, detail: known.detail)
            }
            known.order = signed
            known.expires = order.expires
            try store.save(known)
            return try report(known)
        }
        var record = Self.record(order, signed, sequence)
        if order.expires <= now {
            record.state = .refused
            try store.save(record)
            return try report(
                record, reasons: [Reason(.orderExpired, "the order expired at \(order.expires)")])
        }
        try store.save(record)
        try report(record)
    }

    /// Remembers a cancelled action, known or not, so that no order of it is obeyed any more.
    private mutating func cancel(
        _ order: Order, _ signed: [UInt8], _ sequence: OrderSequence, _ known: ActionRecord?
    ) throws {
        guard var record = known else {
            var record = Self.record(order, signed, sequence)
            record.state = .cancelled
            try store.save(record)
            return try report(record)
        }
        guard !record.state.isFinal else { return }
        record.sequence = sequence
        record.isCancelRequested = true
        try store.save(record)
        guard AgentActionMachine.next(record.state, .cancel) == nil else { return }
        effects.append(.log(.notice, "action \(record.id) is cancelled too late: it is \(record.state.name)"))
    }

    private static func record(_ order: Order, _ signed: [UInt8], _ sequence: OrderSequence) -> ActionRecord {
        ActionRecord(
            id: order.action, kind: order.kind == .rollback ? .rollback : .install, order: signed, sequence: sequence,
            path: order.target?.path, expires: order.expires)
    }

    /// The order of a record; it was verified before it was journalled, and is verified again.
    func order(of record: ActionRecord) throws -> Order {
        do {
            return try Order.open(record.order, keys: [identity.orderKey], verifier: verifier)
        } catch {
            throw AgentError(.storeDamaged, "the journalled order of \(record.id) cannot be verified: \(error)")
        }
    }
}

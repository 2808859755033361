internal import Model
internal import Protocol
internal import Rollout
internal import Trust

extension AgentCore {
    /// Takes an order from the spoke and answers it: `ok` once it is in the journal, or once it is known to be void.
    ///
    /// Only a signature by the hub's order key over this agent's id and fleet makes an order. For one action sequences must rise; a rollback's must be above
    /// that of every order before, so that none can be kept back and used later (an install cannot go down anyway). Whatever else is wrong with an order
    /// is journalled and reported as a refusal, so that the hub hears of it.
    mutating func receive(_ message: OrderMessage) throws -> Message {
        let order: Order
        do {
            order = try Order.open(message.signed, keys: [identity.orderKey], verifier: verifier)
        } catch {
            let code: AttackCode? = if case .badSignature = error { .badSignature } else { nil }
            try reportAttack(code, "an order came that cannot be obeyed: \(error)")
            return .error(ErrorReply(code: .refused, text: "the order cannot be obeyed: \(error)"))
        }
        guard order.agent == identity.id, order.fleet == identity.fleet else {
            try reportAttack(.wrongRecipient, "an order came that is for another agent")
            return .error(ErrorReply(code: .refused, text: "the order is for another agent"))
        }
        let sequence = order.sequence
        let known = try store.action(order.action)
        if let known, known.order == message.signed || sequence <= known.sequence { return .ok(OK()) }
        if order.kind == .rollback, let floor = try store.sequenceFloor(), sequence <= floor {
            try reportAttack(.rollback, "a rollback order came again, or after a later order")
            if known == nil { try refuseUnknown(order, message.signed, sequence, "a later order overtook it") }
            return .ok(OK())
        }
        try store.raiseSequenceFloor(sequence)
        try store.raiseSignedTimeFloor(order.issued)
        clock.observe(order.issued, machine: machineNow)
        now = clock.time(machine: machineNow)
        switch order.kind {
        case .cancel: try cancel(order, message.signed, sequence, known)
        case .install, .rollback: try accept(order, message.signed, sequence, known)
        }
        return .ok(OK())
    }

    /// A new order goes into the journal; a renewed one replaces what is known as long as the install has not begun.
    private mutating func accept(
        _ order: Order, _ signed: [UInt8], _ sequence: OrderSequence, _ known: ActionRecord?
    ) throws {
        if var known {
            guard !known.state.isFinal, known.step == nil, known.path == order.target?.path,
                known.kind.rawValue == order.kind.rawValue
            else { return }
            known.order = signed
            known.sequence = sequence
            known.expires = order.expires
            return try store.save(known)
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

    private mutating func refuseUnknown(
        _ order: Order, _ signed: [UInt8], _ sequence: OrderSequence, _ why: String
    ) throws {
        var record = Self.record(order, signed, sequence)
        record.state = .refused
        record.detail = why
        try store.save(record)
        try report(record, reasons: [Reason(.trustFailed, why)])
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

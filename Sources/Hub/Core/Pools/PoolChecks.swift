import Model
import Protocol

/// Checks of pools: begun by an operator, told by the hub's own pool or a spoke, and kept with what
/// they found.
///
/// It keeps how far the checks are that are under way; the store has those that are over.
struct PoolChecks {
    /// By their numbers.
    private var checking: [UInt64: PoolChecked] = [:]

    /// How far a check is; nil when it is over or not known.
    func progress(of number: UInt64) -> PoolChecked? { checking[number] }

    /// The hub starts: its own checks that were under way begin again.
    static func start(_ turn: inout HubTurn) throws {
        for check in try turn.store.checks(at: turn.configuration.hub) where check.ended == nil {
            turn.effect(.checkPool(check.request))
        }
    }

    /// A spoke has connected: it goes on with its checks, begins them again, or says what it has
    /// found meanwhile.
    static func opened(_ spoke: NodeID, _ turn: inout HubTurn) throws {
        for check in try turn.store.checks(at: spoke) where check.ended == nil {
            turn.ask(spoke, .checkPool(check.request), .checkPool(check.said.check))
        }
    }

    /// Begins a check; how it goes is in `checking`, how it went in the store.
    static func begin(
        _ node: NodeID, _ name: NodeName, readsData: Bool, _ turn: inout HubTurn
    ) throws -> PoolRecord {
        guard let pool = try turn.store.pool(node: node, name: name) else {
            throw HubRefusal.notFound("there is no pool \(name) there")
        }
        try Pools.refusePatches(node, name, turn)
        let check = CheckRecord(
            node: node, readsData: readsData, began: turn.now,
            said: PoolChecked(
                pool: name, check: UInt64(clamping: turn.now.milliseconds), isOver: false, read: 0,
                total: pool.used.bytes,
                problems: [], corrupt: []))
        let message = check.request
        if node == turn.configuration.hub {
            turn.effect(.checkPool(message))
        } else {
            guard try turn.store.spoke(node)?.isConnected == true else {
                throw HubRefusal.conflict("the spoke is not connected; check its pool when it is")
            }
            turn.ask(node, .checkPool(message), .checkPool(message.check))
        }
        try turn.store.putCheck(check)
        return pool
    }

    /// A spoke says how a check goes, or how it ended.
    mutating func reported(
        _ message: PoolChecked, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, _ turn: inout HubTurn
    ) throws {
        try told(message, spoke, &turn)
        turn.reply(link, request, .ok(OK()))
    }

    /// How a check of a node's pool goes, or how it ended.
    mutating func told(_ message: PoolChecked, _ node: NodeID, _ turn: inout HubTurn) throws {
        guard var record = try turn.store.check(node: node, pool: message.pool), record.said.check == message.check,
            record.ended == nil
        else { return }
        checking[message.check] = message.isOver ? nil : message
        guard message.isOver else { return }
        record.ended = turn.now
        record.said = message
        try turn.store.putCheck(record)
        let found = message.problems.count + message.corrupt.count
        try turn.log(
            found == 0 ? .info : .error, .poolChecked, "pool/\(message.pool)",
            found == 0
                ? "pool \(message.pool) was checked, \(ByteCount(message.read)) read: nothing is wrong"
                : "pool \(message.pool) was checked, \(ByteCount(message.read)) read: \(message.corrupt.count) damaged packages, "
                    + "\(message.problems.count) other problems\(message.problems.first.map { ": \($0)" } ?? "")")
    }

    mutating func answered(_ check: UInt64, _ spoke: NodeID, _ error: ErrorReply?, _ turn: inout HubTurn) throws {
        guard let error, var known = try turn.store.checks(at: spoke).first(where: { $0.said.check == check }) else {
            return
        }
        checking[check] = nil
        known.ended = turn.now
        known.said.isOver = true
        known.said.problems = ["the spoke did not check it: \(Event.singleLine(error.text, limit: 512))"]
        try turn.store.putCheck(known)
    }
}

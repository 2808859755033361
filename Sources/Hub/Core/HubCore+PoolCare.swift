import Model
import Protocol

/// What people may do with pools, and checks of them.
extension HubCore {
    mutating func setRetention(_ releases: Int, at now: UnixTime) throws -> HubAnswer {
        guard (1...HubLimits.retention).contains(releases) else {
            throw HubRefusal.invalid("a pool keeps 1 to \(HubLimits.retention) releases of each line")
        }
        try store.setSetting(.retention, String(releases))
        try log(
            .notice, .retentionSet, "", "pools keep the newest \(releases) releases of each line of a product", at: now)
        arePrunesDue = true
        return .retention(releases)
    }

    mutating func setAccess(
        _ node: NodeID, _ name: NodeName, _ access: PoolAccess, at now: UnixTime
    ) throws -> PoolRecord {
        guard var pool = try store.pool(node: node, name: name) else {
            throw HubRefusal.notFound("there is no pool \(name) there")
        }
        try refusePatches(node, name)
        guard (pool.wantedAccess ?? pool.access) != access else { return pool }
        if access == .draining {
            let others = try store.pools(of: node).filter {
                $0.name != name && $0.name != configuration.patchPoolName
            }
            guard !others.isEmpty else {
                throw HubRefusal.conflict(
                    "pool \(name) is the only one there, and has nowhere to go; add another with add-pool first")
            }
        }
        pool.wantedAccess = access
        try log(.notice, .poolAccessSet, "pool/\(name)", "pool \(name) is to be \(access.name)", at: now)
        if node == configuration.hub {
            pool.access = access
            pool.wantedAccess = nil
            effects.append(.setAccess(name, access))
            if access == .readWrite { try retryFailedImports(at: now) }
        } else {
            dirtySpokes.insert(node)
        }
        try store.putPool(pool)
        return pool
    }

    /// The pool of patches keeps itself: all of it can be made again.
    func refusePatches(_ node: NodeID, _ name: NodeName) throws {
        guard node == configuration.hub, name == configuration.patchPoolName else { return }
        throw HubRefusal.invalid(
            "pool \(name) keeps itself; what is used least goes first, and anything in it can be made again")
    }

    /// Sends what a spoke's pools are not set to yet.
    mutating func sendAccess(_ link: LinkID, _ spoke: NodeID) throws {
        for pool in try store.pools(of: spoke) {
            guard let wanted = pool.wantedAccess else { continue }
            ask(link, .setAccess(SetAccess(pool: pool.name, access: wanted)), .setAccess(pool.name, wanted))
        }
    }

    mutating func accessAnswered(
        _ name: NodeName, _ access: PoolAccess, _ spoke: NodeID, _ error: ErrorReply?, at now: UnixTime
    ) throws {
        guard var pool = try store.pool(node: spoke, name: name) else { return }
        // Another one may be wanted by now; it is sent next.
        if pool.wantedAccess == access { pool.wantedAccess = nil }
        if let error {
            let why = error.code == .unsupported ? "its release does not know \(access.name); update it" : error.text
            try log(.warning, .poolAccessSet, "pool/\(name)", "the spoke did not set it: \(why)", at: now)
        } else {
            pool.access = access
        }
        try store.putPool(pool)
    }

    // MARK: - Checks

    /// Begins a check; how it goes is in `checking`, how it went in the store.
    mutating func checkPool(
        _ node: NodeID, _ name: NodeName, readsData: Bool, at now: UnixTime
    ) throws -> PoolRecord {
        guard let pool = try store.pool(node: node, name: name) else {
            throw HubRefusal.notFound("there is no pool \(name) there")
        }
        try refusePatches(node, name)
        let check = CheckRecord(
            node: node, readsData: readsData, began: now,
            said: PoolChecked(
                pool: name, check: UInt64(clamping: now.milliseconds), isOver: false, read: 0, total: pool.used.bytes,
                problems: [], corrupt: []))
        let message = check.request
        if node == configuration.hub {
            effects.append(.checkPool(message))
        } else {
            guard let link = linkOf[node] else {
                throw HubRefusal.conflict("the spoke is not connected; check its pool when it is")
            }
            ask(link, .checkPool(message), .checkPool(message.check))
        }
        try store.putCheck(check)
        return pool
    }

    mutating func poolChecked(_ message: PoolChecked, _ node: NodeID, at now: UnixTime) throws {
        guard var record = try store.check(node: node, pool: message.pool), record.said.check == message.check,
            record.ended == nil
        else { return }
        checking[message.check] = message.isOver ? nil : message
        guard message.isOver else { return }
        record.ended = now
        record.said = message
        try store.putCheck(record)
        let found = message.problems.count + message.corrupt.count
        try log(
            found == 0 ? .info : .error, .poolChecked, "pool/\(message.pool)",
            found == 0
                ? "pool \(message.pool) was checked, \(ByteCount(message.read)) read: nothing is wrong"
                : "pool \(message.pool) was checked, \(ByteCount(message.read)) read: \(message.corrupt.count) damaged packages, "
                    + "\(message.problems.count) other problems\(message.problems.first.map { ": \($0)" } ?? "")",
            at: now)
    }

    mutating func checkAnswered(_ check: UInt64, _ spoke: NodeID, _ error: ErrorReply?, at now: UnixTime) throws {
        guard let error, var known = try store.checks(at: spoke).first(where: { $0.said.check == check }) else {
            return
        }
        checking[check] = nil
        known.ended = now
        known.said.isOver = true
        known.said.problems = ["the spoke did not check it: \(Event.singleLine(error.text, limit: 512))"]
        try store.putCheck(known)
    }
}

import Model
import Protocol
import Storage

/// Pools of the hub and of the spokes: what they say of themselves, and the quotas and accesses
/// that operators want.
enum Pools {
    /// Does what an operator asks for.
    static func run(_ command: HubPoolCommand, _ turn: inout HubTurn) throws -> HubAnswer {
        switch command {
        case .setQuota(let node, let pool, let quota): .pool(try setQuota(node, pool, quota, &turn))
        case .setAccess(let node, let pool, let access): .pool(try setAccess(node, pool, access, &turn))
        case .prune(let node, let pool): .prunePlan(try Pruning.prune(node, pool, &turn))
        case .check(let node, let pool, let readsData):
            .pool(try PoolChecks.begin(node, pool, readsData: readsData, &turn))
        case .setRetention(let releases): try Retention.set(releases, &turn)
        }
    }

    // MARK: - Pools, catalog, packages

    /// Another quota; refused below what a pool holds, but for the pool of patches, which drops
    /// what was used longest ago.
    static func setQuota(
        _ node: NodeID, _ name: NodeName, _ quota: ByteCount, _ turn: inout HubTurn
    ) throws -> PoolRecord {
        guard var pool = try turn.store.pool(node: node, name: name) else {
            throw HubRefusal.notFound("there is no pool \(name) there")
        }
        let isPatches = node == turn.configuration.hub && name == turn.configuration.patchPoolName
        guard isPatches || quota >= pool.used + pool.reserved else {
            throw HubRefusal.conflict(
                "the pool holds \(pool.used + pool.reserved), more than a quota of \(quota); choose a larger "
                    + "quota, or keep fewer releases ('axle pool retention', then 'axle pool prune')")
        }
        guard (pool.wantedQuota ?? pool.quota) != quota else { return pool }
        pool.wantedQuota = quota
        try turn.store.putPool(pool)
        try turn.log(.notice, .quotaSet, "pool/\(name)", "the quota of \(name) is to be \(quota)")
        if isPatches {
            try Patches.shrink(to: quota, &turn)
            turn.effect(.setPatchQuota(quota))
        } else if node == turn.configuration.hub {
            turn.effect(.setQuota(name, quota))
        } else {
            turn.note(.spokeNeedsDelivery(node))
        }
        return pool
    }

    static func setAccess(
        _ node: NodeID, _ name: NodeName, _ access: PoolAccess, _ turn: inout HubTurn
    ) throws -> PoolRecord {
        guard var pool = try turn.store.pool(node: node, name: name) else {
            throw HubRefusal.notFound("there is no pool \(name) there")
        }
        try refusePatches(node, name, turn)
        guard (pool.wantedAccess ?? pool.access) != access else { return pool }
        if access == .draining {
            let others = try turn.store.pools(of: node).filter {
                $0.name != name && $0.name != turn.configuration.patchPoolName
            }
            guard !others.isEmpty else {
                throw HubRefusal.conflict(
                    "pool \(name) is the only one there, and has nowhere to go; add another with add-pool first")
            }
        }
        pool.wantedAccess = access
        try turn.log(.notice, .poolAccessSet, "pool/\(name)", "pool \(name) is to be \(access.name)")
        if node == turn.configuration.hub {
            pool.access = access
            pool.wantedAccess = nil
            turn.effect(.setAccess(name, access))
            if access == .readWrite { try retryFailedImports(&turn) }
        } else {
            turn.note(.spokeNeedsDelivery(node))
        }
        try turn.store.putPool(pool)
        return pool
    }

    /// The pool of patches keeps itself: all of it can be made again.
    static func refusePatches(_ node: NodeID, _ name: NodeName, _ turn: HubTurn) throws {
        guard node == turn.configuration.hub, name == turn.configuration.patchPoolName else { return }
        throw HubRefusal.invalid(
            "pool \(name) keeps itself; what is used least goes first, and anything in it can be made again")
    }

    /// Sends what a spoke's pools are not set to yet.
    static func sendAccess(to delivery: SpokeDelivery, _ turn: inout HubTurn) throws {
        for pool in try turn.store.pools(of: delivery.spoke) {
            guard let wanted = pool.wantedAccess else { continue }
            turn.ask(
                delivery.spoke, .setAccess(SetAccess(pool: pool.name, access: wanted)), .setAccess(pool.name, wanted))
        }
    }

    static func accessAnswered(
        _ name: NodeName, _ access: PoolAccess, _ spoke: NodeID, _ error: ErrorReply?, _ turn: inout HubTurn
    ) throws {
        guard var pool = try turn.store.pool(node: spoke, name: name) else { return }
        // Another one may be wanted by now; it is sent next.
        if pool.wantedAccess == access { pool.wantedAccess = nil }
        if let error {
            let why = error.code == .unsupported ? "its release does not know \(access.name); update it" : error.text
            try turn.log(.warning, .poolAccessSet, "pool/\(name)", "the spoke did not set it: \(why)")
        } else {
            pool.access = access
        }
        try turn.store.putPool(pool)
    }
    /// The hub starts: its pools get the quotas and accesses that operators want.
    static func start(_ figures: PoolFigures, _ turn: inout HubTurn) throws {
        try poolChanged(figures, &turn)
        let hub = turn.configuration.hub
        for pool in try turn.store.pools(of: hub) where pool.name != turn.configuration.patchPoolName {
            if let wanted = pool.wantedQuota { turn.effect(.setQuota(pool.name, wanted)) }
            if pool.access != .readWrite { turn.effect(.setAccess(pool.name, pool.access)) }
        }
    }

    /// The hub's own pools have changed.
    static func poolChanged(_ figures: PoolFigures, _ turn: inout HubTurn) throws {
        let pools = figures.each(first: turn.configuration.poolName)
        try forgetPools(of: turn.configuration.hub, but: pools.map(\.name) + [turn.configuration.patchPoolName], &turn)
        for pool in pools {
            let known = try turn.store.pool(node: turn.configuration.hub, name: pool.name)
            // What a pool holds whose disk is gone is what was known of it.
            let account = pool.account
            let used = pool.problem == nil ? account.used : known?.used ?? .zero
            try turn.store.putPool(
                PoolRecord(
                    node: turn.configuration.hub, name: pool.name, quota: account.quota, used: used,
                    reserved: account.reserved, freeOnDisk: account.freeOnDisk,
                    wantedQuota: known?.wantedQuota == account.quota ? nil : known?.wantedQuota,
                    access: known?.access ?? .readWrite, problem: pool.problem, reported: turn.now))
            try warnIfFuller(
                pool.name, "the hub", known, quota: account.quota, committed: used + account.reserved, &turn)
            if known.map({ account.quota > $0.quota }) ?? (pools.count > 1) { try retryFailedImports(&turn) }
        }
    }

    /// Forgets the pools of a node that it does not have any more.
    private static func forgetPools(of node: NodeID, but names: [NodeName], _ turn: inout HubTurn) throws {
        for pool in try turn.store.pools(of: node) where !names.contains(pool.name) {
            try turn.store.removePool(node: node, name: pool.name)
            try turn.store.removeCheck(node: node, pool: pool.name)
        }
    }

    /// There is more room than before: what waits for it is tried at once.
    static func retryFailedImports(_ turn: inout HubTurn) throws {
        for var record in try turn.store.packages(in: .failed) where record.nextTry.map({ $0 > turn.now }) ?? false {
            record.nextTry = turn.now
            try turn.store.putPackage(record)
        }
    }

    static func reported(
        _ status: PoolStatus, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, _ turn: inout HubTurn
    ) throws {
        let known = try turn.store.pool(node: spoke, name: status.pool)
        let quota = ByteCount(status.quota)
        let isHere = status.problem == nil
        // What a pool holds whose disk is gone is what was known of it; what it may be used for is
        // as it was.
        let used = isHere ? ByteCount(status.used) : known?.used ?? .zero
        let access = isHere ? status.access : known?.access ?? .readWrite
        try turn.store.putPool(
            PoolRecord(
                node: spoke, name: status.pool, quota: quota, used: used,
                reserved: ByteCount(status.reserved), freeOnDisk: ByteCount(status.freeOnDisk),
                wantedQuota: known?.wantedQuota == quota ? nil : known?.wantedQuota,
                access: access, wantedAccess: known?.wantedAccess == access ? nil : known?.wantedAccess,
                problem: status.problem.map { Event.singleLine($0, limit: 512) }, reported: turn.now))
        // A spoke with one pool, and an older one, names none: then what it says of is all that it
        // has.
        try forgetPools(of: spoke, but: status.pools.contains(status.pool) ? status.pools : [status.pool], &turn)
        try warnIfFuller(
            status.pool, "spoke \(try turn.store.spoke(spoke)?.name.text ?? "\(spoke)")", known, quota: quota,
            committed: used + ByteCount(status.reserved), &turn)
        if known?.wantedQuota != nil { turn.note(.spokeNeedsDelivery(spoke)) }
        // What made way for something else may come back.
        if let known, quota - used > known.quota - known.used, try !turn.store.prunes(at: spoke).isEmpty {
            turn.note(.roomier(spoke))
        }
        turn.reply(link, request, .ok(OK()))
    }

    /// Warns when a pool has come to the next step of being full; what was said before is not said
    /// again.
    private static func warnIfFuller(
        _ name: NodeName, _ owner: String, _ known: PoolRecord?, quota: ByteCount, committed: ByteCount,
        _ turn: inout HubTurn
    ) throws {
        let level = PoolLevel(committed: committed, quota: quota)
        let before = known.map { PoolLevel(committed: $0.used + $0.reserved, quota: $0.quota) } ?? .roomy
        guard level > before else { return }
        try turn.log(
            .warning, .poolFilling, "pool/\(name)",
            "pool \(name) of \(owner) is \(level.rawValue) per cent full: \(committed) of \(quota); raise its quota or remove packages"
        )
    }

    /// Sends the quotas that a spoke does not have yet.
    static func sendQuotas(to delivery: SpokeDelivery, _ turn: inout HubTurn) throws {
        for pool in try turn.store.pools(of: delivery.spoke) {
            guard let wanted = pool.wantedQuota else { continue }
            turn.ask(
                delivery.spoke, .setQuota(SetQuota(pool: pool.name, quota: wanted.bytes)), .setQuota(pool.name, wanted))
        }
    }

    static func quotaAnswered(
        _ name: NodeName, _ quota: ByteCount, _ spoke: NodeID, _ error: ErrorReply?, _ turn: inout HubTurn
    ) throws {
        guard var pool = try turn.store.pool(node: spoke, name: name) else { return }
        // Another one may be wanted by now; it is sent next.
        if pool.wantedQuota == quota { pool.wantedQuota = nil }
        if let error {
            try turn.log(.warning, .quotaSet, "pool/\(name)", "the quota was not set: \(error.text)")
        } else {
            pool.quota = quota
        }
        try turn.store.putPool(pool)
    }
}

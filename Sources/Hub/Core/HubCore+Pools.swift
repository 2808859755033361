import Model
import Protocol
import Storage

/// Pools and presence: what spokes say about themselves, and the quotas that operators want.
extension HubCore {
    /// The hub's own pools have changed.
    mutating func poolChanged(_ figures: PoolFigures, at now: UnixTime) throws {
        let pools = figures.each(first: configuration.poolName)
        try forgetPools(of: configuration.hub, but: pools.map(\.name) + [configuration.patchPoolName])
        for pool in pools {
            let known = try store.pool(node: configuration.hub, name: pool.name)
            // What a pool holds whose disk is gone is what was known of it.
            let account = pool.account
            let used = pool.problem == nil ? account.used : known?.used ?? .zero
            try store.putPool(
                PoolRecord(
                    node: configuration.hub, name: pool.name, quota: account.quota, used: used,
                    reserved: account.reserved, freeOnDisk: account.freeOnDisk,
                    wantedQuota: known?.wantedQuota == account.quota ? nil : known?.wantedQuota,
                    access: known?.access ?? .readWrite, problem: pool.problem, reported: now))
            try warnIfFuller(
                pool.name, "the hub", known, quota: account.quota, committed: used + account.reserved, at: now)
            if known.map({ account.quota > $0.quota }) ?? (pools.count > 1) { try retryFailedImports(at: now) }
        }
    }

    /// Forgets the pools of a node that it does not have any more.
    private mutating func forgetPools(of node: NodeID, but names: [NodeName]) throws {
        for pool in try store.pools() where pool.node == node && !names.contains(pool.name) {
            try store.removePool(node: node, name: pool.name)
            try store.removeCheck(node: node, pool: pool.name)
        }
    }

    /// There is more room than before: what waits for it is tried at once.
    mutating func retryFailedImports(at now: UnixTime) throws {
        for var record in try store.packages(in: .failed) where record.nextTry.map({ $0 > now }) ?? false {
            record.nextTry = now
            try store.putPackage(record)
        }
    }

    mutating func poolReported(
        _ status: PoolStatus, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, at now: UnixTime
    ) throws {
        let known = try store.pool(node: spoke, name: status.pool)
        let quota = ByteCount(status.quota)
        let isHere = status.problem == nil
        // What a pool holds whose disk is gone is what was known of it; what it may be used for is as it was.
        let used = isHere ? ByteCount(status.used) : known?.used ?? .zero
        let access = isHere ? status.access : known?.access ?? .readWrite
        try store.putPool(
            PoolRecord(
                node: spoke, name: status.pool, quota: quota, used: used,
                reserved: ByteCount(status.reserved), freeOnDisk: ByteCount(status.freeOnDisk),
                wantedQuota: known?.wantedQuota == quota ? nil : known?.wantedQuota,
                access: access, wantedAccess: known?.wantedAccess == access ? nil : known?.wantedAccess,
                problem: status.problem.map { Event.singleLine($0, limit: 512) }, reported: now))
        // A spoke with one pool, and an older one, names none: then what it says of is all that it has.
        try forgetPools(of: spoke, but: status.pools.contains(status.pool) ? status.pools : [status.pool])
        try warnIfFuller(
            status.pool, "spoke \(try store.spoke(spoke)?.name.text ?? "\(spoke)")", known, quota: quota,
            committed: used + ByteCount(status.reserved),
            at: now)
        if known?.wantedQuota != nil { dirtySpokes.insert(spoke) }
        // What made way for something else may come back.
        if let known, quota - used > known.quota - known.used, try !store.prunes(at: spoke).isEmpty {
            arePrunesDue = true
        }
        reply(link, request, .ok(OK()))
    }

    /// Warns when a pool has come to the next step of being full; what was said before is not said again.
    private mutating func warnIfFuller(
        _ name: NodeName, _ owner: String, _ known: PoolRecord?, quota: ByteCount, committed: ByteCount,
        at now: UnixTime
    ) throws {
        let level = PoolLevel(committed: committed, quota: quota)
        let before = known.map { PoolLevel(committed: $0.used + $0.reserved, quota: $0.quota) } ?? .roomy
        guard level > before else { return }
        try log(
            .warning, .poolFilling, "pool/\(name)",
            "pool \(name) of \(owner) is \(level.rawValue) per cent full: \(committed) of \(quota); raise its quota or remove packages",
            at: now)
    }

    /// Sends the quotas that a spoke does not have yet.
    mutating func sendQuotas(_ link: LinkID, _ spoke: NodeID) throws {
        for pool in try store.pools() where pool.node == spoke {
            guard let wanted = pool.wantedQuota else { continue }
            ask(
                link, .setQuota(SetQuota(pool: pool.name, quota: wanted.bytes)), .setQuota(pool.name, wanted))
        }
    }

    mutating func quotaAnswered(
        _ name: NodeName, _ quota: ByteCount, _ spoke: NodeID, _ error: ErrorReply?, at now: UnixTime
    ) throws {
        guard var pool = try store.pool(node: spoke, name: name) else { return }
        // Another one may be wanted by now; it is sent next.
        if pool.wantedQuota == quota { pool.wantedQuota = nil }
        if let error {
            try log(.warning, .quotaSet, "pool/\(name)", "the quota was not set: \(error.text)", at: now)
        } else {
            pool.quota = quota
        }
        try store.putPool(pool)
    }

    /// An agent came or went; the answer tells the spoke whether the agent is its own.
    mutating func presenceReported(
        _ presence: Presence, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, at now: UnixTime
    ) throws {
        guard var client = try store.client(presence.agent), client.spoke == spoke else {
            try log(
                .warning, .peerRefused, "agent/\(presence.agent)",
                "an agent is at a spoke that it does not belong to", at: now)
            return refuse(link, request, .refused, "this agent does not belong to this spoke")
        }
        guard client.revoked == nil else { return refuse(link, request, .refused, "this agent has been revoked") }
        // Coming and going is the agent's own doing; each has few sessions a minute.
        cause = .client(client.id)
        if client.isConnected != presence.isConnected {
            client.isConnected = presence.isConnected
            client.since = min(presence.since, now)
            try store.updateClient(client)
            let word = presence.isConnected ? "has connected" : "is no longer connected"
            try log(
                .info, presence.isConnected ? .agentConnected : .agentDisconnected, "client/\(client.name)",
                "\(client.name) \(word)", at: now)
        }
        reply(link, request, .ok(OK(reportKey: client.reportKey)))
    }
}

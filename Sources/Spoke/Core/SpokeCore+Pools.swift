import Model
import Protocol
import Storage

/// Several pools: what the hub hears of each, where packages are, and what a disk that is gone means for them.
extension SpokeCore {
    /// Tells the hub of every pool, but for those that are as they were.
    mutating func sendPoolStatus(but known: [PoolChain.Standing] = []) {
        guard let hub else { return }
        let pools = pool.each(first: poolName)
        let isAnother = pools.map(\.name) != known.map(\.name)
        for pool in pools where isAnother || !known.contains(pool) {
            let account = pool.account
            let message = PoolStatus(
                pool: pool.name, quota: account.quota.bytes, used: account.used.bytes,
                reserved: account.reserved.bytes, freeOnDisk: account.freeOnDisk.bytes, access: account.access,
                problem: pool.problem,
                pools: self.pool.pools.prefix(PoolStatus.limit).map(\.name))
            supersede(.poolStatus(pool.name))
            ask(hub, .poolStatus(message), .poolStatus(pool.name))
        }
    }

    /// Whether there is a pool of that name.
    func has(_ name: NodeName) -> Bool { pool.each(first: poolName).contains { $0.name == name } }

    mutating func keepQuota(_ quota: ByteCount, of name: NodeName) throws {
        if name == poolName { return try store.set(.quota, to: Array(String(quota.bytes).utf8)) }
        var settings = try PoolSettings(store)
        settings[name].quota = quota
        try settings.keep(in: store)
    }

    mutating func keepAccess(_ access: PoolAccess, of name: NodeName) throws {
        if name == poolName { return try store.set(.access, to: Array(access.name.utf8)) }
        var settings = try PoolSettings(store)
        settings[name].access = access
        try settings.keep(in: store)
    }

    // MARK: Places

    /// Where objects are; the hub hears of replicas that are in another pool than before.
    mutating func placed(_ news: [SHA256Digest: PoolPlace]) throws {
        let moved = news.filter { places[$0.key]?.pool != $0.value.pool }
        places.merge(news) { _, new in new }
        guard hub != nil, !moved.isEmpty else { return }
        for replica in try store.replicas() where replica.state == .verified {
            let objects = [replica.sha256, replica.packed?.sha256].compactMap { $0 }
            if objects.contains(where: { moved[$0] != nil }) { sendState(of: replica) }
        }
    }

    /// Where a replica is: its published file, else its content.
    func place(of replica: WantedReplica) -> PoolPlace? {
        guard pool.pools.count > 1 else { return nil }
        if held.contains(replica.sha256), let place = places[replica.sha256] { return place }
        return replica.packed.flatMap { held.contains($0.sha256) ? places[$0.sha256] : nil }
    }

    func placeText(of replica: WantedReplica) -> String {
        place(of: replica).map { "; \($0)" } ?? ""
    }

    // MARK: Disks that are gone

    var absentPool: PoolChain.Standing? { pool.pools.first { $0.problem != nil } }
    var isEveryPoolHere: Bool { absentPool == nil }

    /// A pool's disk is gone, or is here again.
    mutating func poolsMoved(
        _ went: Set<SHA256Digest>, _ came: Set<SHA256Digest>, _ text: String, at now: UnixTime
    ) throws {
        held.subtract(went)
        held.formUnion(came)
        isKeepingDue = true
        nextAttempt = .zero
        try log(went.isEmpty ? .notice : .error, .poolAvailability, "pool", text, at: now)
        for var replica in try store.replicas() where attempts[replica.sha256] == nil {
            if replica.isHeld(held) {
                // Also one that was to go meanwhile: the hub says so again.
                guard came.contains(replica.sha256) || replica.packed.map({ came.contains($0.sha256) }) ?? false,
                    replica.state != .verified
                else { continue }
                missing.remove(replica.sha256)
                replica.state = .verified
                replica.text = ""
                replica.attempts = 0
                replica.notBefore = .zero
                try store.save(replica)
                sendState(of: replica)
            } else if replica.state == .verified, let absent = absentPool {
                try miss(&replica, absent, at: now)
                sendState(of: replica)
            }
        }
        if !came.isEmpty { try retryWaitingReplicas() }
    }

    /// A package was in a pool whose disk is gone: that may come back, and costs nothing then.
    mutating func miss(_ replica: inout WantedReplica, _ pool: PoolChain.Standing, at now: UnixTime) throws {
        missing.insert(replica.sha256)
        replica.state = .pending
        replica.text =
            "pool \(pool.name) is unavailable: \(pool.problem ?? "its disk is gone"); the package is fetched again if that lasts "
            + "an hour, or an agent asks for it"
        replica.notBefore = now + SpokeLimits.diskPatience
        try store.save(replica)
    }

    /// An agent asks for a package that waits for a disk: it is fetched again.
    mutating func fetchMissing(_ replica: WantedReplica) throws {
        guard missing.remove(replica.sha256) != nil, replica.notBefore > .zero else { return }
        var replica = replica
        replica.notBefore = .zero
        nextAttempt = .zero
        try store.save(replica)
    }
}

import Model
import Protocol
import Storage

/// Retention: what goes from the hub's pool and from the spokes', by plan, and what comes back when the plan wants it again.
///
/// What is told to go counts as gone at once: nobody is ordered to install it before it is verified again.
extension HubCore {
    var queries: HubQueries { HubQueries(store: store, zones: configuration.zones) }

    // MARK: - Plans

    /// Executes the plan for a pool.
    mutating func prune(_ node: NodeID, _ name: NodeName, at now: UnixTime) throws -> PrunePlan {
        guard try store.pool(node: node, name: name) != nil else {
            throw HubRefusal.notFound("there is no pool \(name) there")
        }
        try refusePatches(node, name)
        let plan = try queries.prunePlan(of: node, isHub: node == configuration.hub, in: name)
        for removal in plan.removals { try take(removal, removal.text, from: node, at: now) }
        if !plan.removals.isEmpty {
            try log(
                .notice, .poolPruned, "pool/\(name)",
                "\(Self.packages(plan.removals.count)) removed from pool \(name): \(plan.freed)",
                at: now)
        }
        return plan
    }

    /// Makes room for a package that a pool (one of several, where it is named) wants and has no room for, if the rules keep it there; true if room will come.
    ///
    /// One that the rules would let go does not come in: it is noted as pruned. What a live rollout needs goes
    /// before what nothing but the retention keeps. `isHere` says that the package is in the pool already, and more is needed for its content.
    @discardableResult
    mutating func makeRoom(
        _ lacking: ByteCount, in pool: NodeName?, for package: Package, at node: NodeID, isHere: Bool = false,
        at now: UnixTime
    ) throws -> Bool {
        let isHub = node == configuration.hub
        let plan = try queries.prunePlan(of: node, isHub: isHub, in: pool, more: [package])
        if let own = plan.removals.first(where: { $0.holding.digest == package.sha256 }) {
            guard !isHere else { return false }
            let text = "there is no room for it, and \(own.text)"
            try isHub
                ? takeFromHub(package, text, at: now) : takeFromSpoke(package.path, package.sha256, node, text, at: now)
            return false
        }
        guard lacking > .zero else { return false }
        func length(_ removals: [PrunePlan.Removal]) -> ByteCount {
            removals.reduce(.zero) { $0 + $1.holding.length }
        }
        let removals = plan.removals(freeing: lacking)
        var rollout: String?
        if case .liveRollout(let name) = plan.kept.first(where: { $0.digest == package.sha256 })?.reason {
            rollout = name
        }
        let yielding = rollout == nil ? [] : plan.yielding(freeing: lacking - length(removals))
        guard length(removals) + length(yielding) >= lacking else { return false }
        for removal in removals { try take(removal, removal.text, from: node, at: now) }
        for removal in yielding {
            try take(removal, "rollout \(rollout ?? "") needs its room", from: node, at: now)
        }
        let count = removals.count + yielding.count
        try log(
            .notice, .poolPruned, "package/\(package.path)",
            "\(Self.packages(count)) removed to make room for \(package.path), "
                + (yielding.isEmpty ? "as the retention allows" : "which rollout \(rollout ?? "") needs"), at: now)
        return true
    }

    /// `1 package is`, `2 packages are`.
    private static func packages(_ count: Int) -> String { count == 1 ? "1 package is" : "\(count) packages are" }

    private mutating func take(
        _ removal: PrunePlan.Removal, _ text: String, from node: NodeID, at now: UnixTime
    ) throws {
        let digest = removal.holding.digest
        guard node == configuration.hub else {
            for replica in try store.replicas(at: node) where replica.digest == digest {
                try takeFromSpoke(replica.path, digest, node, text, at: now)
            }
            return
        }
        for record in try store.packages(in: .imported) where record.package.sha256 == digest {
            try takeFromHub(record.package, text, at: now)
        }
    }

    mutating func takeFromHub(_ package: Package, _ text: String, at now: UnixTime) throws {
        guard var record = try store.package(package.path) else { return }
        try store.putPrune(
            PruneRecord(
                node: configuration.hub, path: package.path, digest: package.sha256, text: text, isDone: true,
                asked: now))
        if record.state != .retired { record.state = .announced }
        record.bytesHeld = 0
        record.changed = now
        record.nextTry = nil
        record.error = "not kept here: \(text)"
        try store.putPackage(record)
        try store.removePlace(node: configuration.hub, path: package.path)
        damaged.remove(package.path)
        try evict(package.sha256, of: package.path, at: now)
        // A spoke that has not got it yet cannot get it from here any more.
        for replica in try store.replicas(of: package.path)
        where replica.state != .verified && replica.state != .evicted {
            try takeFromSpoke(package.path, replica.digest, replica.spoke, text, at: now)
        }
    }

    /// Lets a package's bytes go from the hub's pool, unless they are another package's too, which stays.
    mutating func evict(_ digest: SHA256Digest, of path: TargetPath, at now: UnixTime) throws {
        let isShared = try store.packages().contains {
            $0.package.sha256 == digest && $0.package.path != path && ($0.isHere || $0.state == .downloading)
        }
        if !isShared { evicting[digest] = now }
    }

    mutating func takeFromSpoke(
        _ path: TargetPath, _ digest: SHA256Digest, _ spoke: NodeID, _ text: String, at now: UnixTime
    ) throws {
        guard var replica = try store.replica(spoke: spoke, path: path), replica.digest == digest else { return }
        try store.putPrune(PruneRecord(node: spoke, path: path, digest: digest, text: text, asked: now))
        replica.state = .evicted
        replica.bytesHeld = 0
        replica.text = text
        replica.lacking = nil
        // There is nothing to be wished for.
        replica.isAcknowledged = true
        replica.changed = now
        try store.putReplica(replica)
        try store.removePlace(node: spoke, path: path)
        dirtySpokes.insert(spoke)
    }

    // MARK: - Coming back

    /// What was pruned and is wanted again by a rollout, a pin or the retention is fetched again; by a spoke only where the hub has it or fetches it too.
    mutating func reconsiderPrunes(at now: UnixTime) throws {
        guard arePrunesDue else { return }
        arePrunesDue = false
        let hub = configuration.hub
        // The hub's own first: what it lets go of it cannot send.
        for node in try store.prunedNodes().sorted(by: { $0 == hub && $1 != hub }) {
            let isHub = node == hub
            var packages: [Package] = []
            let prunes = try store.prunes(at: node)
            for prune in prunes {
                guard let record = try store.package(prune.path), record.package.sha256 == prune.digest else {
                    // The catalog has another package there now.
                    try store.removePrune(node: node, path: prune.path)
                    continue
                }
                // What the catalog no longer names cannot come back; that it was to go is still to be done.
                if record.state != .retired { packages.append(record.package) }
            }
            let plan = try queries.prunePlan(of: node, isHub: isHub, more: packages)
            let reasons = Dictionary(plan.kept.map { ($0.digest, $0.reason) }) { first, _ in first }
            var room = try freeRoom(at: node)
            for package in packages {
                guard let reason = reasons[package.sha256] else { continue }
                // What nothing but the retention wants comes back only where there is room for it: it may have
                // made way for a rollout.
                if reason.isRule, let free = room {
                    guard ByteCount(package.length) <= free else { continue }
                    room = free - ByteCount(package.length)
                }
                if !isHub, try store.prune(node: hub, path: package.path)?.digest == package.sha256 { continue }
                try store.removePrune(node: node, path: package.path)
                // It need not go first if it has not gone yet.
                if isHub, case .some(.some) = evicting[package.sha256] { evicting[package.sha256] = nil }
                guard !isHub, var replica = try store.replica(spoke: node, path: package.path) else { continue }
                replica.state = .pending
                replica.isAcknowledged = false
                replica.text = nil
                replica.forgetWay()
                replica.changed = now
                try store.putReplica(replica)
                dirtySpokes.insert(node)
            }
        }
    }

    /// Bytes that are free in a node's pools when all has come that is wanted there; nil where it has not said.
    private func freeRoom(at node: NodeID) throws -> ByteCount? {
        let pools = try store.pools().filter { $0.node == node && $0.name != configuration.patchPoolName }
        guard !pools.isEmpty else { return nil }
        let free = pools.reduce(ByteCount.zero) { $0 + ($1.quota - $1.used - $1.reserved) }
        guard node != configuration.hub else {
            let coming = try store.packages(in: .downloading).reduce(ByteCount.zero) {
                $0 + ByteCount($1.package.length)
            }
            return free - coming
        }
        var coming = ByteCount.zero
        for replica in try store.replicas(at: node) where replica.state != .verified && replica.state != .evicted {
            if let package = try store.package(replica.path)?.package { coming = coming + ByteCount(package.length) }
        }
        return free - coming
    }

    /// Whether the hub does not import the package, by plan, or because it is on its way out.
    func isPrunedHere(_ package: Package) throws -> Bool {
        if evicting[package.sha256] != nil { return true }
        return try store.prune(node: configuration.hub, path: package.path)?.digest == package.sha256
    }

    // MARK: - The hub's own pool

    /// What the plan took and a cut left in the pool goes now.
    mutating func resumeEvictions(held: Set<SHA256Digest>, at now: UnixTime) throws {
        evicting = [:]
        for prune in try store.prunes(at: configuration.hub) where held.contains(prune.digest) {
            try evict(prune.digest, of: prune.path, at: now)
        }
    }

    /// Evicts what is due; gives when the next one is.
    mutating func pumpEvictions(at now: UnixTime) throws -> UnixTime? {
        for (digest, due) in evicting.sorted(by: { $0.key < $1.key }) {
            guard let due, due <= now else { continue }
            evicting[digest] = .some(nil)
            let objects = try objects(of: digest)
            patching.contents.subtract(objects)
            effects.append(.evict(objects))
        }
        return evicting.values.compactMap { $0 }.min()
    }

    /// The published file and what is inside it, unless a package that stays needs that too.
    private func objects(of digest: SHA256Digest) throws -> [SHA256Digest] {
        let records = try store.packages()
        let content = records.first { $0.package.sha256 == digest }?.package.metadata.content?.sha256
        guard let content, content != digest else { return [digest] }
        let isShared = records.contains { record in
            record.package.sha256 != digest && record.state == .imported
                && (record.package.sha256 == content || record.package.metadata.content?.sha256 == content)
        }
        return isShared ? [digest] : [digest, content]
    }

    mutating func evicted(_ digest: SHA256Digest, refusal: String?, at now: UnixTime) throws {
        guard evicting[digest] != nil else { return }
        guard refusal == nil else {
            // It is being read; it goes when nobody does.
            evicting[digest] = now + HubLimits.evictionRetry
            return
        }
        evicting[digest] = nil
        for prune in try store.prunes(at: configuration.hub) where prune.digest == digest {
            try log(
                .info, .replicaEvicted, "package/\(prune.path)", "\(prune.path) has left the hub's pool: \(prune.text)",
                at: now)
        }
        try retryFailedImports(at: now)
    }

    // MARK: - Spokes

    /// Sends what a spoke has not said to be gone yet.
    mutating func sendEvictions(_ link: LinkID, _ spoke: NodeID) throws {
        let due = try store.prunes(at: spoke).filter { !$0.isDone && !isHeld(.evict($0.path), link) }
        for prune in due.prefix(HubLimits.inFlight) {
            let content = try store.package(prune.path)?.package.metadata.content?.sha256
            ask(
                link,
                .evict(Evict(path: prune.path, sha256: prune.digest, content: content, text: prune.text)),
                .evict(prune.path))
        }
    }

    mutating func evictAnswered(
        _ path: TargetPath, _ spoke: NodeID, _ error: ErrorReply?, at now: UnixTime
    ) throws {
        // Wanted again meanwhile: the wish is on its way.
        guard var prune = try store.prune(node: spoke, path: path) else { return }
        guard let error else {
            prune.isDone = true
            return try store.putPrune(prune)
        }
        try log(.warning, .replicaFailed, "package/\(path)", "the spoke did not let it go: \(error.text)", at: now)
        try store.removePrune(node: spoke, path: path)
        // What it holds it says on its next connection.
        close(spoke, "say again what you hold")
    }

    /// Whether what a spoke says about a replica is about one that the plan has taken from it.
    mutating func isPruned(_ message: Replica, at spoke: NodeID) throws -> Bool {
        guard var prune = try store.prune(node: spoke, path: message.path), prune.digest == message.sha256 else {
            return false
        }
        if prune.isDone, message.state != .evicted {
            // Put back to an earlier time, or cut before it was on its disk.
            prune.isDone = false
            try store.putPrune(prune)
            dirtySpokes.insert(spoke)
        }
        return true
    }
}

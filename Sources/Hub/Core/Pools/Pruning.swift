import Model
import Protocol
import Storage

/// What goes from the hub's pool and from the spokes', by the retention's plan or because a person
/// says so.
///
/// What is told to go counts as gone at once: nobody is ordered to install it before it is verified
/// again.
enum Pruning {
    // MARK: - Plans

    /// Executes the plan for a pool.
    static func prune(_ node: NodeID, _ name: NodeName, _ turn: inout HubTurn) throws -> PrunePlan {
        guard try turn.store.pool(node: node, name: name) != nil else {
            throw HubRefusal.notFound("there is no pool \(name) there")
        }
        try Pools.refusePatches(node, name, turn)
        let plan = try turn.queries.prunePlan(of: node, isHub: node == turn.configuration.hub, in: name)
        for removal in plan.removals { try take(removal, removal.text, from: node, &turn) }
        if !plan.removals.isEmpty {
            try turn.log(
                .notice, .poolPruned, "pool/\(name)",
                "\(packages(plan.removals.count)) removed from pool \(name): \(plan.freed)")
        }
        return plan
    }

    /// Makes room for a package that a pool (one of several, where it is named) wants and has no
    /// room for, if the rules keep it there; true if room will come.
    ///
    /// One that the rules would let go does not come in: it is noted as pruned. What a live rollout
    /// needs goes before what nothing but the retention keeps. `isHere` says that the package is in
    /// the pool already, and more is needed for its content.
    @discardableResult
    static func makeRoom(
        _ lacking: ByteCount, in pool: NodeName?, for package: Package, at node: NodeID, isHere: Bool = false,
        _ turn: inout HubTurn
    ) throws -> Bool {
        let isHub = node == turn.configuration.hub
        let plan = try turn.queries.prunePlan(of: node, isHub: isHub, in: pool, more: [package])
        if let own = plan.removals.first(where: { $0.holding.digest == package.sha256 }) {
            guard !isHere else { return false }
            let text = "there is no room for it, and \(own.text)"
            try isHub
                ? takeFromHub(package, text, &turn) : takeFromSpoke(package.path, package.sha256, node, text, &turn)
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
        for removal in removals { try take(removal, removal.text, from: node, &turn) }
        for removal in yielding {
            try take(removal, "rollout \(rollout ?? "") needs its room", from: node, &turn)
        }
        let count = removals.count + yielding.count
        try turn.log(
            .notice, .poolPruned, "package/\(package.path)",
            "\(packages(count)) removed to make room for \(package.path), "
                + (yielding.isEmpty ? "as the retention allows" : "which rollout \(rollout ?? "") needs"))
        return true
    }

    /// `1 package is`, `2 packages are`.
    private static func packages(_ count: Int) -> String { count == 1 ? "1 package is" : "\(count) packages are" }

    private static func take(
        _ removal: PrunePlan.Removal, _ text: String, from node: NodeID, _ turn: inout HubTurn
    ) throws {
        let digest = removal.holding.digest
        guard node == turn.configuration.hub else {
            for replica in try turn.store.replicas(at: node) where replica.digest == digest {
                try takeFromSpoke(replica.path, digest, node, text, &turn)
            }
            return
        }
        for record in try turn.store.packages(in: .imported) where record.package.sha256 == digest {
            try takeFromHub(record.package, text, &turn)
        }
    }

    static func takeFromHub(_ package: Package, _ text: String, _ turn: inout HubTurn) throws {
        guard var record = try turn.store.package(package.path) else { return }
        try turn.store.putPrune(
            PruneRecord(
                node: turn.configuration.hub, path: package.path, digest: package.sha256, text: text, isDone: true,
                asked: turn.now))
        if record.state != .retired { record.state = .announced }
        record.bytesHeld = 0
        record.changed = turn.now
        record.nextTry = nil
        record.error = "not kept here: \(text)"
        try turn.store.putPackage(record)
        try turn.store.removePlace(node: turn.configuration.hub, path: package.path)
        turn.note(.notKept(package.path))
        try evict(package.sha256, of: package.path, &turn)
        // A spoke that has not got it yet cannot get it from here any more.
        for replica in try turn.store.replicas(of: package.path)
        where replica.state != .verified && replica.state != .evicted {
            try takeFromSpoke(package.path, replica.digest, replica.spoke, text, &turn)
        }
    }

    /// Lets a package's bytes go from the hub's pool, unless they are another package's too, which
    /// stays.
    static func evict(_ digest: SHA256Digest, of path: TargetPath, _ turn: inout HubTurn) throws {
        let isShared = try turn.store.packages().contains {
            $0.package.sha256 == digest && $0.package.path != path && ($0.isHere || $0.state == .downloading)
        }
        if !isShared { turn.note(.leaves(digest)) }
    }

    static func takeFromSpoke(
        _ path: TargetPath, _ digest: SHA256Digest, _ spoke: NodeID, _ text: String, _ turn: inout HubTurn
    ) throws {
        guard var replica = try turn.store.replica(spoke: spoke, path: path), replica.digest == digest else { return }
        try turn.store.putPrune(PruneRecord(node: spoke, path: path, digest: digest, text: text, asked: turn.now))
        replica.state = .evicted
        replica.bytesHeld = 0
        replica.text = text
        replica.lacking = nil
        // There is nothing to be requested.
        replica.isAcknowledged = true
        replica.changed = turn.now
        try turn.store.putReplica(replica)
        try turn.store.removePlace(node: spoke, path: path)
        turn.note(.spokeNeedsDelivery(spoke))
    }

    // MARK: - Spokes

    /// Sends what a spoke has not said to be gone yet.
    static func send(to delivery: SpokeDelivery, _ turn: inout HubTurn) throws {
        let due = try turn.store.prunes(at: delivery.spoke).filter { !$0.isDone && !delivery.isHeld(.evict($0.path)) }
        for prune in due.prefix(HubLimits.inFlight) {
            let content = try turn.store.package(prune.path)?.package.metadata.content?.sha256
            turn.ask(
                delivery.spoke,
                .evict(Evict(path: prune.path, sha256: prune.digest, content: content, text: prune.text)),
                .evict(prune.path))
        }
    }

    /// A spoke lets a package go, or does not.
    static func answered(
        _ path: TargetPath, _ spoke: NodeID, _ error: ErrorReply?, _ turn: inout HubTurn
    ) throws {
        // Wanted again meanwhile: the request is on its way.
        guard var prune = try turn.store.prune(node: spoke, path: path) else { return }
        guard let error else {
            prune.isDone = true
            return try turn.store.putPrune(prune)
        }
        try turn.log(.warning, .replicaFailed, "package/\(path)", "the spoke did not let it go: \(error.text)")
        try turn.store.removePrune(node: spoke, path: path)
        // What it holds it says on its next connection.
        turn.close(spoke, "say again what you hold")
    }

    /// Whether what a spoke says about a replica is about one that the plan has taken from it.
    static func isPruned(_ message: Replica, at spoke: NodeID, _ turn: inout HubTurn) throws -> Bool {
        guard var prune = try turn.store.prune(node: spoke, path: message.path), prune.digest == message.sha256 else {
            return false
        }
        if prune.isDone, message.state != .evicted {
            // Put back to an earlier time, or cut before it was on its disk.
            prune.isDone = false
            try turn.store.putPrune(prune)
            turn.note(.spokeNeedsDelivery(spoke))
        }
        return true
    }
    static func removePackage(_ path: TargetPath, _ turn: inout HubTurn) throws -> PackageRecord {
        let removal = try turn.queries.removal(of: path)
        if let refusal = removal.refusals.first { throw HubRefusal.conflict(refusal) }
        guard !removal.isNothing else { return removal.record }
        let text = "removed, since the catalog no longer names it"
        for replica in removal.replicas { try takeFromSpoke(path, replica.digest, replica.spoke, text, &turn) }
        if removal.record.isHere { try takeFromHub(removal.record.package, text, &turn) }
        try turn.log(
            .notice, .packageRemoved, "package/\(path)",
            "\(path) was removed, which the catalog no longer names: from \(removal.placesText)")
        return try turn.store.package(path) ?? removal.record
    }
}

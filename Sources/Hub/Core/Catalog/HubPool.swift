import Model
import Protocol
import Rollout
import Storage

/// The hub's own pool: what is imported into it, announced → downloading → imported, and what
/// leaves it.
///
/// It keeps what is being imported, what the disk has damaged and what is on its way out; it takes
/// `leaves`, `stays`, `notKept` and `importVoid`.
struct HubPool: HubPart {
    private var importing: Set<TargetPath> = []
    /// Packages in the pool that the disk has damaged; the shell tells it again after a restart.
    private var damaged: Set<TargetPath> = []
    /// Objects on their way out, and when that is tried; nil while it is.
    private var evicting: [SHA256Digest: UnixTime?] = [:]

    // MARK: - The end of a turn

    mutating func settle(_ turn: inout HubTurn) throws {
        takeChanges(&turn)
        try evict(&turn)
        try startImports(&turn)
    }

    func nextDue(_ turn: HubTurn) throws -> UnixTime? {
        [evicting.values.compactMap { $0 }.min(), try turn.store.nextImport()].compactMap { $0 }.min()
    }

    func invariantViolation(_ store: any HubStore, _ configuration: HubConfiguration) throws -> String? {
        guard importing.count <= HubLimits.imports else { return "\(importing.count) packages are imported at once" }
        // A record may have gone on before the import that it no longer needs ends; the other way
        // round nobody would bring the package.
        for record in try store.packages(in: .downloading) where !importing.contains(record.package.path) {
            return "\(record.package.path) is downloading and nothing brings it"
        }
        return nil
    }

    private mutating func takeChanges(_ turn: inout HubTurn) {
        let changes: [HubChange] = turn.take { change in
            switch change {
            case .leaves, .stays, .notKept, .importVoid: change
            case .spokeNeedsDelivery, .rolloutMoved, .rolloutsEnded, .spokeRemoved, .prunesDue, .roomier, .objectsLeave,
                .revocationsSigned:
                nil
            }
        }
        for change in changes {
            switch change {
            case .leaves(let digest): evicting[digest] = turn.now
            case .stays(let digest): if case .some(.some) = evicting[digest] { evicting[digest] = nil }
            case .notKept(let path): damaged.remove(path)
            case .importVoid(let path): importing.remove(path)
            case .spokeNeedsDelivery, .rolloutMoved, .rolloutsEnded, .spokeRemoved, .prunesDue, .roomier, .objectsLeave,
                .revocationsSigned:
                break
            }
        }
    }

    // MARK: - Events

    /// An import goes on or has ended. `patches` gives up room for a package that lacks it, and is
    /// told of what is imported.
    mutating func react(to event: ImportEvent, _ patches: inout Patches, _ turn: inout HubTurn) throws {
        switch event {
        case .progressed(let path, let held): try progressed(path, held: held, turn)
        case .ended(let path, let digest, let outcome): try importEnded(path, digest, outcome, &patches, &turn)
        }
    }

    /// Something happened to the hub's pools. `patches` has contents in them.
    mutating func react(to event: PoolEvent, _ patches: inout Patches, _ turn: inout HubTurn) throws {
        switch event {
        case .changed(let figures): try Pools.poolChanged(figures, &turn)
        case .placed(let places): try Places.placed(places, &turn)
        case .moved(let went, let came, let text):
            try turn.log(went.isEmpty ? .notice : .error, .poolAvailability, "pool", text)
            patches.objectsWent(went)
            try poolsMoved(went, came, &patches, &turn)
        case .drained(let text, let isEmpty):
            try turn.log(isEmpty ? .notice : .warning, .poolDrained, "pool", text)
        case .damaged(let digests):
            patches.objectsDamaged(digests, &turn)
            try objectsDamaged(digests, &turn)
        }
    }

    // MARK: - What operators bring and ask for

    /// Takes over a package whose bytes an operator brought; they are in the pool, verified.
    mutating func take(
        _ path: TargetPath, _ digest: SHA256Digest, _ patches: inout Patches, _ turn: inout HubTurn
    ) throws -> PackageRecord {
        guard var record = try turn.store.package(path), record.package.sha256 == digest, record.state != .retired
        else {
            throw HubRefusal.conflict("the catalog no longer names \(path) with this hash")
        }
        guard record.state != .imported else { return record }
        importing.remove(path)
        try Self.imported(
            &record, "an operator brought \(path); it is in the hub's pool, hash checked", &patches, &turn)
        return record
    }

    /// Imports a package now, whatever failed before.
    static func importNow(_ path: TargetPath, _ turn: HubTurn) throws -> PackageRecord {
        guard var record = try turn.store.package(path) else { throw HubRefusal.notFound("the catalog has no \(path)") }
        // A person wants it here, whatever the plan has taken.
        try turn.store.removePrune(node: turn.configuration.hub, path: path)
        switch record.state {
        case .imported, .downloading, .announced: return record
        case .retired: throw HubRefusal.conflict("the catalog no longer names \(path)")
        case .failed:
            record.state = .announced
            record.failures = 0
            record.nextTry = nil
            record.changed = turn.now
            try turn.store.putPackage(record)
            return record
        }
    }

    // MARK: - Import

    /// The hub starts: `held` is what its pool holds.
    mutating func start(held: Set<SHA256Digest>, _ turn: inout HubTurn) throws {
        try resumeEvictions(held: held, &turn)
        try reconcile(held: held, &turn)
    }

    /// After a start: what the pool holds is the truth, and what was under way begins again.
    private mutating func reconcile(held: Set<SHA256Digest>, _ turn: inout HubTurn) throws {
        importing = []
        for var record in try turn.store.packages() where record.state == .imported || record.state == .downloading {
            guard record.state == .downloading || !held.contains(record.package.sha256) else { continue }
            if record.state == .imported, let absent = try Places.absentPool(turn) {
                try Self.miss(&record, absent, &turn)
                continue
            }
            if record.state == .imported {
                try turn.log(
                    .error, .packageFailed, "package/\(record.package.path)",
                    "the hub's pool no longer holds this package; it is imported again")
                record.bytesHeld = 0
            }
            record.state = .announced
            record.changed = turn.now
            try turn.store.putPackage(record)
        }
    }

    /// Starts imports while there is a place.
    private mutating func startImports(_ turn: inout HubTurn) throws {
        guard importing.count < HubLimits.imports, try turn.store.catalog()?.isOffline != true else { return }
        var waiting = try turn.store.packages(in: .announced)
        if let next = try turn.store.nextImport(), next <= turn.now {
            waiting += try turn.store.packages(in: .failed).filter { record in
                record.nextTry.map { $0 <= turn.now } ?? false
            }
        }
        // A hotfix overtakes.
        waiting.sort { left, right in
            let first = left.package.metadata.severity == .hotfix
            let second = right.package.metadata.severity == .hotfix
            return first == second ? left.package.path < right.package.path : first
        }
        // The same bytes may be several packages: one brings them, the others find them in the
        // pool.
        var underWay = Set(try importing.compactMap { try turn.store.package($0)?.package.sha256 })
        for var record in waiting where importing.count < HubLimits.imports {
            if try isPrunedHere(record.package, turn) { continue }
            guard underWay.insert(record.package.sha256).inserted else { continue }
            guard importing.insert(record.package.path).inserted else { continue }
            record.state = .downloading
            record.changed = turn.now
            record.nextTry = nil
            try turn.store.putPackage(record)
            turn.effect(
                damaged.contains(record.package.path)
                    ? .repairPackage(record.package) : .importPackage(record.package))
        }
    }

    private mutating func progressed(_ path: TargetPath, held: UInt64, _ turn: HubTurn) throws {
        guard importing.contains(path), var record = try turn.store.package(path), record.state == .downloading else {
            return
        }
        record.bytesHeld = Int64(clamping: held)
        try turn.store.putPackage(record)
    }

    /// An import has ended. `patches` gives up room for a package that lacks it, and is told of one
    /// that is imported.
    private mutating func importEnded(
        _ path: TargetPath, _ digest: SHA256Digest, _ outcome: ImportOutcome, _ patches: inout Patches,
        _ turn: inout HubTurn
    ) throws {
        guard var record = try turn.store.package(path), record.package.sha256 == digest else { return }
        importing.remove(path)
        guard record.state == .downloading else { return }
        record.changed = turn.now
        switch outcome {
        case .imported:
            damaged.remove(path)
            try Self.imported(
                &record, "\(path) is in the hub's pool, hash checked" + Places.text(of: path, turn), &patches, &turn)
        case .repaired(let fetched):
            damaged.remove(path)
            let text = "\(path) is whole again: \(fetched) of \(ByteCount(record.package.length)) were fetched"
            try Self.imported(&record, text, as: .replicaRepaired, &patches, &turn)
        case .noRoom(let why, let lacking, let pool):
            // Contents that were unpacked for patches are worth less than a package.
            if try patches.dropAllContents(&turn) {
                return try Self.failed(&record, why, .quotaExceeded, retry: .seconds(1), &turn)
            }
            if try Pruning.makeRoom(lacking, in: pool, for: record.package, at: turn.configuration.hub, &turn) {
                record.state = .failed
                record.error = "waits for room: \(why)"
                record.nextTry = turn.now + HubLimits.roomRetry
                return try turn.store.putPackage(record)
            }
            // It may have been taken from the list itself.
            if try isPrunedHere(record.package, turn) { return }
            try Self.failed(&record, why, .quotaExceeded, retry: HubLimits.roomRetry, &turn)
        case .mismatch(let why):
            let delay = RetryPolicy.transfer.delay(afterFailure: record.failures + 1, using: &turn.random)
            try Self.failed(&record, why, .packageFailed, retry: delay, &turn)
        case .interrupted(let why, let retryAfter):
            let delay = RetryPolicy.transfer.delay(afterFailure: record.failures + 1, using: &turn.random)
            try Self.failed(&record, why, .packageFailed, retry: delay.map { max($0, retryAfter ?? .zero) }, &turn)
        }
    }

    /// The disk has damaged packages in the hub's pool: they are withheld already, and are fetched
    /// anew where they are damaged.
    private mutating func objectsDamaged(_ digests: Set<SHA256Digest>, _ turn: inout HubTurn) throws {
        for var record in try turn.store.packages(in: .imported) where digests.contains(record.package.sha256) {
            let path = record.package.path
            guard damaged.insert(path).inserted else { continue }
            record.state = .announced
            record.changed = turn.now
            record.error = "the disk has damaged it"
            try turn.store.putPackage(record)
            try turn.log(
                .error, .replicaCorrupt, "package/\(path)",
                "the hub's disk has damaged this package; it is withheld, and repaired from the catalog's server")
        }
    }

    /// The package's bytes are in the pool, verified: spokes may have it.
    private static func imported(
        _ record: inout PackageRecord, _ text: String, as code: EventCode = .packageImported, _ patches: inout Patches,
        _ turn: inout HubTurn
    ) throws {
        record.state = .imported
        record.changed = turn.now
        record.nextTry = nil
        record.bytesHeld = Int64(clamping: record.package.length)
        record.error = nil
        record.failures = 0
        try turn.store.putPackage(record)
        try turn.store.removePrune(node: turn.configuration.hub, path: record.package.path)
        try turn.log(.info, code, "package/\(record.package.path)", text)
        try Replicas.request(of: record.package, &turn)
        try patches.request(to: record.package, turn)
        try markPreparing(&turn)
    }

    private static func failed(
        _ record: inout PackageRecord, _ why: String, _ code: EventCode, retry: Duration?, _ turn: inout HubTurn
    ) throws {
        let isNews = record.error != why
        record.state = .failed
        record.error = why
        record.failures += 1
        record.nextTry = retry.map { turn.now + $0 }
        try turn.store.putPackage(record)
        if isNews || retry == nil {
            let end = retry == nil ? "; given up until the next refresh of the catalog" : ""
            try turn.log(.error, code, "package/\(record.package.path)", why + end)
        }
        if retry == nil { try markPreparing(&turn) }
    }

    private static func markPreparing(_ turn: inout HubTurn) throws {
        for rollout in try turn.store.rollouts(in: [.preparing]) { turn.note(.rolloutMoved(rollout.id)) }
    }

    /// A pool's disk is gone, or is here again.
    private func poolsMoved(
        _ went: Set<SHA256Digest>, _ came: Set<SHA256Digest>, _ patches: inout Patches, _ turn: inout HubTurn
    ) throws {
        let absent = try Places.absentPool(turn)
        for var record in try turn.store.packages() where !importing.contains(record.package.path) {
            if went.contains(record.package.sha256), record.state == .imported, let absent {
                try Self.miss(&record, absent, &turn)
            } else if came.contains(record.package.sha256), record.state == .failed || record.state == .announced {
                try Self.imported(
                    &record,
                    "\(record.package.path) is in the hub's pool again" + Places.text(of: record.package.path, turn),
                    &patches,
                    &turn)
            }
        }
        for prune in try turn.store.prunes(at: turn.configuration.hub) where came.contains(prune.digest) {
            try Pruning.evict(prune.digest, of: prune.path, &turn)
        }
    }

    /// A package was in a pool whose disk is gone: that may come back, and costs nothing then.
    private static func miss(_ record: inout PackageRecord, _ pool: PoolRecord, _ turn: inout HubTurn) throws {
        record.state = .failed
        record.bytesHeld = 0
        record.error =
            "pool \(pool.name) is unavailable: \(pool.problem ?? "its disk is gone"); the package is fetched again if that lasts "
            + "an hour"
        record.nextTry = turn.now + HubLimits.diskPatience
        record.changed = turn.now
        try turn.store.putPackage(record)
    }

    /// Whether the hub does not import the package, by plan, or because it is on its way out.
    private func isPrunedHere(_ package: Package, _ turn: HubTurn) throws -> Bool {
        if evicting[package.sha256] != nil { return true }
        return try turn.store.prune(node: turn.configuration.hub, path: package.path)?.digest == package.sha256
    }

    // MARK: - What leaves

    /// What the plan took and a cut left in the pool goes now.
    private mutating func resumeEvictions(held: Set<SHA256Digest>, _ turn: inout HubTurn) throws {
        evicting = [:]
        for prune in try turn.store.prunes(at: turn.configuration.hub) where held.contains(prune.digest) {
            try Pruning.evict(prune.digest, of: prune.path, &turn)
        }
    }

    /// Evicts what is due.
    private mutating func evict(_ turn: inout HubTurn) throws {
        for (digest, due) in evicting.sorted(by: { $0.key < $1.key }) {
            guard let due, due <= turn.now else { continue }
            evicting[digest] = .some(nil)
            let objects = try Self.objects(of: digest, turn)
            turn.note(.objectsLeave(objects))
            turn.effect(.evict(objects))
        }
    }

    /// The published file and what is inside it, unless a package that stays needs that too.
    private static func objects(of digest: SHA256Digest, _ turn: HubTurn) throws -> [SHA256Digest] {
        let records = try turn.store.packages()
        let content = records.first { $0.package.sha256 == digest }?.package.metadata.content?.sha256
        guard let content, content != digest else { return [digest] }
        let isShared = records.contains { record in
            record.package.sha256 != digest && record.state == .imported
                && (record.package.sha256 == content || record.package.metadata.content?.sha256 == content)
        }
        return isShared ? [digest] : [digest, content]
    }

    mutating func evicted(_ digest: SHA256Digest, refusal: String?, _ turn: inout HubTurn) throws {
        guard evicting[digest] != nil else { return }
        guard refusal == nil else {
            // It is being read; it goes when nobody does.
            evicting[digest] = turn.now + HubLimits.evictionRetry
            return
        }
        evicting[digest] = nil
        for prune in try turn.store.prunes(at: turn.configuration.hub) where prune.digest == digest {
            try turn.log(
                .info, .replicaEvicted, "package/\(prune.path)", "\(prune.path) has left the hub's pool: \(prune.text)")
        }
        try Pools.retryFailedImports(&turn)
    }
}

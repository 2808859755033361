import Model
import Rollout
import Storage

/// Patches between releases, and chunk deltas where there can be no patch: requested, made one at a
/// time, kept as long as their room lasts and their release is named.
///
/// It keeps what is being made and which contents are unpacked for that; it takes `objectsLeave`.
struct Patches: HubPart {
    /// Whether there is a pool of patches.
    private(set) var isPossible = false
    /// Whether this machine has the library for more than uncompressed chunk deltas.
    private(set) var hasLibrary = false
    /// What is being made.
    private var current: PatchKey?
    /// Contents that were unpacked into the hub's pool.
    private var contents: Set<SHA256Digest> = []
    /// Which package has which content; nil until it is looked up.
    private var releases: [SHA256Digest: [TargetPath]]?
    /// When a patch was last read again because somebody could not use it.
    private var checked: [SHA256Digest: UnixTime] = [:]

    /// Whether a content is unpacked in the hub's pool.
    func holds(_ content: SHA256Digest) -> Bool { contents.contains(content) }

    /// Something happened to a patch, or to their pool.
    mutating func react(to event: PatchEvent, _ turn: inout HubTurn) throws {
        switch event {
        case .ended(let result): try ended(result, &turn)
        case .lost(let digest, let why): try lost(digest, why, &turn)
        case .poolChanged(let figures): try Self.poolChanged(figures, &turn)
        }
    }

    // MARK: - Start

    /// What the pools hold is the truth; what was being made is begun again.
    mutating func start(held: Set<SHA256Digest>, _ pool: HubPatchPool?, _ turn: inout HubTurn) throws {
        let known = try turn.store.packages().map(\.package)
        let packed = Set(known.filter { $0.content.coding != .none }.map(\.content.sha256))
        self = Patches()
        (isPossible, hasLibrary) = (pool != nil, pool?.hasLibrary ?? false)
        contents = held.intersection(packed)
        guard let pool else { return }
        try Self.poolChanged(pool.figures, &turn)
        if let wanted = try turn.store.pool(node: turn.configuration.hub, name: turn.configuration.patchPoolName)?
            .wantedQuota
        {
            turn.effect(.setPatchQuota(wanted))
        }
        var owned: Set<SHA256Digest> = []
        for var record in try turn.store.patches() {
            let isLost = record.state == .made && !(record.sha256.map { pool.held.contains($0) } ?? false)
            if record.state == .making || isLost { Self.want(&record, turn) }
            try turn.store.putPatch(record)
            if let digest = record.sha256 { owned.insert(digest) }
        }
        if !pool.hasLibrary { try withoutLibrary("libzstd is not on this machine", &turn) }
        let strangers = pool.held.subtracting(owned)
        if !strangers.isEmpty { turn.effect(.dropPatches(strangers.sorted())) }
        try retire(&turn)
    }

    private static func want(_ record: inout PatchRecord, _ turn: HubTurn) {
        record.state = .wanted
        record.sha256 = nil
        record.length = 0
        record.nextTry = turn.now
        record.changed = turn.now
    }

    // MARK: - Requests

    /// Requests patches to a newly imported package from the newest releases that spokes hold.
    mutating func request(to package: Package, _ turn: HubTurn) throws {
        guard isPossible else { return }
        let others = try turn.store.packages(in: .imported) + turn.store.packages(in: .retired)
        let bases = try others.map(\.package).filter { other in
            guard Self.isBase(other, of: package) else { return false }
            return try turn.store.replicas(of: other.path).contains { replica in
                guard replica.state == .verified, replica.digest == other.sha256 else { return false }
                return try turn.store.spoke(replica.spoke)?.revoked == nil
            }
        }
        let newest = bases.sorted { ($1.metadata.version, $1.path) < ($0.metadata.version, $0.path) }
        for base in newest.prefix(HubLimits.patchBases) {
            _ = try request(from: base, to: package, for: TransferMeans.fromBase, turn)
        }
    }

    /// Requests a patch, or what comes in its place for who accepts no more, from the first of
    /// these contents that is a release of the same product and platform, if none is known that
    /// would do.
    mutating func request(
        to package: Package, fromOneOf bases: [SHA256Digest], for accepts: [TransferMeans], _ turn: HubTurn
    ) throws {
        guard isPossible, !bases.isEmpty else { return }
        let isServed = try turn.store.patches(to: package.content.sha256).contains { known in
            guard known.failures == 0, known.state != .failed, bases.contains(known.key.old),
                accepts.contains(known.key.means)
            else { return false }
            // Not by what is worse than could be made.
            guard let old = try turn.store.package(known.oldPath)?.package else { return true }
            return try form(from: old, to: package, for: accepts, turn) == nil
        }
        guard !isServed else { return }
        for base in bases {
            for path in try paths(of: base, turn) {
                guard let old = try turn.store.package(path)?.package, Self.isBase(old, of: package),
                    try request(from: old, to: package, for: accepts, turn)
                else { continue }
                return
            }
        }
    }

    private func request(
        from old: Package, to new: Package, for accepts: [TransferMeans], _ turn: HubTurn
    ) throws -> Bool {
        guard let means = try form(from: old, to: new, for: accepts, turn),
            try Self.source(old.path, old.content.sha256, turn) != nil,
            try turn.store.patches(to: new.content.sha256).filter({ $0.key.means == means }).count
                < HubLimits.patchesOfRelease
        else { return false }
        let key = PatchKey(old: old.content.sha256, new: new.content.sha256, means: means)
        try turn.store.putPatch(PatchRecord(key: key, oldPath: old.path, newPath: new.path, wished: turn.now))
        return true
    }

    /// The form in which one content is to be made of the other for who accepts these means: the
    /// best that can be made here and has not failed. Nil where it is known already, or was given
    /// up for good.
    private func form(from old: Package, to new: Package, for accepts: [TransferMeans], _ turn: HubTurn) throws
        -> TransferMeans?
    {
        for means in TransferMeans.fromBase where accepts.contains(means) && canMake(means, from: old, to: new) {
            let key = PatchKey(old: old.content.sha256, new: new.content.sha256, means: means)
            guard let known = try turn.store.patch(key) else { return means }
            if known.failures == 0 { return nil }
        }
        return nil
    }

    private func canMake(_ means: TransferMeans, from old: Package, to new: Package) -> Bool {
        switch means {
        case .patch: hasLibrary && !Self.isBeyondReach(old, new)
        case .chunks: hasLibrary
        default: true
        }
    }

    /// Whether a patch would have to look back further than it can.
    static func isBeyondReach(_ old: Package, _ new: Package) -> Bool {
        max(old.content.length, new.content.length).bytes > HubLimits.patchReach
    }

    private static func isBase(_ old: Package, of new: Package) -> Bool {
        old.path.product == new.path.product && old.path.platform == new.path.platform
            && old.metadata.kind == new.metadata.kind && old.content.sha256 != new.content.sha256
            && new.length > HubLimits.patchFloor
    }

    private mutating func paths(of content: SHA256Digest, _ turn: HubTurn) throws -> [TargetPath] {
        if let releases { return releases[content] ?? [] }
        let releases = Dictionary(grouping: try turn.store.packages().map(\.package)) { $0.content.sha256 }
            .mapValues { $0.map(\.path) }
        self.releases = releases
        return releases[content] ?? []
    }

    /// A package with this content whose published file is in the hub's pool.
    private static func source(_ path: TargetPath, _ content: SHA256Digest, _ turn: HubTurn) throws -> Package? {
        guard let record = try turn.store.package(path), record.package.content.sha256 == content, record.isHere else {
            return nil
        }
        return record.package
    }

    // MARK: - Making

    /// Starts the next patch, if none is being made.
    mutating func settle(_ turn: inout HubTurn) throws {
        let left = turn.take { change in
            if case .objectsLeave(let objects) = change { objects } else { nil }
        }
        contents.subtract(left.joined())
        try startNext(&turn)
    }

    /// Starts the next patch, if none is being made.
    mutating func startNext(_ turn: inout HubTurn) throws {
        guard isPossible, current == nil, let next = try turn.store.nextPatch(), next <= turn.now else {
            return
        }
        for var record in try turn.store.patches(dueBy: turn.now) {
            guard let old = try Self.source(record.oldPath, record.key.old, turn),
                let new = try Self.source(record.newPath, record.key.new, turn)
            else {
                // Requested again when somebody asks and both are here.
                try turn.store.removePatch(record.key)
                continue
            }
            record.state = .making
            record.nextTry = nil
            record.changed = turn.now
            try turn.store.putPatch(record)
            current = record.key
            let job = PatchJob(
                record.key.means, old: old, new: new, limit: TransferChoice.mostUseful(insteadOf: new.length),
                evictable: try Self.leastUsed(turn))
            turn.effect(.makePatch(job))
            return
        }
    }

    /// When the next patch is to be made; nil while one is, or none can be.
    func nextDue(_ turn: HubTurn) throws -> UnixTime? {
        isPossible && current == nil ? try turn.store.nextPatch() : nil
    }

    func invariantViolation(_ store: any HubStore, _ configuration: HubConfiguration) throws -> String? {
        guard isPossible else { return nil }
        for record in try store.patches() where record.state == .making && record.key != current {
            return "a patch to \(record.newPath) counts as being made and is not"
        }
        return nil
    }

    /// The patches that are here, the one that nobody has used for longest first.
    private static func leastUsed(_ turn: HubTurn) throws -> [SHA256Digest] {
        try turn.store.patches().filter { $0.state == .made }
            .sorted { ($0.lastUsed, $0.key.new, $0.key.old) < ($1.lastUsed, $1.key.new, $1.key.old) }
            .compactMap(\.sha256)
    }

    private mutating func ended(_ result: PatchResult, _ turn: inout HubTurn) throws {
        if current == result.key { current = nil }
        contents.formUnion(result.contents)
        for digest in result.evicted {
            if let record = try turn.store.patch(sha256: digest) { try turn.store.removePatch(record.key) }
        }
        guard var record = try turn.store.patch(result.key), record.state == .making else {
            // Its release was retired meanwhile, or it was made twice because the hub had to begin
            // anew.
            if case .made(let digest, _) = result.outcome, try turn.store.patch(sha256: digest) == nil {
                turn.effect(.dropPatches([digest]))
            }
            return try trimContents(&turn)
        }
        record.changed = turn.now
        switch result.outcome {
        case .made(let digest, let length):
            record.state = .made
            record.sha256 = digest
            record.length = length
            record.problem = nil
            record.failures = 0
            record.lastUsed = turn.now
            try turn.log(.info, .patchMade, "package/\(record.newPath)", try Self.text(of: record, turn))
        case .useless(let why):
            try Self.fail(&record, why, isFinal: true, &turn)
        case .failed(let why):
            try Self.fail(&record, why, isFinal: false, &turn)
        case .unavailable(let why):
            Self.want(&record, turn)
            try turn.store.putPatch(record)
            try withoutLibrary(why, &turn)
            return try trimContents(&turn)
        }
        try turn.store.putPatch(record)
        if case .failed = result.outcome { try requestInstead(of: record, &turn) }
        try trimContents(&turn)
    }

    /// What was requested and needs the library is made as uncompressed chunk deltas until the next
    /// start.
    private mutating func withoutLibrary(_ why: String, _ turn: inout HubTurn) throws {
        hasLibrary = false
        try turn.log(
            .notice, .patchFailed, "",
            "no patches are made here until the next start, and chunks go uncompressed: \(why)")
        for record in try turn.store.patches() where record.key.means != .plainChunks && record.nextTry != nil {
            try turn.store.removePatch(record.key)
            try requestInstead(of: record, &turn)
        }
    }

    /// Requests the next form of a patch that failed, for the spokes that would get the file
    /// meanwhile.
    private mutating func requestInstead(of record: PatchRecord, _ turn: inout HubTurn) throws {
        guard let old = try Self.source(record.oldPath, record.key.old, turn),
            let new = try Self.source(record.newPath, record.key.new, turn)
        else { return }
        _ = try request(from: old, to: new, for: TransferMeans.fromBase, turn)
    }

    private static func text(of record: PatchRecord, _ turn: HubTurn) throws -> String {
        let instead = try turn.store.package(record.newPath).map { " instead of \(ByteCount($0.package.length))" } ?? ""
        return "the \(Self.noun(record)) from \(record.oldPath.release) is made: \(ByteCount(record.length))\(instead)"
    }

    private static func noun(_ record: PatchRecord) -> String {
        switch record.key.means {
        case .patch: "patch"
        case .chunks: "chunk delta"
        default: "uncompressed chunk delta"
        }
    }

    /// Says why, once, and when it is tried again.
    private static func fail(_ record: inout PatchRecord, _ why: String, isFinal: Bool, _ turn: inout HubTurn) throws {
        let isNews = record.problem == nil
        record.problem = Event.singleLine(why, limit: 512)
        record.failures = isFinal ? 0 : record.failures + 1
        record.sha256 = nil
        record.length = 0
        let delay = isFinal ? nil : HubLimits.patchRetry.delay(afterFailure: record.failures, using: &turn.random)
        record.state = delay == nil ? .failed : .wanted
        record.nextTry = delay.map { turn.now + $0 }
        record.changed = turn.now
        guard isNews else { return }
        let instead = isFinal || record.key.means == .plainChunks ? "the file is sent instead" : "chunks are tried"
        try turn.log(
            isFinal ? .info : .warning, .patchFailed, "package/\(record.newPath)",
            "no \(Self.noun(record)) from \(record.oldPath.release): \(why); \(instead)")
    }

    // MARK: - What goes

    /// Somebody could not use a patch: it is read again, though not more often than once in a
    /// while.
    mutating func doubt(_ record: PatchRecord, _ turn: inout HubTurn) {
        guard record.state == .made, let digest = record.sha256 else { return }
        if let last = checked[digest], turn.now - last < HubLimits.patchDoubt { return }
        checked[digest] = turn.now
        turn.effect(.checkPatch(digest))
    }

    /// A patch turned out to be damaged, or not to be there, and is gone from its pool.
    private mutating func lost(_ digest: SHA256Digest, _ why: String, _ turn: inout HubTurn) throws {
        checked[digest] = nil
        guard var record = try turn.store.patch(sha256: digest) else { return }
        record.problem = nil
        try Self.fail(&record, why, isFinal: false, &turn)
        try turn.store.putPatch(record)
    }

    /// The catalog names other releases.
    mutating func catalogChanged(_ turn: inout HubTurn) throws {
        releases = nil
        try retire(&turn)
    }

    /// The disk has damaged objects: an unpacked content goes, since it can be made of its package
    /// again.
    mutating func objectsDamaged(_ digests: Set<SHA256Digest>, _ turn: inout HubTurn) {
        let damaged = contents.intersection(digests)
        guard !damaged.isEmpty else { return }
        contents.subtract(damaged)
        turn.effect(.dropContents(damaged.sorted()))
    }

    /// A pool's disk is gone, and with it these objects.
    mutating func objectsWent(_ digests: Set<SHA256Digest>) { contents.subtract(digests) }

    /// Drops the patches to what the catalog no longer names. One from a retired release stays: the
    /// sites that run it need it most.
    private mutating func retire(_ turn: inout HubTurn) throws {
        var gone: [SHA256Digest] = []
        for record in try turn.store.patches() {
            let new = try turn.store.package(record.newPath)
            if let new, new.state != .retired, new.package.content.sha256 == record.key.new { continue }
            try turn.store.removePatch(record.key)
            if let digest = record.sha256 { gone.append(digest) }
        }
        if !gone.isEmpty { turn.effect(.dropPatches(gone)) }
        try trimContents(&turn)
    }

    /// Drops unpacked contents that no patch needs now: kept is that of the newest release of each
    /// product and platform, from which the next patch is made.
    private mutating func trimContents(_ turn: inout HubTurn) throws {
        guard !contents.isEmpty else { return }
        var kept: Set<SHA256Digest> = []
        for record in try turn.store.patches() where record.state == .wanted || record.state == .making {
            kept.formUnion([record.key.old, record.key.new])
        }
        let packages = try turn.store.packages(in: .imported).map(\.package)
        let lines = Dictionary(grouping: packages) { "\($0.path.product)/\($0.path.platform)/\($0.metadata.kind.name)" }
        for line in lines.values {
            let newest = line.max { ($0.metadata.version, $0.path) < ($1.metadata.version, $1.path) }
            if let newest { kept.insert(newest.content.sha256) }
        }
        try dropContents(contents.subtracting(kept), &turn)
    }

    /// Makes room for a package: what can be unpacked again goes. Whether anything does.
    mutating func dropAllContents(_ turn: inout HubTurn) throws -> Bool {
        guard current == nil, !contents.isEmpty else { return false }
        try dropContents(contents, &turn)
        return true
    }

    private mutating func dropContents(_ digests: Set<SHA256Digest>, _ turn: inout HubTurn) throws {
        contents.subtract(digests)
        // A published file of some package may be another's content.
        let files = digests.isEmpty ? [] : Set(try turn.store.packages().map(\.package.sha256))
        let free = digests.subtracting(files)
        if !free.isEmpty { turn.effect(.dropContents(free.sorted())) }
    }

    // MARK: - Their pool

    static func poolChanged(_ figures: PoolFigures, _ turn: inout HubTurn) throws {
        let known = try turn.store.pool(node: turn.configuration.hub, name: turn.configuration.patchPoolName)
        let account = figures.account
        try turn.store.putPool(
            PoolRecord(
                node: turn.configuration.hub, name: turn.configuration.patchPoolName, quota: account.quota,
                used: account.used,
                reserved: account.reserved, freeOnDisk: account.freeOnDisk,
                wantedQuota: known?.wantedQuota == account.quota ? nil : known?.wantedQuota, reported: turn.now))
    }

    /// Drops what was used longest ago until the rest fits into the quota.
    static func shrink(to quota: ByteCount, _ turn: inout HubTurn) throws {
        var used = try turn.store.patches().filter { $0.state == .made }.reduce(UInt64(0)) { $0 + $1.length }
        var gone: [SHA256Digest] = []
        for digest in try leastUsed(turn) where used > quota.bytes {
            guard let record = try turn.store.patch(sha256: digest) else { continue }
            used -= min(used, record.length)
            try turn.store.removePatch(record.key)
            gone.append(digest)
        }
        if !gone.isEmpty { turn.effect(.dropPatches(gone)) }
    }
}

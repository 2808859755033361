import Model
import Rollout
import Storage

/// Patches between releases, and chunk deltas where there can be no patch: wished for, made one at a time, kept as long as their room lasts and their release is named.
extension HubCore {
    /// What the core knows of patches beside its store.
    struct Patching {
        /// Whether there is a pool of patches.
        var isPossible = false
        /// Whether this machine has the library for more than uncompressed chunk deltas.
        var hasLibrary = false
        /// What is being made.
        var current: PatchKey?
        /// Contents that were unpacked into the hub's pool.
        var contents: Set<SHA256Digest> = []
        /// Which package has which content; nil until it is looked up.
        var releases: [SHA256Digest: [TargetPath]]?
        /// When a patch was last read again because somebody could not use it.
        var checked: [SHA256Digest: UnixTime] = [:]
    }

    // MARK: - Start

    /// What the pools hold is the truth; what was being made is begun again.
    mutating func startPatches(held: Set<SHA256Digest>, _ pool: HubPatchPool?, at now: UnixTime) throws {
        let known = try store.packages().map(\.package)
        let packed = Set(known.filter { $0.content.coding != .none }.map(\.content.sha256))
        patching = Patching(
            isPossible: pool != nil, hasLibrary: pool?.hasLibrary ?? false, contents: held.intersection(packed))
        guard let pool else { return }
        try patchPoolChanged(pool.figures, at: now)
        if let wanted = try store.pool(node: configuration.hub, name: configuration.patchPoolName)?.wantedQuota {
            effects.append(.setPatchQuota(wanted))
        }
        var owned: Set<SHA256Digest> = []
        for var record in try store.patches() {
            let isLost = record.state == .made && !(record.sha256.map { pool.held.contains($0) } ?? false)
            if record.state == .making || isLost { want(&record, at: now) }
            try store.putPatch(record)
            if let digest = record.sha256 { owned.insert(digest) }
        }
        if !pool.hasLibrary { try withoutLibrary("libzstd is not on this machine", at: now) }
        let strangers = pool.held.subtracting(owned)
        if !strangers.isEmpty { effects.append(.dropPatches(strangers.sorted())) }
        try retirePatches(at: now)
    }

    private func want(_ record: inout PatchRecord, at now: UnixTime) {
        record.state = .wanted
        record.sha256 = nil
        record.length = 0
        record.nextTry = now
        record.changed = now
    }

    // MARK: - Wishes

    /// Wishes patches to a newly imported package from the newest releases that spokes hold.
    mutating func wishPatches(to package: Package, at now: UnixTime) throws {
        guard patching.isPossible else { return }
        let others = try store.packages(in: .imported) + store.packages(in: .retired)
        let bases = try others.map(\.package).filter { other in
            guard isBase(other, of: package) else { return false }
            return try store.replicas(of: other.path).contains { replica in
                guard replica.state == .verified, replica.digest == other.sha256 else { return false }
                return try store.spoke(replica.spoke)?.revoked == nil
            }
        }
        let newest = bases.sorted { ($1.metadata.version, $1.path) < ($0.metadata.version, $0.path) }
        for base in newest.prefix(HubLimits.patchBases) {
            _ = try wishPatch(from: base, to: package, for: TransferMeans.fromBase, at: now)
        }
    }

    /// Wishes a patch, or what comes in its place for who accepts no more, from the first of these contents that is a release of the same product and
    /// platform, if none is known that would do.
    mutating func wishPatch(
        to package: Package, fromOneOf bases: [SHA256Digest], for accepts: [TransferMeans], at now: UnixTime
    ) throws {
        guard patching.isPossible, !bases.isEmpty else { return }
        let isServed = try store.patches(to: package.content.sha256).contains { known in
            guard known.failures == 0, known.state != .failed, bases.contains(known.key.old),
                accepts.contains(known.key.means)
            else { return false }
            // Not by what is worse than could be made.
            guard let old = try store.package(known.oldPath)?.package else { return true }
            return try form(from: old, to: package, for: accepts) == nil
        }
        guard !isServed else { return }
        for base in bases {
            for path in try paths(of: base) {
                guard let old = try store.package(path)?.package, isBase(old, of: package),
                    try wishPatch(from: old, to: package, for: accepts, at: now)
                else { continue }
                return
            }
        }
    }

    private func wishPatch(
        from old: Package, to new: Package, for accepts: [TransferMeans], at now: UnixTime
    ) throws -> Bool {
        guard let means = try form(from: old, to: new, for: accepts), try source(old.path, old.content.sha256) != nil,
            try store.patches(to: new.content.sha256).filter({ $0.key.means == means }).count
                < HubLimits.patchesOfRelease
        else { return false }
        let key = PatchKey(old: old.content.sha256, new: new.content.sha256, means: means)
        try store.putPatch(PatchRecord(key: key, oldPath: old.path, newPath: new.path, wished: now))
        return true
    }

    /// The form in which one content is to be made of the other for who accepts these means: the best that can be made here and has not failed. Nil
    /// where it is known already, or was given up for good.
    private func form(from old: Package, to new: Package, for accepts: [TransferMeans]) throws -> TransferMeans? {
        for means in TransferMeans.fromBase where accepts.contains(means) && canMake(means, from: old, to: new) {
            let key = PatchKey(old: old.content.sha256, new: new.content.sha256, means: means)
            guard let known = try store.patch(key) else { return means }
            if known.failures == 0 { return nil }
        }
        return nil
    }

    private func canMake(_ means: TransferMeans, from old: Package, to new: Package) -> Bool {
        switch means {
        case .patch: patching.hasLibrary && !Self.isBeyondReach(old, new)
        case .chunks: patching.hasLibrary
        default: true
        }
    }

    /// Whether a patch would have to look back further than it can.
    static func isBeyondReach(_ old: Package, _ new: Package) -> Bool {
        max(old.content.length, new.content.length).bytes > HubLimits.patchReach
    }

    private func isBase(_ old: Package, of new: Package) -> Bool {
        old.path.product == new.path.product && old.path.platform == new.path.platform
            && old.metadata.kind == new.metadata.kind && old.content.sha256 != new.content.sha256
            && new.length > HubLimits.patchFloor
    }

    private mutating func paths(of content: SHA256Digest) throws -> [TargetPath] {
        if let releases = patching.releases { return releases[content] ?? [] }
        let releases = Dictionary(grouping: try store.packages().map(\.package)) { $0.content.sha256 }
            .mapValues { $0.map(\.path) }
        patching.releases = releases
        return releases[content] ?? []
    }

    /// A package with this content whose published file is in the hub's pool.
    private func source(_ path: TargetPath, _ content: SHA256Digest) throws -> Package? {
        guard let record = try store.package(path), record.package.content.sha256 == content, record.isHere else {
            return nil
        }
        return record.package
    }

    // MARK: - Making

    /// Starts the next patch, if none is being made.
    mutating func pumpPatches(at now: UnixTime) throws {
        guard patching.isPossible, patching.current == nil, let next = try store.nextPatch(), next <= now else {
            return
        }
        for var record in try store.patches(dueBy: now) {
            guard let old = try source(record.oldPath, record.key.old),
                let new = try source(record.newPath, record.key.new)
            else {
                // Wished for again when somebody asks and both are here.
                try store.removePatch(record.key)
                continue
            }
            record.state = .making
            record.nextTry = nil
            record.changed = now
            try store.putPatch(record)
            patching.current = record.key
            let job = PatchJob(
                record.key.means, old: old, new: new, limit: TransferChoice.mostUseful(insteadOf: new.length),
                evictable: try leastUsed())
            effects.append(.makePatch(job))
            return
        }
    }

    /// When the next patch is to be made; nil while one is, or none can be.
    func nextPatch() throws -> UnixTime? {
        patching.isPossible && patching.current == nil ? try store.nextPatch() : nil
    }

    /// The patches that are here, the one that nobody has used for longest first.
    private func leastUsed() throws -> [SHA256Digest] {
        try store.patches().filter { $0.state == .made }
            .sorted { ($0.lastUsed, $0.key.new, $0.key.old) < ($1.lastUsed, $1.key.new, $1.key.old) }
            .compactMap(\.sha256)
    }

    mutating func patchEnded(_ result: PatchResult, at now: UnixTime) throws {
        if patching.current == result.key { patching.current = nil }
        patching.contents.formUnion(result.contents)
        for digest in result.evicted {
            if let record = try store.patch(sha256: digest) { try store.removePatch(record.key) }
        }
        guard var record = try store.patch(result.key), record.state == .making else {
            // Its release was retired meanwhile, or it was made twice because the hub had to begin anew.
            if case .made(let digest, _) = result.outcome, try store.patch(sha256: digest) == nil {
                effects.append(.dropPatches([digest]))
            }
            return try trimContents()
        }
        record.changed = now
        switch result.outcome {
        case .made(let digest, let length):
            record.state = .made
            record.sha256 = digest
            record.length = length
            record.problem = nil
            record.failures = 0
            record.lastUsed = now
            try log(.info, .patchMade, "package/\(record.newPath)", try text(of: record), at: now)
        case .useless(let why):
            try fail(&record, why, isFinal: true, at: now)
        case .failed(let why):
            try fail(&record, why, isFinal: false, at: now)
        case .unavailable(let why):
            want(&record, at: now)
            try store.putPatch(record)
            try withoutLibrary(why, at: now)
            return try trimContents()
        }
        try store.putPatch(record)
        if case .failed = result.outcome { try wishInstead(of: record, at: now) }
        try trimContents()
    }

    /// What was wished for and needs the library is made as uncompressed chunk deltas until the next start.
    private mutating func withoutLibrary(_ why: String, at now: UnixTime) throws {
        patching.hasLibrary = false
        try log(
            .notice, .patchFailed, "",
            "no patches are made here until the next start, and chunks go uncompressed: \(why)", at: now)
        for record in try store.patches() where record.key.means != .plainChunks && record.nextTry != nil {
            try store.removePatch(record.key)
            try wishInstead(of: record, at: now)
        }
    }

    /// Wishes the next form of a patch that failed, for the spokes that would get the file meanwhile.
    private mutating func wishInstead(of record: PatchRecord, at now: UnixTime) throws {
        guard let old = try source(record.oldPath, record.key.old), let new = try source(record.newPath, record.key.new)
        else { return }
        _ = try wishPatch(from: old, to: new, for: TransferMeans.fromBase, at: now)
    }

    private func text(of record: PatchRecord) throws -> String {
        let instead = try store.package(record.newPath).map { " instead of \(ByteCount($0.package.length))" } ?? ""
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
    private mutating func fail(_ record: inout PatchRecord, _ why: String, isFinal: Bool, at now: UnixTime) throws {
        let isNews = record.problem == nil
        record.problem = Event.singleLine(why, limit: 512)
        record.failures = isFinal ? 0 : record.failures + 1
        record.sha256 = nil
        record.length = 0
        let delay = isFinal ? nil : HubLimits.patchRetry.delay(afterFailure: record.failures, using: &random)
        record.state = delay == nil ? .failed : .wanted
        record.nextTry = delay.map { now + $0 }
        record.changed = now
        guard isNews else { return }
        let instead = isFinal || record.key.means == .plainChunks ? "the file is sent instead" : "chunks are tried"
        try log(
            isFinal ? .info : .warning, .patchFailed, "package/\(record.newPath)",
            "no \(Self.noun(record)) from \(record.oldPath.release): \(why); \(instead)", at: now)
    }

    // MARK: - What goes

    /// Somebody could not use a patch: it is read again, though not more often than once in a while.
    mutating func doubt(_ record: PatchRecord, at now: UnixTime) {
        guard record.state == .made, let digest = record.sha256 else { return }
        if let last = patching.checked[digest], now - last < HubLimits.patchDoubt { return }
        patching.checked[digest] = now
        effects.append(.checkPatch(digest))
    }

    /// A patch turned out to be damaged, or not to be there, and is gone from its pool.
    mutating func patchLost(_ digest: SHA256Digest, _ why: String, at now: UnixTime) throws {
        patching.checked[digest] = nil
        guard var record = try store.patch(sha256: digest) else { return }
        record.problem = nil
        try fail(&record, why, isFinal: false, at: now)
        try store.putPatch(record)
    }

    /// Drops the patches to what the catalog no longer names. One from a retired release stays: the sites that run it need it most.
    mutating func retirePatches(at now: UnixTime) throws {
        var gone: [SHA256Digest] = []
        for record in try store.patches() {
            let new = try store.package(record.newPath)
            if let new, new.state != .retired, new.package.content.sha256 == record.key.new { continue }
            try store.removePatch(record.key)
            if let digest = record.sha256 { gone.append(digest) }
        }
        if !gone.isEmpty { effects.append(.dropPatches(gone)) }
        try trimContents()
    }

    /// Drops unpacked contents that no patch needs now: kept is that of the newest release of each product and platform, from which the next patch is made.
    mutating func trimContents() throws {
        guard !patching.contents.isEmpty else { return }
        var kept: Set<SHA256Digest> = []
        for record in try store.patches() where record.state == .wanted || record.state == .making {
            kept.formUnion([record.key.old, record.key.new])
        }
        let packages = try store.packages(in: .imported).map(\.package)
        let lines = Dictionary(grouping: packages) { "\($0.path.product)/\($0.path.platform)/\($0.metadata.kind.name)" }
        for line in lines.values {
            let newest = line.max { ($0.metadata.version, $0.path) < ($1.metadata.version, $1.path) }
            if let newest { kept.insert(newest.content.sha256) }
        }
        try dropContents(patching.contents.subtracting(kept))
    }

    /// Makes room for a package: what can be unpacked again goes. Whether anything does.
    mutating func dropAllContents() throws -> Bool {
        guard patching.current == nil, !patching.contents.isEmpty else { return false }
        try dropContents(patching.contents)
        return true
    }

    private mutating func dropContents(_ digests: Set<SHA256Digest>) throws {
        patching.contents.subtract(digests)
        // A published file of some package may be another's content.
        let files = digests.isEmpty ? [] : Set(try store.packages().map(\.package.sha256))
        let free = digests.subtracting(files)
        if !free.isEmpty { effects.append(.dropContents(free.sorted())) }
    }

    // MARK: - Their pool

    mutating func patchPoolChanged(_ figures: PoolFigures, at now: UnixTime) throws {
        let known = try store.pool(node: configuration.hub, name: configuration.patchPoolName)
        let account = figures.account
        try store.putPool(
            PoolRecord(
                node: configuration.hub, name: configuration.patchPoolName, quota: account.quota, used: account.used,
                reserved: account.reserved, freeOnDisk: account.freeOnDisk,
                wantedQuota: known?.wantedQuota == account.quota ? nil : known?.wantedQuota, reported: now))
    }

    /// Drops what was used longest ago until the rest fits into the quota.
    mutating func shrinkPatches(to quota: ByteCount) throws {
        var used = try store.patches().filter { $0.state == .made }.reduce(UInt64(0)) { $0 + $1.length }
        var gone: [SHA256Digest] = []
        for digest in try leastUsed() where used > quota.bytes {
            guard let record = try store.patch(sha256: digest) else { continue }
            used -= min(used, record.length)
            try store.removePatch(record.key)
            gone.append(digest)
        }
        if !gone.isEmpty { effects.append(.dropPatches(gone)) }
    }
}

import Model
import Protocol
import Rollout

/// The catalog and the packages: announced → downloading → imported in the hub's pool.
extension HubCore {
    // MARK: - Catalog

    /// Asks for a refresh when it is due.
    mutating func pumpCatalog(at now: UnixTime) throws {
        guard !isRefreshing, let catalog = try store.catalog(), !catalog.isOffline,
            catalog.nextRefresh.map({ $0 <= now }) ?? true
        else {
            return
        }
        isRefreshing = true
        effects.append(.refreshCatalog(url: catalog.url, root: catalog.root))
    }

    mutating func catalogRefreshed(_ contents: CatalogContents, at now: UnixTime) throws {
        isRefreshing = false
        guard var catalog = try store.catalog() else { return }
        let version = Int64(clamping: contents.timestampVersion)
        let isNewer = version > catalog.timestampVersion
        catalog.timestampVersion = version
        catalog.expires = contents.expires
        catalog.refreshed = now
        catalog.nextRefresh = now + HubLimits.catalogInterval
        catalog.failures = 0
        catalog.error = nil
        try store.setCatalog(catalog)
        try takeIn(contents.packages, at: now)
        arePrunesDue = true
        guard isNewer else { return }
        try log(.info, .catalogRefreshed, "catalog", "the catalog is at version \(version)", at: now)
        for (link, open) in links.sorted(by: { $0.key < $1.key }) {
            let message = CatalogChanged(timestampVersion: contents.timestampVersion)
            ask(link, .catalogChanged(message), .catalogChanged(contents.timestampVersion))
            dirtySpokes.insert(open.spoke)
        }
    }

    /// `retryAfter` is the server's wish, which is honoured where it asks for more patience than we have.
    mutating func catalogFailed(
        _ why: String, isRefused: Bool, retryAfter: Duration? = nil, at now: UnixTime
    ) throws {
        isRefreshing = false
        guard var catalog = try store.catalog() else { return }
        let isNews = catalog.error != why
        catalog.failures += 1
        catalog.error = why
        let policy = RetryPolicy(first: .seconds(5), longest: .seconds(900), attempts: nil)
        let delay = policy.delay(afterFailure: catalog.failures, using: &random) ?? HubLimits.catalogInterval
        catalog.nextRefresh = now + max(delay, retryAfter ?? .zero)
        try store.setCatalog(catalog)
        guard isNews else { return }
        let code = isRefused ? EventCode.catalogRefused : .catalogUnreachable
        try log(isRefused ? .error : .warning, code, "catalog", why, at: now)
    }

    private mutating func takeIn(_ packages: [Package], at now: UnixTime) throws {
        var named: Set<TargetPath> = []
        for package in packages.sorted(by: { $0.path < $1.path }) {
            do {
                try package.validate()
            } catch {
                try log(
                    .error, .catalogRefused, "package/\(package.path)", "the package is left out: \(error)", at: now)
                continue
            }
            named.insert(package.path)
            try announce(package, at: now)
        }
        for var record in try store.packages() where record.state != .retired && !named.contains(record.package.path) {
            record.state = .retired
            record.changed = now
            record.nextTry = nil
            try store.putPackage(record)
            let path = record.package.path
            try log(.notice, .packageRetired, "package/\(path)", "the catalog no longer names \(path)", at: now)
        }
        patching.releases = nil
        try retirePatches(at: now)
    }

    private mutating func announce(_ package: Package, at now: UnixTime) throws {
        if var known = try store.package(package.path) {
            let isSame = known.package.sha256 == package.sha256 && known.package.length == package.length
            let isHere = known.state == .imported && isSame
            // A failure that was given up gets another chance with each refresh.
            let isOver = known.state == .retired || (known.state == .failed && known.nextTry == nil)
            guard !isSame || isOver || known.package != package else { return }
            if !isSame || isOver { importing.remove(package.path) }
            known.package = package
            known.changed = now
            if !isHere && (!isSame || isOver) {
                known.state = .announced
                known.failures = 0
                known.nextTry = nil
                known.bytesHeld = isSame ? known.bytesHeld : 0
            }
            return try store.putPackage(known)
        }
        try store.putPackage(PackageRecord(package: package, announced: now))
        let size = ByteCount(package.length)
        try log(
            .info, .packageAnnounced, "package/\(package.path)", "the catalog names \(package.path), \(size)", at: now)
    }

    // MARK: - Import

    /// After a start: what the pool holds is the truth, and what was under way begins again.
    mutating func reconcilePackages(held: Set<SHA256Digest>, at now: UnixTime) throws {
        importing = []
        for var record in try store.packages() where record.state == .imported || record.state == .downloading {
            guard record.state == .downloading || !held.contains(record.package.sha256) else { continue }
            if record.state == .imported, let absent = try absentPool() {
                try miss(&record, absent, at: now)
                continue
            }
            if record.state == .imported {
                try log(
                    .error, .packageFailed, "package/\(record.package.path)",
                    "the hub's pool no longer holds this package; it is imported again", at: now)
                record.bytesHeld = 0
            }
            record.state = .announced
            record.changed = now
            try store.putPackage(record)
        }
    }

    /// Starts imports while there is a place.
    mutating func pumpImports(at now: UnixTime) throws {
        guard importing.count < HubLimits.imports, try store.catalog()?.isOffline != true else { return }
        var waiting = try store.packages(in: .announced)
        if let next = try store.nextImport(), next <= now {
            waiting += try store.packages(in: .failed).filter { record in record.nextTry.map { $0 <= now } ?? false }
        }
        // A hotfix overtakes.
        waiting.sort { left, right in
            let first = left.package.metadata.severity == .hotfix
            let second = right.package.metadata.severity == .hotfix
            return first == second ? left.package.path < right.package.path : first
        }
        // The same bytes may be several packages: one brings them, the others find them in the pool.
        var underWay = Set(try importing.compactMap { try store.package($0)?.package.sha256 })
        for var record in waiting where importing.count < HubLimits.imports {
            if try isPrunedHere(record.package) { continue }
            guard underWay.insert(record.package.sha256).inserted else { continue }
            guard importing.insert(record.package.path).inserted else { continue }
            record.state = .downloading
            record.changed = now
            record.nextTry = nil
            try store.putPackage(record)
            effects.append(
                damaged.contains(record.package.path)
                    ? .repairPackage(record.package) : .importPackage(record.package))
        }
    }

    mutating func importProgressed(_ path: TargetPath, held: UInt64) throws {
        guard importing.contains(path), var record = try store.package(path), record.state == .downloading else {
            return
        }
        record.bytesHeld = Int64(clamping: held)
        try store.putPackage(record)
    }

    mutating func importEnded(
        _ path: TargetPath, _ digest: SHA256Digest, _ outcome: ImportOutcome, at now: UnixTime
    ) throws {
        guard var record = try store.package(path), record.package.sha256 == digest else { return }
        importing.remove(path)
        guard record.state == .downloading else { return }
        record.changed = now
        switch outcome {
        case .imported:
            damaged.remove(path)
            try imported(&record, "\(path) is in the hub's pool, hash checked" + placeText(of: path), at: now)
        case .repaired(let fetched):
            damaged.remove(path)
            let text = "\(path) is whole again: \(fetched) of \(ByteCount(record.package.length)) were fetched"
            try imported(&record, text, .replicaRepaired, at: now)
        case .noRoom(let why, let lacking, let pool):
            // Contents that were unpacked for patches are worth less than a package.
            if try dropAllContents() {
                return try failed(&record, why, .quotaExceeded, retry: .seconds(1), at: now)
            }
            if try makeRoom(lacking, in: pool, for: record.package, at: configuration.hub, at: now) {
                record.state = .failed
                record.error = "waits for room: \(why)"
                record.nextTry = now + HubLimits.roomRetry
                return try store.putPackage(record)
            }
            // It may have been taken from the list itself.
            if try isPrunedHere(record.package) { return }
            try failed(&record, why, .quotaExceeded, retry: HubLimits.roomRetry, at: now)
        case .mismatch(let why):
            let delay = RetryPolicy.transfer.delay(afterFailure: record.failures + 1, using: &random)
            try failed(&record, why, .packageFailed, retry: delay, at: now)
        case .interrupted(let why, let retryAfter):
            let delay = RetryPolicy.transfer.delay(afterFailure: record.failures + 1, using: &random)
            try failed(&record, why, .packageFailed, retry: delay.map { max($0, retryAfter ?? .zero) }, at: now)
        }
    }

    /// The disk has damaged packages in the hub's pool: they are withheld already, and are fetched anew where they are damaged.
    ///
    /// An unpacked content goes: it can be made of its package again.
    mutating func damaged(_ digests: Set<SHA256Digest>, at now: UnixTime) throws {
        let contents = patching.contents.intersection(digests)
        if !contents.isEmpty {
            patching.contents.subtract(contents)
            effects.append(.dropContents(contents.sorted()))
        }
        for var record in try store.packages(in: .imported) where digests.contains(record.package.sha256) {
            let path = record.package.path
            guard damaged.insert(path).inserted else { continue }
            record.state = .announced
            record.changed = now
            record.error = "the disk has damaged it"
            try store.putPackage(record)
            try log(
                .error, .replicaCorrupt, "package/\(path)",
                "the hub's disk has damaged this package; it is withheld, and repaired from the catalog's server",
                at: now)
        }
    }

    /// The package's bytes are in the pool, verified: spokes may have it.
    mutating func imported(
        _ record: inout PackageRecord, _ text: String, _ code: EventCode = .packageImported, at now: UnixTime
    ) throws {
        record.state = .imported
        record.changed = now
        record.nextTry = nil
        record.bytesHeld = Int64(clamping: record.package.length)
        record.error = nil
        record.failures = 0
        try store.putPackage(record)
        try store.removePrune(node: configuration.hub, path: record.package.path)
        try log(.info, code, "package/\(record.package.path)", text, at: now)
        try wishReplicas(of: record.package, at: now)
        try wishPatches(to: record.package, at: now)
        try markPreparing()
    }

    private mutating func failed(
        _ record: inout PackageRecord, _ why: String, _ code: EventCode, retry: Duration?, at now: UnixTime
    ) throws {
        let isNews = record.error != why
        record.state = .failed
        record.error = why
        record.failures += 1
        record.nextTry = retry.map { now + $0 }
        try store.putPackage(record)
        if isNews || retry == nil {
            let end = retry == nil ? "; given up until the next refresh of the catalog" : ""
            try log(.error, code, "package/\(record.package.path)", why + end, at: now)
        }
        if retry == nil { try markPreparing() }
    }

    private mutating func markPreparing() throws {
        for rollout in try store.rollouts(in: [.preparing]) { dirtyRollouts.insert(rollout.id) }
    }
}

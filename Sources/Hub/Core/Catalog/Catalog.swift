import Model
import Protocol
import Rollout
import Trust

/// The vendor's catalog: where it is, when it is refreshed, and which packages it names. Nothing is
/// taken over that its metadata has not verified before.
///
/// It keeps whether a refresh is under way. It notes `prunesDue` and `importVoid`.
struct Catalog: HubPart {
    private var isRefreshing = false

    /// Does what an operator asks for. `pool` takes packages that an operator brings.
    mutating func run(
        _ command: CatalogCommand, _ pool: inout HubPool, _ patches: inout Patches, _ turn: inout HubTurn
    ) throws -> HubAnswer {
        switch command {
        case .set(let url, let root): .catalog(try set(url, root, &turn))
        case .refresh: .catalog(try Self.refreshNow(turn))
        case .importPackage(let path): .package(try HubPool.importNow(path, turn))
        case .removePackage(let path): .package(try Pruning.removePackage(path, &turn))
        case .takeCatalog(let contents): .catalog(try Self.take(contents, &patches, &turn))
        case .takePackage(let path, let digest): .package(try pool.take(path, digest, &patches, &turn))
        case .refuseBundle(let why): .catalog(try Self.refuseBundle(why, &turn))
        }
    }

    /// Takes what came of a refresh. `patches` follow the releases that the catalog names.
    mutating func react(to event: CatalogEvent, _ patches: inout Patches, _ turn: inout HubTurn) throws {
        isRefreshing = false
        switch event {
        case .refreshed(let contents):
            guard let catalog = try turn.store.catalog() else { return }
            try Self.take(contents, into: catalog, &patches, &turn)
        case .refused(let why): try Self.failed(why, isRefused: true, &turn)
        case .unreachable(let why, let retryAfter):
            try Self.failed(why, isRefused: false, retryAfter: retryAfter, &turn)
        }
    }

    /// Takes over a catalog that a bundle brought and TUF's workflow has verified. A look at the
    /// web that is under way goes on.
    static func take(
        _ contents: CatalogContents, _ patches: inout Patches, _ turn: inout HubTurn
    ) throws -> CatalogRecord {
        guard let before = try turn.store.catalog() else { throw notSet }
        if Int64(clamping: contents.timestampVersion) > before.timestampVersion {
            try turn.log(
                .notice, .catalogRefreshed, "catalog", "a bundle brought version \(contents.timestampVersion)")
        }
        try take(contents, into: before, &patches, &turn)
        guard let catalog = try turn.store.catalog() else { throw notSet }
        return catalog
    }

    /// Notes that what an operator brought was refused, and why.
    private static func refuseBundle(_ why: String, _ turn: inout HubTurn) throws -> CatalogRecord {
        guard let catalog = try turn.store.catalog() else { throw notSet }
        try turn.log(.error, .catalogRefused, "catalog", "what an operator brought was refused: \(why)")
        return catalog
    }

    /// What is said where a catalog is needed and none is set.
    static let notSet = HubRefusal.conflict(
        "no catalog is set; pin the vendor's root with axle catalog set --root FILE")

    /// Sets where the catalog is and its pinned root; then refreshes it.
    private mutating func set(_ url: String, _ root: [UInt8], _ turn: inout HubTurn) throws -> CatalogRecord {
        let isWeb =
            (8...2048).contains(url.utf8.count) && (url.hasPrefix("http://") || url.hasPrefix("https://"))
            && Event.singleLine(url, limit: 4096) == url
        guard isWeb || url == CatalogRecord.bundleURL else {
            throw HubRefusal.invalid("the catalog's URL begins with http:// or https://")
        }
        guard (1...MetadataLimits.rootBytes).contains(root.count) else {
            throw HubRefusal.invalid("the root metadata has 1 to \(MetadataLimits.rootBytes) bytes")
        }
        let known = try turn.store.catalog()
        var catalog = known ?? CatalogRecord(url: url, root: root)
        // Another vendor's root begins its own count of versions.
        if catalog.root != root { catalog = CatalogRecord(url: url, root: root) }
        catalog.url = url
        catalog.nextRefresh = turn.now
        try turn.store.setCatalog(catalog)
        if known?.url != url || known?.root != root {
            let place = catalog.isOffline ? "the catalog comes by bundles" : "the catalog is at \(url)"
            try turn.log(.notice, .catalogSet, "catalog", place)
            isRefreshing = false
        }
        return catalog
    }

    /// Refreshes the catalog at the end of this turn.
    private static func refreshNow(_ turn: HubTurn) throws -> CatalogRecord {
        guard var catalog = try turn.store.catalog() else {
            throw HubRefusal.conflict("no catalog is set; set one with axle catalog set")
        }
        guard !catalog.isOffline else {
            throw HubRefusal.conflict("the catalog comes by bundles; bring one with axle bundle import")
        }
        catalog.nextRefresh = turn.now
        try turn.store.setCatalog(catalog)
        return catalog
    }
    // MARK: - Catalog

    /// Asks for a refresh when it is due.
    mutating func settle(_ turn: inout HubTurn) throws {
        guard !isRefreshing, let catalog = try turn.store.catalog(), !catalog.isOffline,
            catalog.nextRefresh.map({ $0 <= turn.now }) ?? true
        else {
            return
        }
        isRefreshing = true
        turn.effect(.refreshCatalog(url: catalog.url, root: catalog.root))
    }

    func nextDue(_ turn: HubTurn) throws -> UnixTime? {
        guard !isRefreshing, let catalog = try turn.store.catalog(), !catalog.isOffline else { return nil }
        return catalog.nextRefresh
    }

    func invariantViolation(_ store: any HubStore, _ configuration: HubConfiguration) throws -> String? {
        guard isRefreshing, try store.catalog() == nil else { return nil }
        return "a catalog is being refreshed and none is set"
    }

    private static func take(
        _ contents: CatalogContents, into known: CatalogRecord, _ patches: inout Patches, _ turn: inout HubTurn
    ) throws {
        var catalog = known
        let version = Int64(clamping: contents.timestampVersion)
        let isNewer = version > catalog.timestampVersion
        catalog.timestampVersion = version
        catalog.expires = contents.expires
        catalog.refreshed = turn.now
        catalog.nextRefresh = turn.now + HubLimits.catalogInterval
        catalog.failures = 0
        catalog.error = nil
        try turn.store.setCatalog(catalog)
        try takeIn(contents.packages, &turn)
        try patches.catalogChanged(&turn)
        turn.note(.prunesDue)
        guard isNewer else { return }
        try turn.log(.info, .catalogRefreshed, "catalog", "the catalog is at version \(version)")
        let message = CatalogChanged(timestampVersion: contents.timestampVersion)
        turn.askAll(.catalogChanged(message), .catalogChanged(contents.timestampVersion), delivers: true)
    }

    /// The catalog was refused or could not be reached. The server's `retryAfter` holds where it is
    /// the longer wait.
    private static func failed(
        _ why: String, isRefused: Bool, retryAfter: Duration? = nil, _ turn: inout HubTurn
    ) throws {
        guard var catalog = try turn.store.catalog() else { return }
        let isNews = catalog.error != why
        catalog.failures += 1
        catalog.error = why
        let policy = RetryPolicy(first: .seconds(5), longest: .seconds(900), attempts: nil)
        let delay = policy.delay(afterFailure: catalog.failures, using: &turn.random) ?? HubLimits.catalogInterval
        catalog.nextRefresh = turn.now + max(delay, retryAfter ?? .zero)
        try turn.store.setCatalog(catalog)
        guard isNews else { return }
        let code = isRefused ? EventCode.catalogRefused : .catalogUnreachable
        try turn.log(isRefused ? .error : .warning, code, "catalog", why)
    }

    private static func takeIn(_ packages: [Package], _ turn: inout HubTurn) throws {
        var named: Set<TargetPath> = []
        for package in packages.sorted(by: { $0.path < $1.path }) {
            do {
                try package.validate()
            } catch {
                try turn.log(
                    .error, .catalogRefused, "package/\(package.path)", "the package is left out: \(error)")
                continue
            }
            named.insert(package.path)
            try announce(package, &turn)
        }
        for var record in try turn.store.packages()
        where record.state != .retired && !named.contains(record.package.path) {
            record.state = .retired
            record.changed = turn.now
            record.nextTry = nil
            try turn.store.putPackage(record)
            let path = record.package.path
            try turn.log(.notice, .packageRetired, "package/\(path)", "the catalog no longer names \(path)")
        }
    }

    private static func announce(_ package: Package, _ turn: inout HubTurn) throws {
        if var known = try turn.store.package(package.path) {
            let isSame = known.package.sha256 == package.sha256 && known.package.length == package.length
            let isHere = known.state == .imported && isSame
            // A failure that was given up gets another chance with each refresh.
            let isOver = known.state == .retired || (known.state == .failed && known.nextTry == nil)
            guard !isSame || isOver || known.package != package else { return }
            if !isSame || isOver { turn.note(.importVoid(package.path)) }
            known.package = package
            known.changed = turn.now
            if !isHere && (!isSame || isOver) {
                known.state = .announced
                known.failures = 0
                known.nextTry = nil
                known.bytesHeld = isSame ? known.bytesHeld : 0
            }
            return try turn.store.putPackage(known)
        }
        try turn.store.putPackage(PackageRecord(package: package, announced: turn.now))
        let size = ByteCount(package.length)
        try turn.log(
            .info, .packageAnnounced, "package/\(package.path)", "the catalog names \(package.path), \(size)")
    }
}

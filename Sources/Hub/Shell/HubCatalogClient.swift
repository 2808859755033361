internal import Codec
internal import HTTP
internal import Identity
internal import Model
internal import Storage
internal import System
internal import Trust

/// Downloads the vendor's catalog and packages over http and https; believes nothing but TUF's metadata and its hashes.
///
/// Blocking downloads run on queues of their own, one for each import, so that a slow one holds up neither a hotfix nor the
/// refresh. One refresh, be it of the web or of a bundle, and a few imports at a time.
final class HubCatalogClient: Sendable {
    /// What operators bring.
    let incoming: IncomingMetadata
    private let turns = Turns()
    private let folder: MetadataFolder
    private let refresher: MetadataRefresher
    private let queue = NamedQueue("hub.catalog")
    private let disk: NamedQueue
    private let pool: any PackagePool
    let rules: DownloadRules
    private let served = NativeLock<ServedMetadata?>(nil)
    /// The strong validators of packages whose download broke off, to be resumed only if the file is still the same. Lost with
    /// the process: then the hash of the whole tells.
    private let validators = NativeLock<[SHA256Digest: String]>([:])

    /// Nil where this program cannot be started again: then packed answers are refused.
    private let unpacking: PackedAnswers?

    init(
        folder: MetadataFolder, incoming: String, disk: NamedQueue, pool: any PackagePool, rules: DownloadRules,
        unpacking: PackedAnswers?
    ) {
        self.rules = rules
        self.unpacking = unpacking
        self.folder = folder
        self.incoming = IncomingMetadata(incoming)
        self.disk = disk
        self.pool = pool
        refresher = MetadataRefresher(folder: folder, queue: disk)
    }

    // MARK: - Metadata

    /// Takes up what was trusted before a restart, so that spokes are served before the first refresh.
    func loadStored(root: [UInt8], now: UnixTime) async throws {
        let outcome = try await refresher.run(.catalog, from: .stored, bootstrapRoot: root, now: now) { _, _ in
            .notFound
        }
        try await serve(outcome.trusted)
    }

    /// Forgets what another catalog's root made trusted: its metadata folder begins anew.
    func forget() async throws {
        served.withLock { $0 = nil }
        let folder = self.folder
        try await disk.run { try folder.forget() }
    }

    /// Runs TUF's workflow against the URL and says how it ended, as the core wants to hear it.
    func refresh(url: String, root: [UInt8], now: UnixTime) async -> HubEvent {
        let client = CatalogFetcher(rules, unpacking: unpacking)
        do {
            let base = try URLReference(url)
            let queue = self.queue
            return .catalog(
                .refreshed(
                    try await contents(root, now) { name, limit in
                        await queue.run { client.fetch(base, name, limit) }
                    }))
        } catch let error as MetadataError {
            // A catalog that is published anew during the run is tried again, not called an attack.
            let isAboutAnswer = error.code == .malformedMetadata || error.code == .missingMetadata
            let answer = isAboutAnswer ? await queue.run { client.lastAnswer } : ""
            let text = answer.isEmpty ? error.description : "\(error) (\(answer))"
            guard !error.isTransient else {
                return .catalog(.unreachable(text, retryAfter: await queue.run { client.retryAfter }))
            }
            return .catalog(.refused(text))
        } catch {
            return .catalog(.unreachable("\(error)"))
        }
    }

    /// Runs TUF's workflow over the metadata that an operator brought, and forgets what was brought, however it ends.
    func importBundle(root: [UInt8], now: UnixTime) async throws -> CatalogContents {
        let (incoming, disk) = (incoming, disk)
        do {
            let contents = try await contents(root, now) { name, limit in
                await disk.run { incoming.folder.metadata(name, limit: limit) }
            }
            try await disk.run { try incoming.clear() }
            return contents
        } catch {
            try await disk.run { try incoming.clear() }
            throw error
        }
    }

    private func contents(
        _ root: [UInt8], _ now: UnixTime, fetch: @escaping MetadataRefresher.Fetch
    ) async throws -> CatalogContents {
        try await turns.take {
            let outcome = try await self.refresher.run(.catalog, bootstrapRoot: root, now: now, fetch: fetch)
            try await self.serve(outcome.trusted)
            let (packages, _) = outcome.trusted.packages()
            return CatalogContents(
                timestampVersion: UInt64(clamping: outcome.trusted.timestamp?.version ?? 0),
                expires: outcome.trusted.freshUntil, packages: packages)
        }
    }

    /// The metadata file of that name, byte for byte as it was received; nil if it is not here.
    func file(named name: String) async throws -> [UInt8]? {
        guard let served = served.withLock({ $0 }) else { return nil }
        return try await disk.run { try served.file(named: name) }
    }

    private func serve(_ trusted: TrustedMetadata) async throws {
        let folder = self.folder
        let fresh = try await disk.run { try ServedMetadata(trusted, in: folder) }
        served.withLock { $0 = fresh }
    }

    // MARK: - Packages

    /// Brings a package into the pool, from where an earlier attempt broke off; `progress` hears at most once a second
    /// how much is here. Of one that the disk has damaged only what is damaged is fetched.
    func importPackage(
        _ package: Package, from url: String, isDamaged: Bool = false, progress: @escaping @Sendable (UInt64) -> Void
    ) async -> ImportOutcome {
        let remote = served.withLock { served in
            package.target.remotePath(consistentSnapshot: served?.trusted.root.consistentSnapshot ?? true)
        }
        return await NamedQueue("hub.import").run {
            do {
                let path = remote.string.split(separator: "/").map { PercentEncoding.encode($0) }
                let address = try URLReference(url).appending("targets/" + path.joined(separator: "/"))
                if isDamaged, let outcome = self.repair(package, from: address) { return outcome }
                return try self.importPackage(package, from: address, progress)
            } catch {
                return .interrupted("\(error)")
            }
        }
    }

    /// Nil where it takes the whole package.
    private func repair(_ package: Package, from address: URLReference) -> ImportOutcome? {
        let source = WebRepairSource(address, length: Int64(clamping: package.length), settings: rules.settings)
        do throws(StorageError) {
            let report = try pool.repair(package.sha256, length: ByteCount(package.length), from: source)
            return .repaired(fetched: report.fetched)
        } catch {
            switch error {
            case .sourceFailed(let why): return source.isPacked ? nil : .interrupted(why)
            default: return nil
            }
        }
    }

    private func importPackage(
        _ package: Package, from address: URLReference, _ progress: (UInt64) -> Void
    ) throws -> ImportOutcome {
        let download: PackageDownload
        do throws(StorageError) {
            download = try PackageDownload(
                package, from: address, into: pool, validator: validators.withLock { $0[package.sha256] },
                unpacking: unpacking)
        } catch {
            return Self.outcome(of: error)
        }
        defer { keep(download.isPartial ? download.validator : nil, of: package) }
        do {
            return try download.run(rules, progress)
        } catch let error as StorageError {
            return Self.outcome(of: error)
        } catch let error as HTTPError {
            return error.code == .tooLarge || error.code == .wrongLength
                ? .mismatch("\(package.path) has not the length that the catalog signs: \(error)")
                : .interrupted(DownloadRules.explained(error).description)
        }
    }

    /// Bounded by the packages that are here in part, and so by the catalog.
    private func keep(_ validator: String?, of package: Package) {
        validators.withLock { $0[package.sha256] = validator }
    }

    private static func outcome(of error: StorageError) -> ImportOutcome {
        switch error {
        case .alreadyHeld: .imported
        case .quotaExceeded, .noPool, .diskFull:
            .noRoom(error.description, lacking: error.lacking?.bytes ?? .zero, pool: error.lacking?.pool)
        case .hashMismatch: .mismatch("the bytes that came have another hash than the catalog signs; they were removed")
        case .tooLong, .incomplete: .mismatch(error.description)
        default: .interrupted(error.description)
        }
    }
}

/// Lets one piece of work run at a time, in the order of their coming.
private actor Turns {
    private var last: Task<Void, Never>?

    func take<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let before = last
        let task = Task {
            await before?.value
            return try await work()
        }
        // Whoever comes next waits for the end, however it is.
        last = Task { _ = await task.result }
        return try await task.value
    }
}

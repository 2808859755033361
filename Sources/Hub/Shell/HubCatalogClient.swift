internal import Codec
internal import HTTP
internal import Identity
internal import Model
internal import Storage
internal import Synchronization
internal import System
internal import Trust

/// Downloads the vendor's catalog and packages over http and https; believes nothing but TUF's metadata and its hashes.
///
/// Blocking downloads run on a queue of their own. One refresh and a few imports at a time.
final class HubCatalogClient: Sendable {
    private let folder: MetadataFolder
    private let refresher: MetadataRefresher
    private let queue = NamedQueue("hub.catalog")
    private let disk: NamedQueue
    private let pool: any PackagePool
    private let served = Mutex<ServedMetadata?>(nil)

    init(folder: MetadataFolder, disk: NamedQueue, pool: any PackagePool) {
        self.folder = folder
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
        do {
            let base = try URLReference(url)
            let client = SharedClient()
            let queue = self.queue
            let outcome = try await refresher.run(.catalog, bootstrapRoot: root, now: now) { name, limit in
                await queue.run { client.fetch(base, name, limit) }
            }
            try await serve(outcome.trusted)
            let (packages, _) = outcome.trusted.packages()
            return .catalogRefreshed(
                CatalogContents(
                    timestampVersion: UInt64(clamping: outcome.trusted.timestamp?.version ?? 0),
                    expires: outcome.trusted.freshUntil, packages: packages))
        } catch let error as MetadataError {
            // A catalog that is published anew during the run is tried again, not called an attack.
            return error.isTransient ? .catalogUnreachable(error.description) : .catalogRefused(error.description)
        } catch {
            return .catalogUnreachable("\(error)")
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
    /// how much is here.
    func importPackage(
        _ package: Package, from url: String, progress: @escaping @Sendable (UInt64) -> Void
    ) async -> ImportOutcome {
        let remote = served.withLock { served in
            package.target.remotePath(consistentSnapshot: served?.trusted.root.consistentSnapshot ?? true)
        }
        let pool = self.pool
        return await queue.run {
            do {
                let path = remote.string.split(separator: "/").map { PercentEncoding.encode($0) }
                let address = try URLReference(url).appending("targets/" + path.joined(separator: "/"))
                return try Self.importPackage(package, from: address, into: pool, progress)
            } catch {
                return .interrupted("\(error)")
            }
        }
    }

    private static func importPackage(
        _ package: Package, from address: URLReference, into pool: any PackagePool,
        _ progress: (UInt64) -> Void
    ) throws -> ImportOutcome {
        let reservation: Reservation
        do throws(StorageError) {
            reservation = try pool.reserve(package.sha256, length: ByteCount(package.length))
        } catch {
            return outcome(of: error)
        }
        do {
            let outcome = try download(package, address, reservation, into: pool, progress)
            if outcome != .imported { pool.abandon(reservation, keepingBytes: true) }
            return outcome
        } catch let error as StorageError {
            pool.abandon(reservation, keepingBytes: true)
            return outcome(of: error)
        } catch let error as HTTPError {
            pool.abandon(reservation, keepingBytes: true)
            return error.code == .tooLarge || error.code == .wrongLength
                ? .mismatch("\(package.path) has not the length that the catalog signs: \(error)")
                : .interrupted(error.description)
        } catch {
            pool.abandon(reservation, keepingBytes: true)
            return .interrupted("\(error)")
        }
    }

    private static func download(
        _ package: Package, _ address: URLReference, _ reservation: Reservation, into pool: any PackagePool,
        _ progress: (UInt64) -> Void
    ) throws -> ImportOutcome {
        let held = reservation.resumeOffset.bytes
        if held < package.length || package.length == 0 {
            var settings = HTTPClientSettings()
            settings.deadline = nil
            let client = HTTPClient(settings)
            let length = Int64(clamping: package.length)
            var position = Int64(clamping: held)
            // A server without ranges sends the whole file again: what is here is skipped, not written twice.
            var skip: Int64 = 0
            var last = SystemClock.uptime
            let download = HTTPDownload(address, offset: position, limit: length, length: length)
            let outcome = try client.download(download) { start in
                skip = position - start
            } write: { bytes in
                let skipped = Int(min(skip, Int64(bytes.count)))
                skip -= Int64(skipped)
                guard skipped < bytes.count else { return }
                let fresh = UnsafeRawBufferPointer(rebasing: bytes[skipped...])
                try pool.write(reservation, at: ByteCount(UInt64(position)), RawSpan(_unsafeBytes: fresh))
                position += Int64(fresh.count)
                if SystemClock.uptime - last >= .seconds(1) {
                    last = SystemClock.uptime
                    progress(UInt64(position))
                }
            }
            if case .status(let status, _) = outcome {
                return .interrupted("\(address.host) answered \(status) for \(package.path)")
            }
        }
        try pool.publish(reservation)
        return .imported
    }

    private static func outcome(of error: StorageError) -> ImportOutcome {
        switch error {
        case .alreadyHeld: .imported
        case .quotaExceeded, .diskFull: .noRoom(error.description)
        case .hashMismatch: .mismatch("the bytes that came have another hash than the catalog signs; they were removed")
        case .tooLong, .incomplete: .mismatch(error.description)
        default: .interrupted(error.description)
        }
    }
}

/// One client for the files of a refresh, so that they share a connection; used on one queue.
private final class SharedClient: @unchecked Sendable {
    private let client = HTTPClient()

    func fetch(_ base: URLReference, _ name: String, _ limit: Int) -> RefreshAnswer {
        do {
            let response = try client.send(.init(.get, try base.appending("metadata/" + name)), limit: limit)
            switch response.status {
            case 200: return .bytes(response.body)
            case 403, 404, 410: return .notFound
            default: return .failed("\(base.host) answered \(response.status) for \(name)")
            }
        } catch let error as HTTPError {
            switch error.code {
            case .tooLarge: return .tooLarge
            case .timedOut, .tooSlow: return .tooSlow
            default: return .failed(error.description)
            }
        } catch {
            return .failed("\(error)")
        }
    }
}

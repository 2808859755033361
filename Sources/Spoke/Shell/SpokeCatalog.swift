internal import Codec
internal import Identity
internal import Model
internal import Protocol
internal import System
internal import Transport
internal import Trust

/// The spoke's trusted catalog: refreshed through the hub by TUF's full workflow, relayed to agents byte for byte.
///
/// Callers who ask while a refresh runs wait for that one.
actor SpokeCatalog {
    private let refresher: MetadataRefresher
    private let folder: MetadataFolder
    private let disk: NamedQueue
    private let links: Links
    private let state: String
    private let now: @Sendable () -> UnixTime
    private var served: ServedMetadata?
    private var trusted: TrustedMetadata? { served?.trusted }
    private var underWay: Task<ServedMetadata, any Error>?

    init(
        folder: MetadataFolder, disk: NamedQueue, links: Links, state: String,
        now: @escaping @Sendable () -> UnixTime
    ) {
        self.folder = folder
        self.disk = disk
        self.links = links
        self.state = state
        self.now = now
        refresher = MetadataRefresher(folder: folder, queue: disk)
    }

    /// The version of the timestamp that is trusted now.
    var timestampVersion: UInt64? { trusted?.timestamp.map { UInt64(clamping: $0.version) } }

    /// Takes up what was trusted before a restart, so that agents are served while the hub is away.
    func loadStored() async throws {
        let bootstrapRoot = try await storedRoot()
        let outcome = try await refresher.run(.catalog, from: .stored, bootstrapRoot: bootstrapRoot, now: now()) {
            _, _ in
            .notFound
        }
        let folder = self.folder
        served = try await disk.run { try ServedMetadata(outcome.trusted, in: folder) }
    }

    /// Runs the workflow against the hub on that link.
    @discardableResult
    func refresh(through hub: LinkID) async throws -> TrustedMetadata {
        if let underWay { return try await underWay.value.trusted }
        let (refresher, time, links, disk, folder) = (refresher, now(), links, disk, folder)
        let task = Task {
            let root = try await bootstrapRoot(hub)
            let outcome = try await refresher.run(.catalog, bootstrapRoot: root, now: time) { name, limit in
                await Self.fetch(name, limit, from: hub, links)
            }
            return try await disk.run { try ServedMetadata(outcome.trusted, in: folder) }
        }
        underWay = task
        defer { underWay = nil }
        let fresh = try await task.value
        served = fresh
        return fresh.trusted
    }

    /// Runs the workflow over a bundle, when a refresh that is under way has ended.
    func take(_ bundle: BundleFolder) async throws -> TrustedMetadata {
        // How that one ends is no matter here.
        while let running = underWay { _ = try? await running.value }
        let (refresher, time, disk, folder) = (refresher, now(), disk, folder)
        let task = Task {
            let root = try await storedRoot()
            let outcome = try await refresher.run(.catalog, bootstrapRoot: root, now: time) { name, limit in
                await disk.run { bundle.metadata(name, limit: limit) }
            }
            return try await disk.run { try ServedMetadata(outcome.trusted, in: folder) }
        }
        underWay = task
        defer { underWay = nil }
        let fresh = try await task.value
        served = fresh
        return fresh.trusted
    }

    /// The packages of these products that the catalog names; nil where none is trusted that is in date.
    func packages(of products: Set<ProductName>) -> [Package]? {
        guard let trusted, trusted.freshUntil > now() else { return nil }
        return trusted.packages().packages.filter { products.contains($0.path.product) }
    }

    /// What the catalog says about a path, refreshed first where what is known does not name it.
    func find(_ path: TargetPath, through hub: LinkID) async -> TargetFinding {
        do {
            if let trusted, trusted.freshUntil > now(), let found = try lookUp(path, in: trusted) { return found }
            let fresh = try await refresh(through: hub)
            return try lookUp(path, in: fresh) ?? .absent
        } catch let error as MetadataError {
            // A hub whose catalog moves on during the run is as good as one that cannot be reached.
            return error.isTransient ? .unreachable(error.description) : .refused(error.description)
        } catch {
            return .unreachable("\(error)")
        }
    }

    private func lookUp(_ path: TargetPath, in trusted: TrustedMetadata) throws -> TargetFinding? {
        guard case .found(let target) = try trusted.search(JSONText(path.description)) else { return nil }
        let package = try Package(target.file)
        return .listed(length: package.length, sha256: package.sha256, content: package.content)
    }

    /// The metadata file of that name at the repository, byte for byte as it was received; nil if it is not here.
    func file(named name: String) async throws -> [UInt8]? {
        guard let served else { return nil }
        return try await disk.run { try served.file(named: name) }
    }

    private func storedRoot() async throws -> [UInt8]? {
        let files = [SpokeState.catalogRoot(state), SpokeState.catalogRootFromHub(state)]
        return try await disk.run {
            try files.first(where: File.exists).map { try File.read($0, limit: MetadataLimits.rootBytes) }
        }
    }

    /// The root to begin with: the one given at the join, else the hub's of then, else, for a spoke that joined before there was a
    /// catalog, the one that the hub pins now. Agents do not believe the spoke's.
    private func bootstrapRoot(_ hub: LinkID) async throws -> [UInt8]? {
        if let stored = try await storedRoot() { return stored }
        guard case .bytes(let root) = await Self.fetch("root.json", MetadataLimits.rootBytes, from: hub, links) else {
            return nil
        }
        let file = SpokeState.catalogRootFromHub(state)
        try await disk.run { try AtomicFile.write(root, to: file) }
        return root
    }

    private static func fetch(_ name: String, _ limit: Int, from hub: LinkID, _ links: Links) async -> RefreshAnswer {
        do {
            let fetched = try await links.fetch(
                hub, .fetchMetadata(FetchMetadata(name: name)), priority: .control, limit: UInt64(limit),
                into: .memory)
            return .bytes(fetched.bytes)
        } catch .answered(let reply) {
            return reply.code == .notFound ? .notFound : .failed(reply.text)
        } catch .tooLong {
            return .tooLarge
        } catch .timedOut {
            return .tooSlow
        } catch {
            return .failed("\(error)")
        }
    }
}

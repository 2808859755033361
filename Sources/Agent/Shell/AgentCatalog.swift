internal import Codec
internal import Identity
internal import Model
internal import Protocol
internal import Synchronization
internal import System
internal import Transport
internal import Trust

/// The agent's own look at the vendor's signed catalog: TUF's full workflow, through the spoke or out of what is kept. One run at a time.
actor AgentCatalog {
    private static let rootLimit = MetadataLimits.rootBytes
    private static let rootsLimit = 256

    private let refresher: MetadataRefresher
    private let folder: MetadataFolder
    private let queue: NamedQueue
    private let links: Links
    private let state: String
    private let requiresLocalRoot: Bool
    /// Whether the trusted metadata was seen to descend from the owner's root in this process.
    private var isOwnRootSettled = false
    private var last: Task<Void, Never>?

    init(state: String, requiresLocalRoot: Bool, links: Links) throws {
        self.state = state
        self.requiresLocalRoot = requiresLocalRoot
        self.links = links
        folder = try MetadataFolder(AgentState.trust(state))
        queue = NamedQueue("agent.trust")
        refresher = MetadataRefresher(folder: folder, queue: queue)
    }

    /// What the signed metadata says of a path as of `now`; asks through `link` if there is one, and falls back to what is kept when that fails.
    func check(_ path: TargetPath, hubRoot: SHA256Digest?, now: UnixTime, link: LinkID?) async -> TargetCheck {
        let before = last
        let task = Task { () -> TargetCheck in
            await before?.value
            guard let link else { return await self.run(path, hubRoot, now, link: nil).outOfKeptMetadata }
            let fresh = await self.run(path, hubRoot, now, link: link)
            guard case .unavailable = fresh else { return fresh }
            let stored = await self.run(path, hubRoot, now, link: nil)
            if case .found = stored { return stored }
            return fresh
        }
        last = Task { _ = await task.value }
        return await task.value
    }

    private func run(
        _ path: TargetPath, _ hubRoot: SHA256Digest?, _ now: UnixTime, link: LinkID?
    ) async -> TargetCheck {
        do {
            let root = try await bootstrapRoot(hubRoot, link: link)
            let links = self.links
            let outcome = try await refresher.run(
                .target(JSONText(path.description)), from: link == nil ? .stored : .repository, bootstrapRoot: root,
                now: now
            ) { name, limit in
                guard let link else { return .failed("there is no connection to the spoke") }
                return await Self.fetch(name, limit, link, links)
            }
            guard let target = outcome.target else { return .absent }
            return .found(
                try Package(target.file), lineFloor: Self.lineFloor(path, target, outcome.trusted),
                versions: Self.versions(outcome.trusted), roots: try await roots(outcome.trusted, root))
        } catch let error as MetadataError {
            return error.isTransient
                ? .unavailable(error.description) : .untrusted(error.description, attack: error.attack)
        } catch {
            return .unavailable("\(error)")
        }
    }

    // MARK: Roots

    /// The root to begin with: the owner's, else, if he does not forbid it, the hub's.
    private func bootstrapRoot(_ hubRoot: SHA256Digest?, link: LinkID?) async throws -> [UInt8]? {
        let (state, folder, isSettled) = (state, folder, isOwnRootSettled)
        let own: [UInt8]? = try await queue.run {
            let path = AgentState.catalogRoot(state)
            guard File.exists(path) else { return nil }
            let root = try File.read(path, limit: Self.rootLimit)
            if !isSettled { try Self.settle(root, in: folder) }
            return root
        }
        isOwnRootSettled = own != nil
        if let own { return own }
        guard !requiresLocalRoot else {
            throw MetadataError(
                .noTrustedRoot, role: .root,
                "requireLocalRoot is set: put the vendor's root.json at \(AgentState.catalogRoot(state))")
        }
        let (kept, isBegun) = try await queue.run {
            let path = AgentState.catalogRootFromHub(state)
            let kept = File.exists(path) ? try File.read(path, limit: Self.rootLimit) : nil
            return (kept, try folder.load(.root) != nil)
        }
        if let kept { return kept }
        guard !isBegun, let hubRoot, let link else { return nil }
        return try await rootFromHub(hubRoot, link)
    }

    /// Forgets what is trusted unless it descends from the owner's root: what began with a root of the hub is no proof against the hub.
    private static func settle(_ own: [UInt8], in folder: MetadataFolder) throws {
        guard try folder.load(.root) != nil else { return }
        let version = try TrustedMetadata(
            root: own, startTime: .zero, verifier: OpenSSLVerifier(), digester: OpenSSLDigester()
        ).root.version
        if try folder.load(.rootVersion(version)) != own { try folder.forget() }
    }

    /// The root whose hash the hub has signed in an order, found among those that the spoke has, and kept as the hub's.
    private func rootFromHub(_ hash: SHA256Digest, _ link: LinkID) async throws -> [UInt8]? {
        for version in 1...Self.rootsLimit {
            guard case .bytes(let bytes) = await Self.fetch("\(version).root.json", Self.rootLimit, link, links) else {
                return nil
            }
            guard OpenSSLDigester().sha256(bytes) == hash.bytes else { continue }
            let path = AgentState.catalogRootFromHub(state)
            try await queue.run { try AtomicFile.write(bytes, to: path) }
            return bytes
        }
        return nil
    }

    /// The hashes of all roots that this machine trusts or has trusted.
    private func roots(_ trusted: TrustedMetadata, _ first: [UInt8]?) async throws -> Set<SHA256Digest> {
        let version = trusted.root.version
        return try await queue.run { [folder] in
            var files = [try folder.load(.root), first]
            for old in max(1, version - Int64(Self.rootsLimit))...max(1, version) {
                files.append(try folder.load(.rootVersion(old)))
            }
            return Set(try files.compactMap { $0 }.map { try SHA256Digest(bytes: OpenSSLDigester().sha256($0)) })
        }
    }

    // MARK: Reading what is trusted

    /// The versions that may not fall, even if somebody puts old files into the folder. Those of timestamp and snapshot may fall when a new root
    /// retires a key (fast-forward recovery), so each root has its own.
    private static func versions(_ trusted: TrustedMetadata) -> [String: UInt64] {
        let root = trusted.root.version
        var versions = ["root": UInt64(clamping: root)]
        if let timestamp = trusted.timestamp { versions["timestamp/\(root)"] = UInt64(clamping: timestamp.version) }
        if let snapshot = trusted.snapshot { versions["snapshot/\(root)"] = UInt64(clamping: snapshot.version) }
        return versions
    }

    /// The highest floor that the verified targets sign for the package's line.
    private static func lineFloor(
        _ path: TargetPath, _ target: TrustedMetadata.FoundTarget, _ trusted: TrustedMetadata
    ) -> Floor? {
        let packages = trusted.packages().packages.map(\.metadata).filter { $0.product == path.product }
        guard let line = packages.first(where: { $0.release == path.release })?.line else { return nil }
        return packages.filter { $0.line == line }.compactMap(\.floor).max { $0.counter < $1.counter }
    }

    private static func fetch(_ name: String, _ limit: Int, _ link: LinkID, _ links: Links) async -> RefreshAnswer {
        do {
            let fetched = try await links.fetch(
                link, .fetchMetadata(FetchMetadata(name: name)), priority: .control, limit: UInt64(limit),
                into: .memory)
            return .bytes(fetched.bytes)
        } catch {
            switch error {
            case .answered(let reply) where reply.code == .notFound: return .notFound
            case .tooLong: return .tooLarge
            case .timedOut: return .tooSlow
            default: return .failed(error.description)
            }
        }
    }
}

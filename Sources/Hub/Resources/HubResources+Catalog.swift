internal import TLS
internal import API
internal import HTTP
internal import Identity
internal import Model
internal import Trust

/// `/v1/catalog` and `/v1/packages`: what the vendor offers, and where its bytes are.
extension HubResources {
    static func addCatalog(to router: inout Router<Work>) {
        router.add(.get, "/v1/catalog") { hub, _, _ in
            let catalog = try await hub.reader.read { store in
                try store.catalog().map { try resource($0, store) }
            }
            guard let catalog else {
                throw Problem(.notFound, "no catalog is set", next: "axle catalog set --url URL --root FILE sets it.")
            }
            return try json(catalog)
        }
        router.add(.put, "/v1/catalog") { hub, request, _ in
            let change = try body(CatalogChange.self, of: request)
            do throws(HTTPError) {
                if change.url != CatalogRecord.bundleURL { try hub.shell.catalog.rules.check(change.url) }
            } catch {
                throw Problem(.invalid, error.description)
            }
            let root = Array(change.root.utf8)
            do {
                // A wrong file would only show at the first refresh, and be held against the vendor.
                _ = try TrustedMetadata(
                    root: root, startTime: hub.shell.clock.now, verifier: OpenSSLVerifier(),
                    digester: OpenSSLDigester())
            } catch {
                throw Problem(
                    .invalid, "the root metadata is not usable: \(error)",
                    next: "Give the vendor's root.json with --root.")
            }
            let command = HubCommand.catalog(.set(url: change.url, root: root))
            return try await hub.perform(command, request, catalogBody)
        }
        router.add(.post, "/v1/catalog/refresh") { hub, request, _ in
            try await hub.perform(.catalog(.refresh), request, status: 202, catalogBody)
        }
        router.add(.get, "/v1/catalog/releases") { hub, _, _ in
            let settings = hub.settings
            let releases = try await hub.reader.read { store in
                let packages = try store.packages().filter { $0.state != .retired }
                let byRelease = Dictionary(grouping: packages) {
                    "\($0.package.path.product)/\($0.package.path.release)"
                }
                return try byRelease.values.compactMap { packages -> ReleaseResource? in
                    guard let first = packages.first?.package else { return nil }
                    return ReleaseResource(
                        product: first.path.product, release: first.path.release, line: first.metadata.line,
                        counter: first.metadata.counter, severity: first.metadata.severity,
                        notes: first.metadata.notes, packages: try packages.map { try resource($0, settings.id, store) }
                    )
                }
            }
            let inOrder = releases.sorted {
                ($0.product, $0.line, $0.counter, $0.release) < ($1.product, $1.line, $1.counter, $1.release)
            }
            return try json(ListPage(items: inOrder))
        }
    }

    static let catalogBody: @Sendable (HubAnswer, SQLiteHubStore) throws -> [UInt8] = { answer, store in
        guard case .catalog(let catalog) = answer else { throw misfit }
        return try JSONCoding.encode(try resource(catalog, store))
    }

    static func resource(_ catalog: CatalogRecord, _ store: SQLiteHubStore) throws -> CatalogResource {
        CatalogResource(
            url: catalog.url, rootVersion: PinnedRoot.version(of: catalog.root),
            timestampVersion: catalog.timestampVersion > 0 ? UInt64(catalog.timestampVersion) : nil,
            expires: catalog.expires, refreshed: catalog.refreshed, problem: catalog.error,
            nextRefresh: catalog.nextRefresh, rootSHA256: ASCII.hex(SHA256.hash(catalog.root)))
    }

    /// What is read of a root that an operator has pinned.
    private struct PinnedRoot: Decodable {
        struct Signed: Decodable { let version: UInt64 }
        let signed: Signed

        static func version(of root: [UInt8]) -> UInt64? {
            // A root without a version is refused by the next refresh, which says why.
            try? JSONCoding.decode(PinnedRoot.self, from: root).signed.version
        }
    }

    static func addPackages(to router: inout Router<Work>) {
        router.add(.get, "/v1/packages") { hub, request, _ in
            let settings = hub.settings
            let limit = try limit(of: request)
            let after = try request.query["after"].map { try TargetPath(id: $0) }
            let found = try await hub.reader.read { store in
                let packages = try store.packages(after: after, limit: limit + 1)
                return try page(packages, limit: limit, cursor: { $0.package.path.id }) {
                    try resource($0, settings.id, store)
                }
            }
            return try json(found)
        }
        router.add(.get, "/v1/packages/{package}") { hub, _, names in
            let path = try path(names)
            let settings = hub.settings
            let found = try await hub.reader.read { store in
                try store.package(path).map { try resource($0, settings.id, store, withMetadata: true) }
            }
            guard let found else { throw unknown(path) }
            return try json(found)
        }
        router.add(.post, "/v1/packages/{package}/import") { hub, request, names in
            let path = try path(names)
            let settings = hub.settings
            return try await hub.perform(.catalog(.importPackage(path)), request, status: 202) { answer, store in
                guard case .package(let package) = answer else { throw misfit }
                return try JSONCoding.encode(try resource(package, settings.id, store))
            }
        }
        router.add(.get, "/v1/packages/{package}/removal") { hub, _, names in
            let path = try path(names)
            return try json(try await hub.reader.read { store in try removal(path, store) })
        }
        router.add(.post, "/v1/packages/{package}/remove") { hub, request, names in
            let path = try path(names)
            let settings = hub.settings
            return try await hub.perform(.catalog(.removePackage(path)), request, status: 202) { answer, store in
                guard case .package(let package) = answer else { throw misfit }
                return try JSONCoding.encode(try resource(package, settings.id, store))
            }
        }
    }

    private static func removal(_ path: TargetPath, _ store: SQLiteHubStore) throws -> PackageRemovalResource {
        guard try store.package(path) != nil else { throw unknown(path) }
        let removal = try HubQueries(store: store, zones: ZoneFolder.find).removal(of: path)
        let record = removal.record
        return PackageRemovalResource(
            package: path.id, state: record.state, length: record.package.length,
            held: record.isHere ? UInt64(clamping: record.bytesHeld) : 0,
            spokes: try removal.replicas.compactMap { replica in
                try store.spoke(replica.spoke).map { Reference(id: $0.id, name: $0.name) }
            }, refused: removal.refusals)
    }

    static func path(_ names: [String: String]) throws -> TargetPath {
        let text = names["package"] ?? ""
        do {
            return try TargetPath(id: text)
        } catch {
            throw Problem(.notFound, "there is no package \(text)", next: "axle package list shows them all.")
        }
    }

    static func unknown(_ path: TargetPath) -> Problem {
        Problem(.notFound, "there is no package \(path)", next: "axle package list shows them all.")
    }

    private static func resource(
        _ record: PackageRecord, _ hub: NodeID, _ store: SQLiteHubStore, withMetadata: Bool = false
    ) throws -> PackageResource {
        let replicas = try store.replicas(of: record.package.path).compactMap { replica -> ReplicaResource? in
            guard let spoke = try store.spoke(replica.spoke) else { return nil }
            return resource(
                replica, Reference(id: spoke.id, name: spoke.name),
                try store.place(node: spoke.id, path: replica.path))
        }
        let patches = try withMetadata ? store.patches(to: record.package.content.sha256).map(resource) : nil
        return PackageResource(
            record.package, state: record.state, held: UInt64(clamping: record.bytesHeld), problem: record.error,
            place: try store.place(node: hub, path: record.package.path).map(place),
            replicas: replicas, patches: patches, withMetadata: withMetadata)
    }

    private static func place(_ place: PlaceRecord) -> PlaceResource {
        PlaceResource(pool: place.pool.text, reason: place.reason)
    }

    static func resource(
        _ replica: ReplicaRecord, _ spoke: Reference, _ place: PlaceRecord?
    ) -> ReplicaResource {
        ReplicaResource(
            spoke: spoke, state: replica.state, held: UInt64(clamping: replica.bytesHeld), problem: replica.text,
            means: replica.means, sent: replica.wireBytes, reason: replica.reason,
            place: place.map(Self.place))
    }

    private static func resource(_ patch: PatchRecord) -> PatchResource {
        PatchResource(
            from: patch.oldPath.id, means: patch.key.means, state: patch.state,
            length: patch.state == .made ? patch.length : nil, problem: patch.problem,
            used: patch.state == .made ? patch.lastUsed : nil)
    }
}

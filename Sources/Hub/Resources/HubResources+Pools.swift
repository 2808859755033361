internal import API
internal import HTTP
internal import Model
internal import Protocol
internal import Storage

/// `/v1/pools` and `/v1/retention`: where package bytes are, what goes and what stays, and checks.
extension HubResources {
    static func addPools(to router: inout Router<Work>) {
        router.add(.get, "/v1/pools") { hub, _, _ in
            let settings = hub.settings
            let pools = try await hub.reader.read { store in
                try store.pools().map { try resource($0, settings, store) }
            }
            return try json(ListPage(items: pools))
        }
        router.add(.patch, "/v1/pools/{pool}") { hub, request, names in
            let settings = hub.settings
            let change = try body(PoolChange.self, of: request)
            let found = try await hub.pool(names)
            let command: HubCommand =
                switch (change.quota, change.access) {
                case (let quota?, nil): .pools(.setQuota(node: found.node, pool: found.name, quota))
                case (nil, let access?): .pools(.setAccess(node: found.node, pool: found.name, access))
                default: throw Problem(.invalid, "a change sets either the quota or the access")
                }
            return try await hub.perform(command, request) { answer, store in
                guard case .pool(let pool) = answer else { throw misfit }
                return try JSONCoding.encode(try resource(pool, settings, store))
            }
        }
        addPlans(to: &router)
        addChecks(to: &router)
        router.add(.get, "/v1/retention") { hub, _, _ in
            let releases = try await hub.reader.read {
                try HubQueries(store: $0, zones: ZoneFolder.find).retention()
            }
            return try json(RetentionResource(releases: releases))
        }
        router.add(.patch, "/v1/retention") { hub, request, _ in
            let change = try body(RetentionResource.self, of: request)
            return try await hub.perform(.pools(.setRetention(change.releases)), request) { answer, _ in
                guard case .retention(let releases) = answer else { throw misfit }
                return try JSONCoding.encode(RetentionResource(releases: releases))
            }
        }
    }

    private static func addPlans(to router: inout Router<Work>) {
        router.add(.get, "/v1/pools/{pool}/plan") { hub, _, names in
            let settings = hub.settings
            let found = try await hub.pool(names)
            guard found.node != settings.id || found.name.text != "patches" else {
                throw Problem(.invalid, "pool \(found.name) keeps itself and has no plan")
            }
            let answer = try await hub.reader.read { store in
                let plan = try HubQueries(store: store, zones: ZoneFolder.find)
                    .prunePlan(of: found.node, isHub: found.node == settings.id, in: found.name)
                return try resource(plan, found, settings, store)
            }
            return try json(answer)
        }
        router.add(.post, "/v1/pools/{pool}/prune") { hub, request, names in
            let settings = hub.settings
            let found = try await hub.pool(names)
            let command = HubCommand.pools(.prune(node: found.node, pool: found.name))
            return try await hub.perform(command, request) { answer, store in
                guard case .prunePlan(let plan) = answer else { throw misfit }
                return try JSONCoding.encode(try resource(plan, found, settings, store))
            }
        }
    }

    private static func addChecks(to router: inout Router<Work>) {
        router.add(.post, "/v1/pools/{pool}/check") { hub, request, names in
            let settings = hub.settings
            let wanted = try body(PoolCheckRequest.self, of: request)
            let found = try await hub.pool(names)
            let command = HubCommand.pools(.check(node: found.node, pool: found.name, readsData: wanted.readData))
            return try await hub.perform(command, request, status: 202) { answer, store in
                guard case .pool(let pool) = answer else { throw misfit }
                return try JSONCoding.encode(try resource(pool, settings, store))
            }
        }
        router.add(.get, "/v1/pools/{pool}/check") { hub, _, names in
            let settings = hub.settings
            let found = try await hub.pool(names)
            let last = try await hub.reader.read { try $0.check(node: found.node, pool: found.name) }
            guard let last else {
                throw Problem(
                    .notFound, "pool \(found.name) was never checked",
                    next: "axle pool check \(found.name) begins a check.")
            }
            let progress = await hub.shell.progress(ofCheck: last.said.check)
            let check = last.ended == nil ? progress ?? last.said : last.said
            let answer = try await hub.reader.read { store in
                let packages = try store.packages()
                let damaged = try check.corrupt.map { digest in
                    let record = packages.first {
                        $0.package.sha256 == digest || $0.package.metadata.content?.sha256 == digest
                    }
                    guard let record else { return PoolCheckResource.Damaged(package: digest.hex, repaired: false) }
                    let isWhole =
                        found.node == settings.id
                        ? record.state == .imported
                        : try store.replica(spoke: found.node, path: record.package.path)?.state == .verified
                    return PoolCheckResource.Damaged(package: record.package.path.id, repaired: isWhole)
                }
                return PoolCheckResource(
                    number: check.check, over: check.isOver, read: ByteCount(check.read), total: ByteCount(check.total),
                    damaged: damaged, problems: check.problems, began: last.began, ended: last.ended)
            }
            return try json(answer)
        }
    }

    /// The pool that a request names.
    private func pool(_ names: [String: String]) async throws -> PoolRecord {
        let id = names["pool"] ?? ""
        let found = try await reader.read { store in try store.pools().first { "\($0.node).\($0.name)" == id } }
        guard let found else {
            throw Problem(.notFound, "there is no pool \(id)", next: "axle pool list shows them all.")
        }
        return found
    }

    private static func resource(
        _ plan: PrunePlan, _ pool: PoolRecord, _ settings: HubState.Settings, _ store: SQLiteHubStore
    ) throws -> PoolPlanResource {
        let packages = try store.packages().map(\.package)
        func name(_ digest: SHA256Digest) -> (String, ByteCount) {
            guard let package = packages.first(where: { $0.sha256 == digest }) else { return (digest.hex, .zero) }
            return (package.path.id, ByteCount(package.length))
        }
        func item(_ digest: SHA256Digest, _ reason: String) -> PoolPlanResource.Item {
            let (id, length) = name(digest)
            return PoolPlanResource.Item(package: id, length: length, reason: reason)
        }
        return PoolPlanResource(
            pool: try resource(pool, settings, store),
            retention: try HubQueries(store: store, zones: ZoneFolder.find).retention(),
            goes: plan.removals.map { item($0.holding.digest, $0.text) },
            stays: plan.kept.map { item($0.digest, $0.reason.description) }.sorted { $0.package < $1.package },
            freed: plan.freed)
    }

    private static func resource(
        _ pool: PoolRecord, _ settings: HubState.Settings, _ store: SQLiteHubStore
    ) throws -> PoolResource {
        let isHub = pool.node == settings.id
        let name = isHub ? settings.name : try store.spoke(pool.node)?.name ?? NodeName(pool.node.description)
        var found = resource(pool, Reference(id: pool.node, name: name), isHub ? .hub : .spoke)
        if let check = try store.check(node: pool.node, pool: pool.name), let ended = check.ended {
            found.checked = PoolResource.Check(
                ended: ended, damaged: check.said.corrupt.count, problems: check.said.problems.count)
        }
        return found
    }

    static func resource(_ pool: PoolRecord, _ owner: Reference, _ role: Role) -> PoolResource {
        let quota = pool.wantedQuota ?? pool.quota
        return PoolResource(
            id: "\(pool.node).\(pool.name)", name: pool.name.text, owner: owner, role: role,
            quota: quota, used: pool.used, reserved: pool.reserved, freeOnDisk: pool.freeOnDisk,
            level: PoolLevel(committed: pool.used + pool.reserved, quota: quota).rawValue,
            access: pool.problem == nil ? pool.wantedAccess ?? pool.access : .unavailable, problem: pool.problem,
            reported: role == .hub ? nil : pool.reported)
    }
}

internal import API
internal import HTTP
internal import Identity
internal import Model
internal import System
internal import TLS
internal import Trust

/// `/v1/status`, `/v1/tokens` and `/v1/events`: the fleet at a glance, how machines join it, and what happened.
extension HubResources {
    static func addStatus(to router: inout Router<Work>) {
        router.add(.get, "/v1/status") { hub, _, _ in
            let (settings, version, started) = (hub.settings, hub.version, hub.started)
            let now = hub.shell.clock.now
            let lack = hub.shell.confinementLack.withLock { $0 }
            let status = try await hub.reader.read { store in
                let summary = try HubQueries(store: store, zones: ZoneFolder.find).summary(at: now)
                let rollouts = Dictionary(uniqueKeysWithValues: summary.rollouts.map { ($0.key.name, $0.value) })
                let pool = try store.pools(of: settings.id).first { $0.name.text == "main" }
                let offline = try store.spokes().compactMap { spoke in
                    try offlineUntil(spoke, store).map {
                        StatusResource.OfflineSite(spoke: spoke.name, since: spoke.since ?? spoke.joined, until: $0)
                    }
                }
                let clocks = try store.wrongClocks(limit: 20).first.compactMap { standing in
                    try store.spoke(standing.node).map { "spoke/\($0.name)" }
                        ?? store.client(standing.node).map { "client/\($0.name)" }
                }
                let set = try store.setting(.anchorSet).flatMap { ASCII.bytes(hex: $0) }
                    .map { try AnchorSet.readUnverified($0) }
                let warnings =
                    summary.warnings + authorityWarnings(set, at: now)
                    + (lack.map { [HubWarning(.confinementMissing, "at the hub: \($0)")] } ?? [])
                return StatusResource(
                    version: version, fleet: settings.fleet, hub: Reference(id: settings.id, name: settings.name),
                    time: now, started: started,
                    spokes: .init(total: summary.spokes, connected: summary.spokesConnected),
                    clients: .init(total: summary.clients, connected: summary.clientsConnected),
                    packages: Dictionary(
                        uniqueKeysWithValues: summary.packages.map { ($0.key.name, $0.value) }),
                    rollouts: rollouts, catalog: try store.catalog().map { try Self.resource($0, store) },
                    pool: pool.map { Self.resource($0, Reference(id: settings.id, name: settings.name), .hub) },
                    offlineSites: Array(offline.sorted { $0.until < $1.until }.prefix(20)), wrongClocks: clocks,
                    changesAuthority: (set?.roots.count ?? 1) > 1, confinementLack: lack,
                    warnings: WarningCode.allCases.flatMap { code in warnings.filter { $0.code == code } }
                        .map { WarningResource(code: $0.code, text: $0.text, count: $0.count, examples: $0.examples) })
            }
            return try json(status)
        }
    }

    /// Root certificates near their end, and a change of them.
    private static func authorityWarnings(_ set: AnchorSet?, at now: UnixTime) -> [HubWarning] {
        guard let set else { return [] }
        var warnings: [HubWarning] = []
        if set.roots.count > 1 {
            warnings.append(HubWarning(.authorityChanging, "a change of the fleet's CA is under way"))
        }
        for der in set.roots {
            // The hub signed the set, and checked its roots before that.
            guard let root = try? Certificate(der: der) else { continue }
            let ends = UnixTime(seconds: root.notAfter)
            guard ends - now < HubLimits.authorityWarning else { continue }
            warnings.append(HubWarning(.authorityExpiring, "the root certificate \(root.subject) ends at \(ends)"))
        }
        return warnings
    }

    static func addTokens(to router: inout Router<Work>) {
        router.add(.get, "/v1/tokens") { hub, _, _ in
            let found = try await hub.reader.read { store in
                ListPage(items: try store.tokens().map { try Self.resource($0, store) })
            }
            return try json(found)
        }
        router.add(.delete, "/v1/tokens/{token}") { hub, request, names in
            let text = names["token"] ?? ""
            // What is no id is no token's.
            guard let id = try? TokenID(text) else {
                throw Problem(.notFound, "there is no token \(text)", next: "axle token list shows them all.")
            }
            return try await hub.perform(.members(.revokeToken(id)), request) { answer, store in
                guard case .revokedToken(let token) = answer else { throw Self.misfit }
                return try JSONCoding.encode(try Self.resource(token, store))
            }
        }
        router.add(.post, "/v1/tokens") { hub, request, _ in
            let wanted = try body(TokenRequest.self, of: request)
            try wanted.validate()
            let (spoke, replaced) = try await hub.reader.read { store in
                let replaced = try wanted.replaces.map { name in
                    try wanted.role == .agent ? Self.client(name, store).id : Self.spoke(name, store).id
                }
                return (try wanted.spoke.map { try Self.spoke($0.text, store).id }, replaced)
            }
            let command = MemberCommand.createToken(
                role: wanted.role, spoke: spoke, replaces: replaced, uses: wanted.uses ?? 1,
                life: .seconds(wanted.ttlSeconds ?? 3600))
            return try await hub.perform(.members(command), request, status: 201) { answer, store in
                guard case .token(let token, let text) = answer else { throw Self.misfit }
                var resource = try Self.resource(token, store)
                resource.token = text
                return try JSONCoding.encode(resource)
            }
        }
    }

    static func addEvents(to router: inout Router<Work>) {
        router.add(.get, "/v1/events") { hub, request, _ in
            let after = try ordinal(of: request)
            let limit = try limit(of: request)
            let search = request.query["search"]
            var wait = Duration.zero
            if let text = request.query["wait"] {
                guard let seconds = Int(text), (0...60).contains(seconds) else {
                    throw Problem(.badQuery, "wait must be 0 to 60 seconds")
                }
                wait = .seconds(seconds)
            }
            let clock = ContinuousClock()
            let deadline = clock.now + wait
            while true {
                let found = try await hub.reader.read { store in
                    try store.events(after: after, search: search, limit: limit + 1)
                }
                let left = deadline - clock.now
                guard found.isEmpty, left > .zero, !Task.isCancelled else {
                    return try json(
                        try page(found, limit: limit, cursor: { "\($0.sequence)" }) {
                            EventResource(sequence: UInt64(clamping: $0.sequence), $0.event)
                        })
                }
                await hub.shell.changes.wait(atMost: min(left, .seconds(1)))
            }
        }
    }

    private static func resource(_ token: TokenRecord, _ store: SQLiteHubStore) throws -> TokenResource {
        TokenResource(
            id: token.id, role: token.role, spoke: try token.spoke.flatMap { try store.spoke($0)?.name },
            replaces: try token.replaces.flatMap { node in
                try token.role == .agent ? store.client(node)?.name : store.spoke(node)?.name
            }, uses: token.uses, usesLeft: token.usesLeft, created: token.created, expires: token.expires)
    }

    /// A command that gave something else than it is there for: a mistake in this program.
    static var misfit: Problem { Problem(.internalError, "the command gave another answer than expected") }
}

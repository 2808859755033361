internal import API
internal import HTTP
internal import Identity
internal import Model
internal import Protocol
internal import Rollout
internal import Transport

/// `/v1/spokes`, `/v1/clients`, `/v1/pools` and `/v1/candidates`: the machines, what they hold and what they may get.
extension HubResources {
    // MARK: - Spokes

    static func addSpokes(to router: inout Router<Work>) {
        router.add(.get, "/v1/spokes") { hub, request, _ in
            let limit = try limit(of: request)
            let after = try request.query["after"].map { try NodeName($0) }
            let now = hub.shell.clock.now
            let found = try await hub.reader.read { store in
                let spokes = try store.spokes(after: after, limit: limit + 1)
                return try page(spokes, limit: limit, cursor: { $0.name.text }) { try resource($0, store, at: now) }
            }
            return try json(found)
        }
        router.add(.get, "/v1/spokes/{spoke}") { hub, _, names in
            let name = names["spoke"] ?? ""
            let now = hub.shell.clock.now
            var found = try await hub.reader.read { store in
                let spoke = try spoke(name, store)
                var resource = try resource(spoke, store, at: now)
                let reference = Reference(id: spoke.id, name: spoke.name)
                resource.replicas = try store.replicas(at: spoke.id).compactMap { replica in
                    try store.package(replica.path).map {
                        HeldReplicaResource(
                            package: replica.path.id, length: $0.package.length,
                            Self.resource(replica, reference, try store.place(node: spoke.id, path: replica.path)))
                    }
                }
                resource.traffic?.means = MeansResource.sums(of: resource.replicas ?? [])
                return resource
            }
            if let figures = await hub.shell.figures(of: found.id) { found.traffic?.add(figures) }
            found.shares = await hub.shell.shares(of: found.id)?.items.map {
                ShareResource(
                    name: $0.name, product: $0.product, platform: $0.platform, folder: $0.folder, state: $0.state,
                    release: $0.release, problem: $0.text.isEmpty ? nil : $0.text, shows: $0.rule)
            }
            return try json(found)
        }
        router.add(.patch, "/v1/spokes/{spoke}") { hub, request, names in
            let name = names["spoke"] ?? ""
            let now = hub.shell.clock.now
            let change = try body(SpokeChange.self, of: request)
            try change.validate()
            let id = try await hub.reader.read { try spoke(name, $0).id }
            let command =
                change.name.map { HubCommand.members(.renameSpoke(id, $0)) }
                ?? .limitSpoke(id, link: change.limit, agents: change.agentLimit)
            return try await hub.perform(command, request) { answer, store in
                guard case .spoke(let spoke) = answer else { throw misfit }
                return try JSONCoding.encode(try resource(spoke, store, at: now))
            }
        }
        router.add(.delete, "/v1/spokes/{spoke}") { hub, request, names in
            let name = names["spoke"] ?? ""
            let id = try await hub.reader.read { try spoke(name, $0).id }
            return try await hub.perform(.members(.removeSpoke(id)), request) { answer, _ in
                guard case .spoke(let spoke) = answer else { throw misfit }
                return try JSONCoding.encode(Reference(id: spoke.id, name: spoke.name))
            }
        }
        router.add(.post, "/v1/spokes/{spoke}/revoke") { hub, request, names in
            let name = names["spoke"] ?? ""
            let now = hub.shell.clock.now
            let id = try await hub.reader.read { try spoke(name, $0).id }
            return try await hub.perform(.members(.revokeSpoke(id)), request) { answer, store in
                guard case .spoke(let spoke) = answer else { throw misfit }
                return try JSONCoding.encode(try resource(spoke, store, at: now))
            }
        }
    }

    /// A spoke by name or id.
    static func spoke(_ text: String, _ store: SQLiteHubStore) throws -> SpokeRecord {
        if let name = try? NodeName(text), let found = try store.spoke(named: name) { return found }  // else an id
        if let id = try? NodeID(text), let found = try store.spoke(id) { return found }  // else nothing
        throw Problem(.notFound, "there is no spoke \(text)", next: "axle spoke list shows them all.")
    }

    /// How long the site of a spoke that is not connected can go on and come back by itself: the offline horizon, or less where the catalog that it has
    /// expires sooner.
    static func offlineUntil(_ spoke: SpokeRecord, _ store: SQLiteHubStore) throws -> UnixTime? {
        guard !spoke.isConnected, spoke.revoked == nil else { return nil }
        let horizon = (spoke.since ?? spoke.joined) + HubLimits.offlineHorizon
        return min(horizon, try store.catalog()?.expires ?? horizon)
    }

    /// A rule and what it comes to now.
    private static func limit(_ rule: String?, at now: UnixTime) throws -> LimitResource? {
        guard let text = rule else { return nil }
        let rule = try BandwidthRule(text)
        do throws(RolloutError) {
            let current = try rule.schedule(from: now, days: 8, zones: ZoneFolder.find).rate(at: now)
            return LimitResource(rule: text, bitsPerSecond: current.rate?.bitsPerSecond, until: current.until)
        } catch {
            return LimitResource(
                rule: text, bitsPerSecond: rule.lowest?.bitsPerSecond, until: nil, problem: "\(error)")
        }
    }

    private static func resource(
        _ spoke: SpokeRecord, _ store: SQLiteHubStore, at now: UnixTime
    ) throws -> SpokeResource {
        let link = try store.link(of: spoke.id)
        let clients = try store.clients(of: spoke.id).filter { $0.revoked == nil }
        let reference = Reference(id: spoke.id, name: spoke.name)
        let standing = try store.standing(of: spoke.id)
        return SpokeResource(
            id: spoke.id, name: spoke.name, connected: spoke.isConnected, since: spoke.since, joined: spoke.joined,
            revoked: spoke.revoked, version: spoke.program.isEmpty ? nil : spoke.program, clients: clients.count,
            clientsConnected: clients.count { $0.isConnected },
            pools: try store.pools(of: spoke.id).map { resource($0, reference, .spoke) },
            offlineUntil: try offlineUntil(spoke, store), certificateExpires: standing?.expires,
            clockError: standing.flatMap { $0.clockError == 0 ? nil : $0.clockError / 1000 },
            limit: try limit(link?.limit, at: now), agentLimit: try limit(link?.agentLimit, at: now),
            traffic: TrafficResource(sent: link?.sent ?? .zero, received: link?.received ?? .zero))
    }

    // MARK: - Clients

    static func addClients(to router: inout Router<Work>) {
        router.add(.get, "/v1/clients") { hub, request, _ in
            let limit = try limit(of: request)
            let after = try request.query["after"].map { try NodeName($0) }
            let found = try await hub.reader.read { store in
                let clients = try store.clients(after: after, limit: limit + 1)
                return try page(clients, limit: limit, cursor: { $0.name.text }) { try resource($0, store) }
            }
            return try json(found)
        }
        router.add(.get, "/v1/clients/{client}") { hub, _, names in
            let name = names["client"] ?? ""
            let now = hub.shell.clock.now
            let found = try await hub.reader.read { store in
                let client = try client(name, store)
                var resource = try resource(client, store)
                var reader = try DeliveryReader(store: store, at: now)
                resource.actions = try store.actions(of: client.id, limit: 20).map {
                    try Self.resource($0, store, try reader.check($0))
                }
                return resource
            }
            return try json(found)
        }
        router.add(.patch, "/v1/clients/{client}") { hub, request, names in
            let name = names["client"] ?? ""
            let change = try body(ClientChange.self, of: request)
            try change.validate()
            let id = try await hub.reader.read { try client(name, $0).id }
            let command =
                change.name.map { HubCommand.members(.renameClient(id, $0)) }
                ?? .members(.labelClient(id, change.labels))
            return try await hub.perform(command, request, clientBody)
        }
        router.add(.delete, "/v1/clients/{client}") { hub, request, names in
            let name = names["client"] ?? ""
            let id = try await hub.reader.read { try client(name, $0).id }
            return try await hub.perform(.members(.removeClient(id)), request) { answer, _ in
                guard case .client(let client) = answer else { throw misfit }
                return try JSONCoding.encode(Reference(id: client.id, name: client.name))
            }
        }
        router.add(.post, "/v1/clients/{client}/revoke") { hub, request, names in
            let name = names["client"] ?? ""
            let id = try await hub.reader.read { try client(name, $0).id }
            return try await hub.perform(.members(.revokeClient(id)), request, clientBody)
        }
        router.add(.get, "/v1/clients/{client}/explain") { hub, request, names in
            let name = names["client"] ?? ""
            let product = try request.query["product"].map { try ProductName($0) }
            let release = try request.query["release"].map { try VersionText.release($0) }
            let now = hub.shell.clock.now
            let found = try await hub.reader.read { store in
                let queries = HubQueries(store: store, zones: ZoneFolder.find)
                let id = try client(name, store).id
                return try queries.explain(id, product: product, release: release, at: now).map { resource($0) }
            }
            return try json(ListPage(items: found))
        }
        router.add(.get, "/v1/candidates") { hub, request, _ in
            guard let product = request.query["product"], let release = request.query["release"] else {
                throw Problem(.badQuery, "candidates needs product and release")
            }
            let (name, wanted) = (try ProductName(product), try VersionText.release(release))
            let now = hub.shell.clock.now
            let found = try await hub.reader.read { store in
                try HubQueries(store: store, zones: ZoneFolder.find)
                    .candidates(product: name, release: wanted, at: now).map { resource($0) }
            }
            return try json(ListPage(items: found))
        }
    }

    private static let clientBody: @Sendable (HubAnswer, SQLiteHubStore) throws -> [UInt8] = { answer, store in
        guard case .client(let client) = answer else { throw misfit }
        return try JSONCoding.encode(try resource(client, store))
    }

    /// A client by name or id.
    static func client(_ text: String, _ store: SQLiteHubStore) throws -> ClientEntry {
        if let name = try? NodeName(text), let found = try store.client(named: name) { return found }  // else an id
        if let id = try? NodeID(text), let found = try store.client(id) { return found }  // else nothing
        throw Problem(.notFound, "there is no client \(text)", next: "axle client list shows them all.")
    }

    private static func resource(_ client: ClientEntry, _ store: SQLiteHubStore) throws -> ClientResource {
        let spoke = try store.spoke(client.spoke)
        return ClientResource(
            id: client.id, name: client.name,
            spoke: Reference(id: client.spoke, name: try spoke?.name ?? NodeName(client.spoke.description)),
            connected: client.isConnected, since: client.since, lastReport: client.lastReport, joined: client.joined,
            revoked: client.revoked, labels: client.labels, facts: try store.facts(of: client.id)?.facts)
    }

    static func resource(_ candidate: Candidate) -> CandidateResource {
        CandidateResource(
            client: Reference(id: candidate.client.id, name: candidate.client.name),
            spoke: Reference(id: candidate.client.spoke, name: candidate.client.spokeName),
            product: candidate.package.metadata.product, release: candidate.package.metadata.release,
            package: candidate.package.path.id, reasons: candidate.eligibility.reasons,
            notes: candidate.eligibility.notes)
    }
}

extension TrafficResource {
    /// Adds what holds now of an open link.
    fileprivate mutating func add(_ figures: LinkFigures) {
        sendRate = ByteCount(figures.sendRate)
        receiveRate = ByteCount(figures.receiveRate)
        transfers = figures.transfers
        bytesLeft = ByteCount(figures.bytesLeft)
        secondsLeft = figures.secondsLeft
    }
}

internal import API
internal import HTTP
internal import Identity
internal import Model
internal import Rollout
internal import Trust

/// `/v1/rollouts`: plans that bring a release to clients, and each client's work in them.
extension HubResources {
    static func addRollouts(to router: inout Router<Work>) {
        router.add(.get, "/v1/rollouts") { hub, request, _ in
            let (limit, after) = (try limit(of: request), try ordinal(of: request))
            let name = request.query["name"]
            let found = try await hub.reader.read { store in
                let rollouts =
                    try name.map { try store.rollouts(named: $0) }
                    ?? store.rollouts(after: after, limit: limit + 1)
                return try page(rollouts, limit: limit, cursor: { "\($0.ordinal)" }) { try resource($0, store) }
            }
            return try json(found)
        }
        router.add(.post, "/v1/rollouts") { hub, request, _ in
            let file = try body(RolloutFile.self, of: request)
            try file.validate()
            let specification = RolloutSpecification(file)
            guard request.query["dryRun"] != "true" else { return try await hub.plan(file, specification) }
            return try await hub.perform(.rollouts(.create(specification)), request, status: 201, rolloutBody)
        }
        router.add(.get, "/v1/rollouts/{rollout}") { hub, _, names in
            let id = try rolloutID(names)
            let found = try await hub.reader.read { store in
                try store.rollout(id).map { try resource($0, store) }
            }
            guard let found else { throw unknown(id.description) }
            return try json(found)
        }
        router.add(.delete, "/v1/rollouts/{rollout}") { hub, request, names in
            try await hub.perform(.rollouts(.remove(try rolloutID(names))), request) { answer, _ in
                guard case .rollout(let rollout) = answer else { throw misfit }
                return try JSONCoding.encode(["id": rollout.id.description, "name": rollout.specification.name])
            }
        }
        router.add(.post, "/v1/rollouts/{rollout}/start") { hub, request, names in
            try await hub.perform(.rollouts(.start(try rolloutID(names))), request, rolloutBody)
        }
        router.add(.post, "/v1/rollouts/{rollout}/stop") { hub, request, names in
            try await hub.perform(.rollouts(.stop(try rolloutID(names))), request, rolloutBody)
        }
        router.add(.post, "/v1/rollouts/{rollout}/resume") { hub, request, names in
            try await hub.perform(.rollouts(.resume(try rolloutID(names))), request, rolloutBody)
        }
        router.add(.get, "/v1/rollouts/{rollout}/approval") { hub, request, names in
            let id = try rolloutID(names)
            let (limit, after) = (try limit(of: request), try ordinal(of: request))
            let found = try await hub.reader.read { store in
                guard let rollout = try store.rollout(id) else { throw unknown(id.description) }
                guard rollout.state != .draft else {
                    throw Problem(
                        .conflict, "the rollout is not started, so whom it takes is not known yet",
                        next: "Start it with 'axle rollout start \(id)', then sign it.")
                }
                let queries = HubQueries(store: store, zones: ZoneFolder.find)
                guard let actions = try queries.approvedActions(of: id, after: after, limit: limit + 1) else {
                    throw Problem(.conflict, "the catalog no longer names all packages of the rollout")
                }
                return try page(actions, limit: limit, cursor: { "\($0.action.ordinal)" }) {
                    try resource($0.approved, store)
                }
            }
            return try json(found)
        }
        router.add(.put, "/v1/rollouts/{rollout}/approval") { hub, request, names in
            let file = try body(ApprovalFile.self, of: request)
            guard let signed = ASCII.bytes(hex: file.signed) else {
                throw Problem(.invalid, "signed is no lowercase hexadecimal")
            }
            return try await hub.perform(
                .rollouts(.approve(try rolloutID(names), signed: signed)), request, rolloutBody)
        }
        router.add(.get, "/v1/rollouts/{rollout}/actions") { hub, request, names in
            let id = try rolloutID(names)
            let (limit, after) = (try limit(of: request), try ordinal(of: request))
            let now = hub.shell.clock.now
            let found = try await hub.reader.read { store in
                guard try store.rollout(id) != nil else { throw unknown(id.description) }
                let actions = try store.actions(of: id, after: after, limit: limit + 1)
                var reader = try DeliveryReader(store: store, at: now)
                return try page(actions, limit: limit, cursor: { "\($0.ordinal)" }) {
                    try resource($0, store, try reader.check($0))
                }
            }
            return try json(found)
        }
    }

    /// What a rollout would do; nothing is kept.
    private func plan(_ file: RolloutFile, _ specification: RolloutSpecification) async throws -> HTTPResponse {
        let now = shell.clock.now
        let plan = try await reader.read { store in
            let queries = HubQueries(store: store, zones: ZoneFolder.find)
            let plan = try queries.plan(specification, at: now)
            let waves = plan.waves.map { wave in
                RolloutPlanResource.Wave(index: wave.index, candidates: wave.candidates.map { Self.resource($0) })
            }
            return RolloutPlanResource(
                file: file, windows: try queries.windows(specification, at: now), waves: waves)
        }
        return try Self.json(plan)
    }

    private static let rolloutBody: @Sendable (HubAnswer, SQLiteHubStore) throws -> [UInt8] = { answer, store in
        guard case .rollout(let rollout) = answer else { throw misfit }
        return try JSONCoding.encode(try resource(rollout, store))
    }

    private static func rolloutID(_ names: [String: String]) throws -> RolloutID {
        let text = names["rollout"] ?? ""
        do { return try RolloutID(text) } catch { throw unknown(text) }
    }

    private static func unknown(_ text: String) -> Problem {
        Problem(.notFound, "there is no rollout \(text)", next: "axle rollout list shows them all.")
    }

    private static func resource(_ rollout: RolloutRecord, _ store: SQLiteHubStore) throws -> RolloutResource {
        let counts = try store.actionCounts(of: rollout.id)
        let waves = try store.waves(of: rollout.id).map { wave in
            let results = RolloutResult(counts[wave.index])
            return WaveResource(index: wave.index, state: wave.state, clients: results.total, results: results)
        }
        return RolloutResource(
            id: rollout.id, file: try rollout.specification.file, state: rollout.state, created: rollout.created,
            since: rollout.ended ?? rollout.started ?? rollout.created, detail: rollout.text ?? "",
            windows: rollout.windows, waves: waves,
            actions: Dictionary(uniqueKeysWithValues: counts.all.map { ($0.key.name, $0.value) }),
            signed: rollout.approval != nil, results: RolloutResult(counts.all), pauseCause: rollout.cause?.rawValue)
    }

    private static func resource(
        _ approved: ApprovedAction, _ store: SQLiteHubStore
    ) throws -> ApprovalActionResource {
        ApprovalActionResource(
            client: Reference(
                id: approved.agent, name: try store.client(approved.agent)?.name ?? NodeName(approved.agent.description)
            ),
            action: approved.action, path: approved.target.path, sha256: approved.target.sha256.hex,
            length: approved.target.length, line: approved.target.line, counter: approved.target.counter)
    }

    /// An action with what stands in its way at this moment.
    static func resource(
        _ action: ActionRecord, _ store: SQLiteHubStore, _ delivery: Eligibility
    ) throws -> ActionResource {
        let judged = Eligibility(reasons: action.reasons, notes: action.notes).adding(delivery)
        // A member that was removed has its id for a name.
        return ActionResource(
            id: action.id, rollout: action.rollout, wave: action.wave,
            client: Reference(
                id: action.client, name: try store.client(action.client)?.name ?? NodeName(action.client.description)),
            spoke: Reference(
                id: action.spoke, name: try store.spoke(action.spoke)?.name ?? NodeName(action.spoke.description)),
            product: action.path.product, release: action.path.release, package: action.path.id, state: action.state,
            since: action.changed, reasons: judged.reasons, notes: judged.notes, detail: action.detail)
    }
}

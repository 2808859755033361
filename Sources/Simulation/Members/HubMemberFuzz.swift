internal import Agent
internal import Hub
internal import Model
internal import Protocol
internal import Rollout
internal import SQLite
internal import Storage
internal import System
internal import Trust

/// A hub with an honest and a hostile spoke, and an honest and a hostile agent at each.
final class HubMemberFuzz: FuzzedDaemon {
    private struct Agent {
        let id: NodeID
        let spoke: NodeID
        let key: SimulatedKey
        let isHostile: Bool
        var last: (incarnation: UInt64, counter: UInt64) = (1, 0)
    }

    let name = "hub"
    private let path: String
    private let configuration: HubConfiguration
    private let cryptography: SimulatedCryptography
    private let honest: NodeID
    private let hostile: NodeID
    private var agents: [Agent] = []
    private let packages: [Package]
    private var extremes: Extremes
    private var store: SQLiteHubStore
    private var core: HubCore
    private var now = Scheduler.start
    private var links: [NodeID: LinkID] = [:]
    private var lastLink: UInt64 = 0
    private var lastRequest: UInt64 = 0
    /// What the hub has asked and nobody has answered yet.
    private var asked: [(link: LinkID, request: RequestID)] = []
    private var batches = 0

    init(_ folder: String, _ seed: UInt64) throws {
        path = Directory.join(folder, "hub.db")
        var random = SimulationRandom.fork(seed, "hub members")
        let fleet = try FleetName("fuzzed")
        configuration = HubConfiguration(
            fleet: fleet, hub: .random(using: &random), poolName: try NodeName("main"),
            patchPoolName: try NodeName("patches"), zones: { (_) throws(ZoneError) in FixedZone.utc })
        cryptography = try SimulatedCryptography()
        honest = .random(using: &random)
        hostile = .random(using: &random)
        let vendor = try Vendor(SimulationRandom.fork(seed, "fuzz vendor"))
        packages = [try vendor.add("1.0", counter: 10), try vendor.add("2.0", counter: 20)]
        try vendor.publish(at: now)
        store = try SQLiteHubStore(path: path, now: now)
        core = HubCore(store: store, cryptography: cryptography, configuration: configuration, random: random)
        extremes = try Extremes(random, fleet: fleet)
        extremes.pools = [configuration.poolName]
        extremes.packages = packages
        try store.transaction {
            for (spoke, text) in [(honest, "honest"), (hostile, "hostile")] {
                try store.insertSpoke(SpokeRecord(id: spoke, name: try NodeName(text), joined: now))
                for isHostile in [false, true] {
                    let key = SimulatedKey("\(text) \(isHostile)")
                    let agent = Agent(id: .random(using: &random), spoke: spoke, key: key, isHostile: isHostile)
                    agents.append(agent)
                    try store.insertClient(
                        ClientEntry(
                            id: agent.id, name: try NodeName("\(text)-\(isHostile ? "bad" : "good")"), spoke: spoke,
                            reportKey: key.publicKey, joined: now))
                }
            }
        }
        extremes.nodes = agents.map(\.id) + [honest, hostile]
        try begin()
        _ = try core.execute(.catalog(.set(url: "https://vendor.example/", root: vendor.firstRoot)), at: now)
        try tell([
            .catalog(
                .refreshed(
                    CatalogContents(timestampVersion: 1, expires: now + .seconds(1 << 30), packages: packages)))
        ])
        for package in packages { try tell([.packageImport(.ended(package.path, package.sha256, .imported))]) }
        for spoke in [honest, hostile] { try tell(packages.map { verified($0, spoke) }) }
        for index in agents.indices { try tell([try honestReport(index)]) }
        let rollout = try core.execute(
            .rollouts(
                .create(
                    RolloutSpecification(
                        name: "fuzzed", product: vendor.product, release: try ReleaseName("1.0"),
                        target: .init(all: true)))),
            at: now)
        if case .rollout(let record) = rollout.0 {
            _ = try core.execute(.rollouts(.start(record.id)), at: now)
            extremes.actions = try store.actions(of: record.id).map(\.id)
        }
    }

    private func verified(_ package: Package, _ spoke: NodeID) -> HubEvent {
        request(
            spoke,
            .replica(
                Replica(path: package.path, sha256: package.sha256, state: .verified, bytesHeld: package.length)))
    }

    private func request(_ spoke: NodeID, _ message: Message) -> HubEvent {
        lastRequest += 1
        return .link(.request(links[spoke] ?? LinkID(0), RequestID(lastRequest), message))
    }

    // MARK: Life

    /// A process over what is on disk, and both spokes connected to it.
    private func begin() throws {
        let room = PoolAccount(
            quota: ByteCount(1 << 40), used: .zero, reserved: .zero, freeOnDisk: ByteCount(1 << 40))
        try tell([.started(held: Set(packages.map(\.sha256)), PoolFigures(room))])
        for spoke in [honest, hostile] { try tell([opened(spoke)]) }
    }

    private func opened(_ spoke: NodeID) -> HubEvent {
        lastLink += 1
        links[spoke] = LinkID(lastLink)
        let peer = PeerIdentity(fleet: configuration.fleet, role: .spoke, id: spoke)
        let hello = Hello(
            time: spoke == honest ? now : extremes.time(), role: .spoke,
            program: spoke == honest ? "fuzz" : extremes.text())
        return .link(.opened(LinkID(lastLink), peer, hello))
    }

    /// One transaction; gives what it answered and closed.
    @discardableResult
    private func tell(_ events: [HubEvent]) throws -> [LinkEffect] {
        let effects = try core.perform(events, at: now).compactMap {
            if case .link(let link) = $0 { link } else { nil }
        }
        for case .request(let link, let request, _, _) in effects { asked.append((link, request)) }
        if asked.count > 512 { asked.removeFirst(asked.count - 512) }
        return effects
    }

    // MARK: A batch

    private func honestReport(_ index: Int) throws -> HubEvent {
        agents[index].last.counter += 1
        let agent = agents[index]
        var facts = try Machine(.ordinary, keepsBase: false, hasLibrary: true).facts(.init(locked: [], rejected: []))
        facts.hostname = "good"
        let report = Report(
            agent: agent.id, incarnation: agent.last.incarnation, counter: agent.last.counter, time: now,
            fleet: configuration.fleet, facts: agent.last.counter % 16 == 1 ? facts : nil)
        return request(
            agent.spoke,
            .report(
                ReportMessage(
                    agent: agent.id, incarnation: agent.last.incarnation, counter: agent.last.counter,
                    signed: try report.signed(by: agent.key))))
    }

    func batch() throws -> Int {
        now = now + .milliseconds(Int64(extremes.random.integer(0...2_000)))
        batches += 1
        var events: [HubEvent] = []
        var hostileEvents = 0
        for _ in 0..<extremes.batch() {
            events.append(try hostileEvent())
            hostileEvents += 1
        }
        let good = try agents.indices.filter { !agents[$0].isHostile && agents[$0].spoke == honest }.map(honestReport)
        events.insert(contentsOf: good, at: extremes.random.integer(0...events.count))
        let effects = try tell(events)
        for case .link(.request(let link, let request, _)) in good
        where !effects.contains(.reply(link, request, .ok(OK()))) {
            throw MemberFuzz.Failure("an honest agent's report was not taken in")
        }
        for case .close(let link, let code, let text) in effects where link == links[honest] {
            throw MemberFuzz.Failure("the honest spoke's link was closed: \(code), \(text)")
        }
        return hostileEvents
    }

    /// The honest spoke carries what its hostile agent signs; the hostile one says what it likes.
    private func hostileEvent() throws -> HubEvent {
        switch extremes.random.integer(0...9) {
        case 0...3:
            let index = agents.indices.filter { agents[$0].isHostile }.randomElement(using: &extremes.random) ?? 0
            return request(
                agents[index].spoke, try extremes.report(agents[index].id, agents[index].key, &agents[index].last))
        case 4 where !asked.isEmpty:
            let question = asked.remove(at: extremes.random.integer(0...asked.count - 1))
            guard question.link == links[hostile] else {
                return .link(.reply(question.link, question.request, .ok(OK())))
            }
            return .link(.reply(question.link, question.request, extremes.answer()))
        case 5 where extremes.random.chance(100): return opened(hostile)
        case 6:
            lastRequest += 1
            return .joinAsked(JoinID(lastRequest), extremes.request())
        case 7:
            return .linkUsed(links[hostile] ?? LinkID(0), sent: extremes.size(), received: extremes.size())
        default: return request(hostile, extremes.request())
        }
    }

    // MARK: Reading back

    func readBack() throws {
        let reader = try SQLiteHubStore(path: path, mode: .readOnly, now: now)
        for client in try reader.clients() {
            _ = try reader.facts(of: client.id)
            if let incarnation = client.incarnation,
                try reader.reportLedger(of: client.id, incarnation: incarnation)?.isRepaired != false
            {
                throw MemberFuzz.Failure("the ledger of \(client.name) cannot be read back")
            }
        }
        guard try reader.allFacts().count == agents.count else {
            throw MemberFuzz.Failure("the facts of a client cannot be read back")
        }
        _ = try (reader.spokes(), reader.pools(), reader.lastEvent(), reader.checks(at: hostile))
        for rollout in try reader.rollouts(after: 0, limit: .max) { _ = try reader.actions(of: rollout.id) }
        for spoke in [honest, hostile] { _ = try reader.replicas(at: spoke) }
        // Another process goes on with it.
        guard batches % 8 == 0 else { return }
        try reader.verifyEventChain()
        store = try SQLiteHubStore(path: path, now: now)
        core = HubCore(
            store: store, cryptography: cryptography, configuration: configuration, random: extremes.random)
        asked = []
        try begin()
    }
}

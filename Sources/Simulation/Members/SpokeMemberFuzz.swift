internal import Model
internal import Protocol
internal import Spoke
internal import Storage
internal import System
internal import Trust

/// A spoke with its hub, an honest agent and a hostile one.
final class SpokeMemberFuzz: FuzzedDaemon {
    let name = "spoke"
    private let path: String
    private let fleet: FleetName
    private let honest: NodeID
    private let hostile: NodeID
    private let keys = (honest: SimulatedKey("honest"), hostile: SimulatedKey("hostile"))
    private var counter: UInt64 = 0
    private var last: (incarnation: UInt64, counter: UInt64) = (1, 0)
    private let packages: [Package]
    private var extremes: Extremes
    private var store: SQLiteSpokeStore
    private var core: SpokeCore
    private var now = Scheduler.start
    private var hub = LinkID(0)
    private var links: [NodeID: LinkID] = [:]
    private var lastLink: UInt64 = 0
    private var lastRequest: UInt64 = 0
    private var asked: [(link: LinkID, request: RequestID, message: Message)] = []
    private var batches = 0

    init(_ folder: String, _ seed: UInt64) throws {
        path = Directory.join(folder, "spoke.db")
        var random = SimulationRandom.fork(seed, "spoke members")
        fleet = try FleetName("fuzzed")
        honest = .random(using: &random)
        hostile = .random(using: &random)
        let vendor = try Vendor(SimulationRandom.fork(seed, "fuzz vendor"))
        packages = [try vendor.add("1.0", counter: 10)]
        store = try SQLiteSpokeStore(path: path, now: now)
        extremes = try Extremes(random, fleet: fleet)
        extremes.pools = [try NodeName("main")]
        extremes.packages = packages
        extremes.nodes = [honest, hostile]
        core = try Self.core(store, random)
        try begin()
    }

    private static func core(_ store: SQLiteSpokeStore, _ random: SimulationRandom) throws -> SpokeCore {
        SpokeCore(store: store, poolName: try NodeName("main"), verifier: SimulatedVerifier(), random: random)
    }

    // MARK: Life

    private func begin() throws {
        let room = PoolAccount(
            quota: ByteCount(1 << 40), used: .zero, reserved: .zero, freeOnDisk: ByteCount(1 << 40))
        try tell([.started(held: [], PoolFigures(room))])
        lastLink += 1
        hub = LinkID(lastLink)
        let peer = PeerIdentity(fleet: fleet, role: .hub, id: NodeID(high: 0, low: 1))
        try tell([.link(.opened(hub, peer, Hello(time: now, role: .hub, program: "fuzz")))])
        for package in packages {
            try tell([
                hubAsks(
                    .replicate(
                        Replicate(
                            path: package.path, sha256: package.sha256, length: package.length, priority: .normal)))
            ])
        }
        try tell([opened(honest), opened(hostile)])
        try answerHub()
    }

    private func opened(_ agent: NodeID) -> SpokeEvent {
        lastLink += 1
        links[agent] = LinkID(lastLink)
        let peer = PeerIdentity(fleet: fleet, role: .agent, id: agent)
        let hello = Hello(
            time: agent == honest ? now : extremes.time(), role: .agent,
            program: agent == honest ? "fuzz" : extremes.text(),
            // Three processes take turns.
            instance: agent == honest ? nil : [UInt8(lastLink % 3)])
        return .link(.opened(LinkID(lastLink), peer, hello))
    }

    private func hubAsks(_ message: Message) -> SpokeEvent { request(hub, message) }

    private func request(_ link: LinkID, _ message: Message) -> SpokeEvent {
        lastRequest += 1
        return .link(.request(link, RequestID(lastRequest), message))
    }

    @discardableResult
    private func tell(_ events: [SpokeEvent]) throws -> [LinkEffect] {
        let effects = try store.transaction {
            var effects: [SpokeEffect] = []
            for event in events { effects += try core.handle(event, at: now) }
            return effects
        }
        let links = effects.compactMap { if case .link(let link) = $0 { link } else { nil } }
        for case .request(let link, let request, let message, _) in links { asked.append((link, request, message)) }
        return links
    }

    /// The hub names both agents and their keys, and takes what it is brought.
    private func answerHub() throws {
        let questions = asked.filter { $0.link == hub }
        asked.removeAll { $0.link == hub }
        if asked.count > 512 { asked.removeFirst(asked.count - 512) }
        try tell(
            questions.map { question in
                var answer = OK()
                if case .presence(let presence) = question.message {
                    answer.reportKey = (presence.agent == honest ? keys.honest : keys.hostile).publicKey
                }
                return .link(.reply(question.link, question.request, .ok(answer)))
            })
    }

    // MARK: A batch

    func batch() throws -> Int {
        now = now + .milliseconds(Int64(extremes.random.integer(50...2_000)))
        batches += 1
        var events: [SpokeEvent] = []
        var hostileEvents = 0
        for _ in 0..<extremes.batch() {
            events.append(try hostileEvent())
            hostileEvents += 1
        }
        counter += 1
        let report = Report(agent: honest, incarnation: 1, counter: counter, time: now, fleet: fleet)
        let good = request(
            links[honest] ?? LinkID(0),
            .report(
                ReportMessage(
                    agent: honest, incarnation: 1, counter: counter, signed: try report.signed(by: keys.honest))))
        events.insert(good, at: extremes.random.integer(0...events.count))
        let effects = try tell(events)
        if case .link(.request(let link, let request, _)) = good,
            !effects.contains(.reply(link, request, .ok(OK())))
        {
            throw MemberFuzz.Failure("an honest agent's report was not taken in")
        }
        for case .close(let link, let code, let text) in effects where link == links[honest] || link == hub {
            throw MemberFuzz.Failure("an honest peer's link was closed: \(code), \(text)")
        }
        if let text = core.invariantViolations().first {
            throw MemberFuzz.Failure("an invariant of the core does not hold: \(text)")
        }
        // Sometimes the hub is away for long.
        if batches / 512 % 4 != 3 { try answerHub() }
        return hostileEvents
    }

    private func hostileEvent() throws -> SpokeEvent {
        let link = links[hostile] ?? LinkID(0)
        switch extremes.random.integer(0...9) {
        case 0...4: return request(link, try extremes.report(hostile, keys.hostile, &last))
        case 5:
            guard let index = asked.firstIndex(where: { $0.link == link }) else {
                return request(link, extremes.request())
            }
            let question = asked.remove(at: index)
            return .link(.reply(question.link, question.request, extremes.answer()))
        case 6 where extremes.random.chance(100): return opened(hostile)
        case 7:
            lastRequest += 1
            return .joinAsked(JoinID(lastRequest), extremes.request())
        default: return request(link, extremes.request())
        }
    }

    // MARK: Reading back

    func readBack() throws {
        let tallies = try store.reportTallies()
        guard (tallies[hostile]?.bytes ?? 0) <= SpokeLimits.reportsOfAgent else {
            throw MemberFuzz.Failure("a hostile agent keeps \(tallies[hostile]?.bytes ?? 0) bytes here")
        }
        guard try store.eventCount() <= SpokeLimits.events + 1 else {
            throw MemberFuzz.Failure("\(try store.eventCount()) events wait for the hub")
        }
        store = try SQLiteSpokeStore(path: path, now: now)
        for report in try store.reports(limit: 4096) { _ = try Report.readUnverified(report.signed) }
        _ = try (store.events(limit: .max), store.replicas(), store.patches(), store.knownAgents())
        core = try Self.core(store, extremes.random)
        asked = []
        try begin()
    }
}

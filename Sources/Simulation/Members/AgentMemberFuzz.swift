internal import Agent
internal import Model
internal import Protocol
internal import System
internal import Trust

/// An agent at a hostile spoke, which has genuine orders of the hub and passes on what it likes.
final class AgentMemberFuzz: FuzzedDaemon {
    let name = "agent"
    private let path: String
    private let identity: AgentCore.Identity
    private let cryptography = AgentCryptography(
        verifier: SimulatedVerifier(), digester: SimulatedDigester(), signer: SimulatedKey("report agent"))
    private let spoke: PeerIdentity
    private let packages: [Package]
    private let roots: Set<SHA256Digest>
    private let machine: Machine
    private var extremes: Extremes
    private var store: SQLiteAgentStore
    private var core: AgentCore
    private var now = Scheduler.start
    private var link = LinkID(0)
    private var lastLink: UInt64 = 0
    private var lastRequest: UInt64 = 0
    private var sequence: UInt64 = 0
    /// Genuine orders of the hub, to be passed on, held back and replayed.
    private var orders: [OrderMessage] = []
    private var asked: [RequestID] = []

    init(_ folder: String, _ seed: UInt64) throws {
        path = Directory.join(folder, "agent.db")
        var random = SimulationRandom.fork(seed, "agent members")
        let fleet = try FleetName("fuzzed")
        identity = AgentCore.Identity(
            id: .random(using: &random), fleet: fleet, orderKey: SimulatedCryptography.orderKey.publicKey,
            selfProduct: nil)
        spoke = PeerIdentity(fleet: fleet, role: .spoke, id: .random(using: &random))
        let vendor = try Vendor(SimulationRandom.fork(seed, "fuzz vendor"))
        packages = [
            try vendor.add("1.0", counter: 10), try vendor.add("2.0", counter: 20), try vendor.add("3.0", counter: 30),
        ]
        roots = []
        machine = try Machine(.ordinary, keepsBase: false, hasLibrary: true)
        store = try SQLiteAgentStore(path: path, incarnation: 1, now: now)
        extremes = try Extremes(random, fleet: fleet)
        extremes.pools = [try NodeName("main")]
        extremes.packages = packages
        extremes.nodes = [identity.id]
        core = AgentCore(
            identity: identity, store: store, cryptography: cryptography, random: random)
        try begin()
    }

    // MARK: Life

    private func begin() throws {
        asked = []
        try tell([.started(AgentStart(bootID: "1"))])
        try tell([opened()])
    }

    private func opened() -> AgentEvent {
        lastLink += 1
        link = LinkID(lastLink)
        return .link(.opened(link, spoke, Hello(time: extremes.time(), role: .spoke, program: extremes.text())))
    }

    private func tell(_ events: [AgentEvent]) throws {
        var waiting = events
        // What the machine answers at once; a step may lead to the next one.
        for _ in 0..<8 where !waiting.isEmpty {
            let effects = try store.transaction {
                var effects: [AgentEffect] = []
                for event in waiting { effects += try core.handle(event, at: now) }
                return effects
            }
            waiting = effects.compactMap(answer)
        }
    }

    private func answer(_ effect: AgentEffect) -> AgentEvent? {
        switch effect {
        case .link(.request(_, let request, _, _)):
            asked.append(request)
            return nil
        case .gatherFacts(let purpose, _, let known): return .facts(purpose, machine.facts(known))
        case .checkTarget(let action, let path, _, _):
            let named = packages.first { $0.path == path }
            switch extremes.random.integer(0...4) {
            case 0: return .targetChecked(action, .unavailable(extremes.text()))
            case 1: return .targetChecked(action, .untrusted(extremes.text(), attack: .badMetadata))
            default:
                return .targetChecked(
                    action, named.map { .found($0, lineFloor: nil, versions: [:], roots: roots) } ?? .absent)
            }
        case .download(let action, _):
            let outcomes: [DownloadOutcome] = [
                .complete, .mismatch, .failed(extremes.text()),
                DownloadOutcome(ErrorReply(code: .busy, text: extremes.text(), retryAfterSeconds: extremes.size())),
            ]
            return .downloaded(action, outcomes[extremes.random.integer(0...3)])
        case .perform(let job):
            return .performed(
                job.action, job.step,
                extremes.random.chance(100) ? .failed(.healthFailed, extremes.text()) : .done)
        case .link, .takeFleetWord, .stopDownload, .confirmTrial, .restartAgent, .wake, .log: return nil
        }
    }

    // MARK: A batch

    func batch() throws -> Int {
        now = now + .milliseconds(Int64(extremes.random.integer(0...60_000)))
        var events: [AgentEvent] = []
        for _ in 0..<extremes.batch() { events.append(try hostileEvent()) }
        try tell(events + [.wake])
        return events.count
    }

    private func hostileEvent() throws -> AgentEvent {
        lastRequest += 1
        let request = RequestID(lastRequest)
        switch extremes.random.integer(0...9) {
        case 0, 1:
            orders.append(try order())
            if orders.count > 64 { orders.removeFirst() }
            return .link(.request(link, request, .order(orders[orders.count - 1])))
        case 2 where !orders.isEmpty:
            return .link(.request(link, request, .order(orders[extremes.random.integer(0...orders.count - 1)])))
        case 3,
            4 where !asked.isEmpty:
            guard let question = asked.popLast() else { fallthrough }
            return .link(.reply(link, question, extremes.random.chance(700) ? .ok(OK()) : extremes.answer()))
        case 5 where extremes.random.chance(100): return opened()
        case 6 where extremes.random.chance(200):
            return .link(.failed(link, asked.popLast() ?? request, .timedOut))
        default: return .link(.request(link, request, extremes.request()))
        }
    }

    /// An order as the hub signs it, with times and windows at the ends of what is allowed.
    private func order() throws -> OrderMessage {
        sequence += UInt64(extremes.random.integer(0...3))
        let kind = extremes.code(OrderKind.self)
        let package = packages[extremes.random.integer(0...packages.count - 1)]
        let action = extremes.action()
        if extremes.actions.count < 64 { extremes.actions.append(action) }
        let (first, second) = (extremes.time(), extremes.time())
        let windows = first < second && extremes.random.chance(400) ? [try TimeSpan(start: first, end: second)] : []
        let order = Order(
            agent: identity.id, kind: kind, action: action, rollout: .random(using: &extremes.random),
            fleet: identity.fleet, target: kind == .install || kind == .rollback ? OrderTarget(package) : nil,
            windows: windows, leadSeconds: UInt32(truncatingIfNeeded: extremes.size()),
            restartAllowed: extremes.random.chance(500), sequence: OrderSequence(epoch: 1, number: max(1, sequence)),
            issued: now, expires: extremes.random.chance(700) ? now + .seconds(86_400) : extremes.time())
        return OrderMessage(
            agent: identity.id, action: action, kind: UInt64(kind.rawValue), expires: order.expires,
            signed: try order.signed(by: SimulatedCryptography.orderKey))
    }

    // MARK: Reading back

    func readBack() throws {
        store = try SQLiteAgentStore(path: path, incarnation: 1, now: now)
        guard store.newerLines.isEmpty else { throw MemberFuzz.Failure(store.newerLines.joined(separator: "; ")) }
        guard try store.queuedReports(limit: .max).count <= AgentStoreLimits.queuedReports else {
            throw MemberFuzz.Failure("more reports wait than may")
        }
        _ = try (
            store.openActions(), store.lastActions(limit: .max), store.installed(), store.rejected(), store.locked(),
            store.warnings(), store.reportedFacts(), store.newestOrder(), store.sequenceFloor()
        )
        core = AgentCore(
            identity: identity, store: store, cryptography: cryptography, random: extremes.random)
        try begin()
    }
}

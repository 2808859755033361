import Agent
import Identity
import Model
import Protocol
import Rollout
import TLS
import Trust

/// The process is gone: thrown by a world that was told to be killed there.
struct Killed: Error {}

/// A generator that gives the same numbers every time.
struct FixedRandom: RandomNumberGenerator, Sendable {
    var state: UInt64 = 1
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state
    }
}

/// An agent's core with a machine, a spoke and a hub around it, all in this process and under this test's clock.
final class AgentWorld {
    static let fleetName = "test"
    let agent = NodeID(high: 1, low: 2)
    let spoke = NodeID(high: 3, low: 4)
    let fleet: FleetName
    let keys: TestKeys
    let store: any AgentStore
    private let identity: AgentCore.Identity
    private let cryptography: AgentCryptography
    private(set) var core: AgentCore
    var now = UnixTime(seconds: 1_000_000)
    var wake: UnixTime?

    // The machine.
    var facts: ClientFacts
    var start = AgentStart(bootID: "boot-1")
    /// What becomes of a step; nil when it never ends.
    var perform: (InstallJob) throws -> StepOutcome? = { _ in .done }
    var download: (Package) -> DownloadOutcome? = { _ in .complete }
    var targets: [TargetPath: TargetCheck] = [:]
    private(set) var performed: [InstallStep] = []
    private(set) var downloads = 0
    private(set) var trialsConfirmed = 0
    private(set) var restarts = 0
    private(set) var logs: [String] = []

    // The spoke.
    var answersReports = true
    private(set) var link: LinkID?
    private var lastLink: UInt64 = 0
    private(set) var reports: [Report] = []
    private(set) var replies: [Message] = []
    private var pending: [AgentEvent] = []
    private var nextRequest: UInt64 = 0
    private var sequence: UInt64 = 0

    // Faults.
    /// Kill the process before the effect of this number, counted from now.
    var killBeforeEffect: Int?

    init(
        store: any AgentStore = MemoryAgentStore(), selfProduct: String = "axle-agent", keys: TestKeys? = nil,
        operators: OperatorPolicy = OperatorPolicy(), digester: some Digester = OpenSSLDigester()
    ) throws {
        fleet = try FleetName(Self.fleetName)
        self.keys = try keys ?? TestKeys()
        self.store = store
        facts = ClientFacts(
            platform: try Platform("linux-x86_64-glibc"), userlandBits: 64, agentVersion: try Version("0.1.0"),
            freeSpace: ByteCount(1 << 40))
        identity = AgentCore.Identity(
            id: agent, fleet: fleet, orderKey: self.keys.orderKey, selfProduct: try ProductName(selfProduct),
            operators: operators)
        cryptography = AgentCryptography(
            verifier: self.keys.verifier, digester: digester, signer: self.keys.reportSigner)
        core = AgentCore(
            identity: identity, store: store, cryptography: cryptography, random: FixedRandom())
    }

    // MARK: Driving

    /// Starts the process, as after an installation, a kill or a reboot.
    func boot() throws {
        core = AgentCore(
            identity: identity, store: store, cryptography: cryptography, random: FixedRandom())
        pending = []
        link = nil
        wake = nil
        try feed(.started(start))
    }

    func connect() throws {
        lastLink += 1
        let opened = LinkID(lastLink)
        link = opened
        try feed(
            .link(
                .opened(
                    opened, PeerIdentity(fleet: fleet, role: .spoke, id: spoke),
                    Hello(time: now, role: .spoke, program: "test"))))
    }

    func disconnect() throws {
        guard let closed = link else { return }
        link = nil
        try feed(.link(.closed(closed, LinkClosure(code: .timedOut, text: "cut"))))
    }

    /// Lets time pass, with the wakes that were asked for.
    func pass(until end: UnixTime) throws {
        while let next = wake, next <= end {
            now = max(now, next)
            wake = nil
            try feed(.wake)
        }
        now = max(now, end)
    }

    func pass(_ duration: Duration) throws { try pass(until: now + duration) }

    /// Gives the core an event, does what it wants, and goes on until it wants nothing more.
    func feed(_ event: AgentEvent) throws {
        pending.append(event)
        while !pending.isEmpty {
            let next = pending.removeFirst()
            let effects = try store.transaction { try core.handle(next, at: now) }
            for effect in effects {
                try countDown(effect)
                try perform(effect)
            }
        }
    }

    private func countDown(_ effect: AgentEffect) throws {
        guard let left = killBeforeEffect else { return }
        if case .wake = effect { return }
        killBeforeEffect = left > 0 ? left - 1 : nil
        if left == 0 { throw Killed() }
    }

    private func perform(_ effect: AgentEffect) throws {
        switch effect {
        case .link(.request(_, let request, .report(let message), _)):
            guard let link, answersReports else { return }
            reports.append(try keys.open(report: message.signed))
            pending.append(.link(.reply(link, request, .ok(OK()))))
        case .link(.reply(_, _, let message)): replies.append(message)
        case .link(.close(let closed, _, _)) where closed == link:
            link = nil
            pending.append(.link(.closed(closed, LinkClosure(code: .leaving, text: "closed"))))
        case .link, .takeFleetWord: break
        case .checkTarget(let action, let path, _, _):
            pending.append(.targetChecked(action, targets[path] ?? .absent))
        case .gatherFacts(let purpose, _, let known):
            var facts = self.facts
            facts.locked = known.locked
            facts.rejected = known.rejected
            pending.append(.facts(purpose, facts))
        case .download(let action, let package):
            downloads += 1
            if let outcome = download(package) { pending.append(.downloaded(action, outcome)) }
        case .perform(let job):
            performed.append(job.step)
            guard let outcome = try perform(job) else { return }
            if outcome == .done, job.step == .activate { installed(job.package) }
            if outcome == .done, job.step == .deactivate {
                facts.installed.removeAll { $0.product == job.package.path.product }
            }
            pending.append(.performed(job.action, job.step, outcome))
        case .confirmTrial: trialsConfirmed += 1
        case .restartAgent: restarts += 1
        case .wake(let time): wake = time
        case .stopDownload: break
        case .log(_, let text): logs.append(text)
        }
    }

    private func installed(_ package: Package) {
        facts.installed.removeAll { $0.product == package.path.product }
        facts.installed.append(
            InstalledPackage(
                product: package.path.product, release: package.path.release, line: package.metadata.line,
                counter: package.metadata.counter, path: package.path, sha256: package.sha256))
    }

    // MARK: The hub

    /// An order for a package, with the next sequence number, as the hub would sign it.
    func order(
        _ package: Package, action: ActionID = Sample.action(), kind: OrderKind = .install, sequence: UInt64? = nil,
        windows: [TimeSpan] = [], lead: UInt32 = 0, expires: Duration = .seconds(86_400),
        edit: (inout Order) -> Void = { _ in }
    ) throws -> Order {
        if sequence == nil { self.sequence += 1 }
        var order = try TestOrders.make(
            agent: agent, fleet: fleet, kind: kind, action: action, package: package,
            sequence: sequence ?? self.sequence, issued: now, expires: now + expires, windows: windows, lead: lead)
        edit(&order)
        return order
    }

    /// Puts the package into the signed targets, sends the order over the link and gives the reply.
    @discardableResult
    func send(_ order: Order, package: Package? = nil, signed: [UInt8]? = nil) throws -> Message? {
        if let package { name(package) }
        nextRequest += 1
        guard let link else { return nil }
        let message = OrderMessage(
            agent: order.agent, action: order.action, kind: UInt64(order.kind.rawValue), expires: order.expires,
            signed: try signed ?? keys.sign(order))
        let before = replies.count
        try feed(.link(.request(link, RequestID(nextRequest), .order(message))))
        return replies.count > before ? replies[before] : nil
    }

    /// The signed targets name the package from now on.
    func name(_ package: Package) {
        targets[package.path] = .found(package, lineFloor: nil, versions: ["root": 1, "snapshot": 1], roots: [])
    }

    /// The states of an action as the hub heard of them, without repetitions.
    func states(_ action: ActionID = Sample.action()) -> [ActionState] {
        reports.filter { $0.action == action }.compactMap(\.state).reduce(into: []) {
            if $0.last != $1 { $0.append($1) }
        }
    }

    func lastReport(_ action: ActionID = Sample.action()) -> Report? { reports.last { $0.action == action } }

    func reasons(_ action: ActionID = Sample.action()) -> [ReasonCode] {
        reports.filter { $0.action == action }.flatMap(\.reasons).map(\.code)
    }
}

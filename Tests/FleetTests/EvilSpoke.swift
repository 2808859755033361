import Identity
import Model
import Network
import Protocol
import System
import TLS
import TestSupport
import Transport
import Trust

/// A spoke in the wrong hands: it has the spoke's own certificate and key, sits between hub and agents, and passes on what its rules make of
/// everything.
final class EvilSpoke: LinkHandler {
    /// What it does to what passes; at first nothing.
    struct Rules {
        /// What agents are given in place of an order from the hub.
        var order: @Sendable (OrderMessage) -> [OrderMessage] = { [$0] }
        /// What the hub is given in place of an agent's report.
        var report: @Sendable (ReportMessage) -> [ReportMessage] = { [$0] }
        var metadata: @Sendable (String, [UInt8]?) -> [UInt8]? = { $1 }
        var package: @Sendable ([UInt8]) -> [UInt8] = { $0 }
    }

    private struct State {
        var rules = Rules()
        var hub: LinkID?
        var agents: [NodeID: LinkID] = [:]
        var waiting: [OrderMessage] = []
        var orders: [OrderMessage] = []
        var reports: [ReportMessage] = []
        var answers: [String] = []
        /// The newest list of revocations, which every agent is told.
        var revocations: Message?
    }

    let identity: MemberIdentity
    let links = Links()
    private let state = NativeLock(State())
    private let listener = NativeLock<SessionListener?>(nil)
    private let dialer = NativeLock<SessionDialer?>(nil)

    /// Takes the place of the spoke whose state folder is given; the spoke itself must be stopped.
    init(_ folder: String, listen: String) throws {
        identity = try MemberIdentity(folder: folder + "/identity")
        guard let place = Endpoint(listen), let hub = Endpoint(identity.member.upstream) else {
            throw TestSupportError("no addresses")
        }
        let anchors = try TrustStore(identity.anchors)
        let group = try EventLoopGroup("evil-spoke", count: 1)
        var settings = SessionSettings(
            fleet: identity.member.fleet, role: .spoke, peerRoles: [.agent], program: "axle-spoke/0.1.0")
        let context = try SessionTLS.listener(identity: identity.tls, anchors: anchors, takesJoins: false)
        let made = try SessionListener(
            place, group: group, limit: PeerLimit(peers: 10, handshakes: 10), settings: settings, context: { context },
            links: links, handler: self)
        listener.withLock { $0 = made }
        settings.peerRoles = [.hub]
        let dialling = try SessionTLS.dialler(identity: identity.tls, anchors: anchors)
        let dialer = SessionDialer(
            hub, expecting: identity.member.upstreamID, group: group, settings: settings, context: { dialling },
            links: links, handler: self)
        self.dialer.withLock { $0 = dialer }
        dialer.start()
    }

    func stop() {
        listener.withLock { $0?.close() }
        dialer.withLock { $0?.stop() }
        links.closeAll(.leaving, "gone")
    }

    // MARK: What it sees and does

    var agents: Set<NodeID> { state.withLock { Set($0.agents.keys) } }
    /// The link of each agent; another one after it has come back.
    var agentLinks: [NodeID: LinkID] { state.withLock { $0.agents } }
    var isConnected: Bool { state.withLock { $0.hub != nil } }
    /// Every order that the hub gave it.
    var orders: [OrderMessage] { state.withLock { $0.orders } }
    /// Every report that an agent gave it.
    var reports: [ReportMessage] { state.withLock { $0.reports } }
    /// What hub and agents said to what it sent.
    var answers: [String] { state.withLock { $0.answers } }

    func change(_ edit: @Sendable (inout Rules) -> Void) { state.withLock { edit(&$0.rules) } }
    /// Passes on everything as it is again.
    func behave() { change { $0 = Rules() } }

    /// Cuts the links of agents, which come back.
    func dropAgents() {
        for link in state.withLock({ Array($0.agents.values) }) { links.perform(.close(link, .leaving, "again")) }
    }

    /// Sends an agent an order, whatever it is.
    func give(_ order: OrderMessage, to agent: NodeID) {
        guard let link = state.withLock({ $0.agents[agent] }) else { return }
        send(link, .order(order), "agent")
    }

    /// Sends the hub a report, whatever it is.
    func give(_ report: ReportMessage) {
        guard let hub = state.withLock({ $0.hub }) else { return }
        send(hub, .report(report), "hub")
    }

    /// Sends the hub an event, whatever it is.
    func give(_ event: EventMessage) {
        guard let hub = state.withLock({ $0.hub }) else { return }
        send(hub, .event(event), "hub")
    }

    /// Says to the hub that an agent is there or is not.
    func say(_ agent: NodeID, isConnected: Bool) {
        guard let hub = state.withLock({ $0.hub }) else { return }
        let now = UnixTime(milliseconds: SystemClock.nowMilliseconds)
        send(hub, .presence(Presence(agent: agent, isConnected: isConnected, since: now)), "hub")
    }

    private func send(_ link: LinkID, _ message: Message, _ who: String) {
        Task {
            do {
                let answer = try await links.request(link, message)
                state.withLock { $0.answers.append("\(who): \(answer.name)") }
            } catch {
                state.withLock { $0.answers.append("\(who): \(error)") }
            }
        }
    }

    // MARK: Links

    func linkEvent(_ event: LinkEvent) {
        switch event {
        case .opened(let link, let peer, _): opened(link, peer)
        case .closed(let link, _):
            state.withLock { state in
                if state.hub == link { state.hub = nil }
                state.agents = state.agents.filter { $0.value != link }
            }
        case .request(let link, let request, let message):
            if state.withLock({ $0.hub == link }) {
                hubAsks(link, request, message)
            } else {
                agentAsks(link, request, message)
            }
        case .reply, .failed: break
        }
    }

    private func opened(_ link: LinkID, _ peer: PeerIdentity) {
        let now = UnixTime(milliseconds: SystemClock.nowMilliseconds)
        if peer.role == .hub {
            let agents = state.withLock { state in
                state.hub = link
                return Array(state.agents.keys)
            }
            guard let pool = try? NodeName("main") else { return }  // a good name
            let status = PoolStatus(pool: pool, quota: 1 << 40, used: 0, reserved: 0, freeOnDisk: 1 << 40)
            send(link, .poolStatus(status), "hub")
            for agent in agents {
                send(link, .presence(Presence(agent: agent, isConnected: true, since: now)), "hub")
            }
            return
        }
        let (hub, waiting, revocations) = state.withLock { state in
            state.agents[peer.id] = link
            let waiting = state.waiting.filter { $0.agent == peer.id }
            state.waiting.removeAll { $0.agent == peer.id }
            return (state.hub, waiting, state.revocations)
        }
        if let hub { send(hub, .presence(Presence(agent: peer.id, isConnected: true, since: now)), "hub") }
        for order in waiting { send(link, .order(order), "agent") }
        if let revocations { send(link, revocations, "agent") }
    }

    private func hubAsks(_ link: LinkID, _ request: RequestID, _ message: Message) {
        links.perform(.reply(link, request, .ok(OK())))
        switch message {
        case .order(let order):
            let passed = state.withLock { state in
                state.orders.append(order)
                return state.rules.order(order)
            }
            for order in passed {
                let agent = state.withLock { state in
                    if state.agents[order.agent] == nil { state.waiting.append(order) }
                    return state.agents[order.agent]
                }
                if let agent { send(agent, .order(order), "agent") }
            }
        case .revocations:
            let agents = state.withLock { state in
                state.revocations = message
                return Array(state.agents.values)
            }
            for agent in agents { send(agent, message, "agent") }
        case .replicate(let wanted):
            // It claims to hold everything.
            let held = Replica(path: wanted.path, sha256: wanted.sha256, state: .verified, bytesHeld: wanted.length)
            send(link, .replica(held), "hub")
        default: break
        }
    }

    private func agentAsks(_ link: LinkID, _ request: RequestID, _ message: Message) {
        guard let hub = state.withLock({ $0.hub }) else {
            let busy = ErrorReply(code: .busy, text: "no hub", retryAfterSeconds: 1)
            return links.perform(.reply(link, request, .error(busy)))
        }
        switch message {
        case .report(let report):
            links.perform(.reply(link, request, .ok(OK())))
            let passed = state.withLock { state in
                state.reports.append(report)
                return state.rules.report(report)
            }
            for report in passed { give(report) }
        case .fetchMetadata(let fetch):
            Task {
                let answer = try? await links.fetch(hub, message, priority: .control, limit: 8 << 20, into: .memory)
                let rule = state.withLock { $0.rules.metadata }
                serve(link, request, rule(fetch.name, answer?.bytes), from: 0)
            }
        case .fetchPackage(let fetch):
            Task {
                let whole = FetchPackage(path: fetch.path, sha256: fetch.sha256, length: fetch.length, offset: 0)
                let answer = try? await links.fetch(hub, .fetchPackage(whole), limit: fetch.length, into: .memory)
                let rule = state.withLock { $0.rules.package }
                serve(link, request, answer.map { rule($0.bytes) }, from: fetch.offset)
            }
        default: links.perform(.reply(link, request, .error(ErrorReply(code: .unsupported, text: "no"))))
        }
    }

    private func serve(_ link: LinkID, _ request: RequestID, _ bytes: [UInt8]?, from offset: UInt64) {
        guard let bytes else {
            return links.perform(.reply(link, request, .error(ErrorReply(code: .notFound, text: "not here"))))
        }
        links.sendContent(
            link, request, Content(length: UInt64(bytes.count), offset: offset), from: .bytes(bytes))
    }
}

import Identity
import Model
import Network
import Protocol
import System
import TLS
import TestSupport
import Transport
import Trust

/// A hub in the wrong hands: it has the hub's certificates and its order key, which is all that a hub has. It has no vendor's and no operator's key.
final class EvilHub: LinkHandler {
    private struct State {
        var spoke: LinkID?
        var sequence: UInt64
        var metadata: [String: [UInt8]] = [:]
        var packages: [SHA256Digest: [UInt8]] = [:]
        var reports: [Report] = []
        var events: [String] = []
        var replicas: [SHA256Digest: ReplicaState] = [:]
        var answers: [String] = []
        var plans: [SHA256Digest: Message] = [:]
        var fetched: [SHA256Digest] = []
    }

    let links = Links()
    let orderKey: OpenSSLRecordSigner
    let fleet: FleetName
    private let state: NativeLock<State>
    private let listener = NativeLock<SessionListener?>(nil)

    /// Takes the place of the hub whose state folder is given; the hub itself must be stopped. Its orders begin above `sequence`.
    init(_ folder: String, listen: String, fleet: FleetName, sequence: UInt64) throws {
        func read(_ name: String) throws -> [UInt8] { try File.read("\(folder)/identity/\(name)", limit: 1 << 16) }
        self.fleet = fleet
        orderKey = OpenSSLRecordSigner(try PrivateKey(pem: try read("order.key")))
        state = NativeLock(State(sequence: sequence))
        let identity = try TLSIdentity(chainPEM: try read("wire.pem"), keyPEM: try read("wire.key"))
        let root = try Certificate(pem: try read("root.pem"))
        let issuing = try Certificate(pem: try read("issuing.pem"))
        guard let place = Endpoint(listen) else { throw TestSupportError("no address") }
        let settings = SessionSettings(fleet: fleet, role: .hub, peerRoles: [.spoke], program: "axle-hub/0.1.0")
        let context = try SessionTLS.listener(
            identity: identity, anchors: try TrustStore([root], issuers: [issuing]), takesJoins: false)
        let made = try SessionListener(
            place, group: try EventLoopGroup("evil-hub", count: 1), limit: PeerLimit(peers: 10, handshakes: 10),
            settings: settings, context: { context }, links: links, handler: self)
        listener.withLock { $0 = made }
    }

    func stop() {
        listener.withLock { $0?.close() }
        links.closeAll(.leaving, "gone")
    }

    // MARK: What it sees and does

    var isConnected: Bool { state.withLock { $0.spoke != nil } }
    var reports: [Report] { state.withLock { $0.reports } }
    /// What the spoke wrote for the activity log.
    var events: [String] { state.withLock { $0.events } }
    var answers: [String] { state.withLock { $0.answers } }
    func replica(_ package: Package) -> ReplicaState? { state.withLock { $0.replicas[package.sha256] } }

    /// Says that this is the catalog now.
    func serve(_ metadata: [String: [UInt8]], version: UInt64) {
        state.withLock { $0.metadata = metadata }
        send(.catalogChanged(CatalogChanged(timestampVersion: version)))
    }

    /// Offers bytes under a package's name and hash.
    func offer(_ package: Package, _ bytes: [UInt8]) {
        state.withLock { $0.packages[package.sha256] = bytes }
        send(
            .replicate(Replicate(path: package.path, sha256: package.sha256, length: package.length, priority: .normal))
        )
    }

    /// What it says when the spoke asks how a package had best come.
    func plan(_ package: Package, _ answer: Message) { state.withLock { $0.plans[package.sha256] = answer } }

    /// Holds bytes for whoever asks by their hash.
    func hold(_ bytes: [UInt8]) {
        // A hash has the length of a hash.
        guard let digest = try? SHA256Digest(bytes: SHA256.hash(bytes)) else { return }
        state.withLock { $0.packages[digest] = bytes }
    }

    /// The hashes of what the spoke has fetched.
    var fetched: [SHA256Digest] { state.withLock { $0.fetched } }

    /// An order as only this hub can sign it.
    func order(
        _ agent: NodeID, _ package: Package, _ action: ActionID, kind: OrderKind = .install,
        edit: (inout Order) -> Void = { _ in }
    ) throws -> Order {
        let now = UnixTime(milliseconds: SystemClock.nowMilliseconds)
        let number = state.withLock { state in
            state.sequence += 1
            return state.sequence
        }
        var order = Order(
            agent: agent, kind: kind, action: action, rollout: RolloutID(high: 6, low: 6), fleet: fleet,
            target: OrderTarget(package), sequence: OrderSequence(epoch: 1, number: number), issued: now,
            expires: now + .seconds(3600))
        edit(&order)
        return order
    }

    /// Sends it to an agent, its own or another.
    func give(_ order: Order, to agent: NodeID) throws {
        try give(signed: order.signed(by: orderKey), order, to: agent)
    }

    func give(signed: [UInt8], _ order: Order, to agent: NodeID) {
        send(
            .order(
                OrderMessage(
                    agent: agent, action: order.action, kind: UInt64(order.kind.rawValue), expires: order.expires,
                    signed: signed)))
    }

    private func send(_ message: Message) {
        guard let spoke = state.withLock({ $0.spoke }) else { return }
        Task {
            do {
                let answer = try await links.request(spoke, message)
                state.withLock { $0.answers.append("\(message.name): \(answer.name)") }
            } catch {
                state.withLock { $0.answers.append("\(message.name): \(error)") }
            }
        }
    }

    /// The states of an action as its agent told them.
    func states(_ action: ActionID) -> [ActionState] { reports.filter { $0.action == action }.compactMap(\.state) }

    // MARK: Links

    func linkEvent(_ event: LinkEvent) {
        switch event {
        case .opened(let link, _, _): state.withLock { $0.spoke = link }
        case .closed(let link, _): state.withLock { if $0.spoke == link { $0.spoke = nil } }
        case .request(let link, let request, let message): answer(link, request, message)
        case .reply, .failed: break
        }
    }

    private func answer(_ link: LinkID, _ request: RequestID, _ message: Message) {
        switch message {
        case .fetchMetadata(let fetch): serve(link, request, state.withLock { $0.metadata[fetch.name] }, from: 0)
        case .fetchPlan(let ask) where state.withLock({ $0.plans[ask.sha256] }) != nil:
            let plan = state.withLock { $0.plans[ask.sha256] }
            links.perform(.reply(link, request, plan ?? .ok(OK())))
        case .fetchPackage(let fetch):
            state.withLock { $0.fetched.append(fetch.sha256) }
            serve(link, request, state.withLock { $0.packages[fetch.sha256] }, from: fetch.offset)
        default:
            state.withLock { state in
                switch message {
                case .report(let report):
                    // It has no use for a report that it cannot read.
                    if let report = try? Report.readUnverified(report.signed) { state.reports.append(report) }
                case .event(let event): state.events.append("\(event.code.rawValue) \(event.text)")
                case .replica(let replica): state.replicas[replica.sha256] = replica.state
                default: break
                }
            }
            links.perform(.reply(link, request, .ok(OK())))
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

import Agent
import Codec
import Identity
import Model
import Network
import Protocol
import Synchronization
import System
import TLS
import TestSupport
import Testing
import Transport
import Trust

/// A spoke, hub and vendor in this process, for an agent that is a process of its own: real sockets, certificates, metadata and signatures.
final class FakeSpoke: LinkHandler {
    private struct State {
        var link: LinkID?
        var reports: [Report] = []
        var repository: Repository
        var packages: [SHA256Digest: [UInt8]] = [:]
        var orders: [OrderMessage] = []
        var requests: UInt64 = 0
        var sequence: UInt64 = 0
        var offsets: [UInt64] = []
        /// Cut the link after so many bytes of a package, once.
        var cutAfter: Int?
        var altered = false
        var plans: [Message] = []
        var refused: [SHA256Digest: ErrorReply] = [:]
        var plansAsked: [FetchPlan] = []
        var fetched: [SHA256Digest] = []
        var joins: [Message] = []
    }

    let fleet: TestFleet
    let spoke: TLSIdentity
    let agentID: NodeID
    let links = Links()
    private let state: NativeLock<State>
    private let orderKey: PrivateKey
    private let reportKey: PrivateKey
    private let vendorKey: PrivateKey
    private let listener = NativeLock<SessionListener?>(nil)
    private let now = UnixTime(milliseconds: SystemClock.nowMilliseconds)
    let token: JoinToken
    let joinNonce = [UInt8](1...32)

    init() throws {
        fleet = try TestFleet()
        let seconds = now.seconds
        let dates = seconds - 3600...seconds + 86_400
        spoke = try fleet.identity(role: "spoke", id: TestFleet.spokeID, dates: dates)
        agentID = try NodeID(TestFleet.agentID)
        orderKey = try PrivateKey.generate(.p256)
        reportKey = try PrivateKey.generate(.p256)
        vendorKey = try PrivateKey.generate(.ed25519)
        token = try JoinToken(
            id: TokenID(high: 5, low: 6), secret: [UInt8](repeating: 9, count: 32),
            pin: try SHA256Digest(bytes: fleet.root.certificate.publicKeyFingerprint))
        let signers = RoleSigners(keys: [try VendorSigner(key: vendorKey).key])
        var repository = try Repository(
            topRoles: [.root: signers, .timestamp: signers, .snapshot: signers, .targets: signers],
            verifier: OpenSSLVerifier(), digester: OpenSSLDigester())
        for product in ["tool", "axle-agent"] {
            try repository.addProduct(try ProductName(product), signers: signers)
        }
        state = NativeLock(State(repository: repository))
        try publish()
        var settings = SessionSettings(
            fleet: try FleetName(fleet.name), role: .spoke, peerRoles: [.agent], program: "fake spoke")
        settings.certificateTime = { seconds }
        let context = try SessionTLS.listener(identity: spoke, anchors: fleet.anchors, takesJoins: true)
        let made = try SessionListener(
            Endpoint(host: "127.0.0.1", port: 0), group: try EventLoopGroup("fake-spoke", count: 1),
            limit: PeerLimit(peers: 10, handshakes: 10), settings: settings, context: { context }, links: links,
            handler: self)
        listener.withLock { $0 = made }
    }

    var endpoint: String { listener.withLock { $0?.endpoint.description ?? "" } }
    var reports: [Report] { state.withLock { $0.reports } }
    /// The offsets from which packages were asked for.
    var offsets: [UInt64] { state.withLock { $0.offsets } }
    var joins: [Message] { state.withLock { $0.joins } }

    func states(_ action: ActionID) -> [ActionState] {
        reports.filter { $0.action == action }.compactMap(\.state).reduce(into: []) {
            if $0.last != $1 { $0.append($1) }
        }
    }

    // MARK: Plans

    /// The questions for plans so far, and the hashes of what was fetched.
    var plansAsked: [FetchPlan] { state.withLock { $0.plansAsked } }
    var fetched: [SHA256Digest] { state.withLock { $0.fetched } }
    /// Answers with these in turn, and with the last of them from then on.
    func answerPlans(with plans: Message...) { state.withLock { $0.plans = plans } }
    /// Answers fetches of this hash so, whatever it holds.
    func refuse(_ sha256: SHA256Digest, with refusal: ErrorReply?) { state.withLock { $0.refused[sha256] = refusal } }

    /// Holds bytes that are no package, for whoever asks by their hash.
    func hold(_ bytes: [UInt8]) throws {
        let digest = try SHA256Digest(bytes: SHA256.hash(bytes))
        state.withLock { $0.packages[digest] = bytes }
    }

    // MARK: Faults

    func cut(after bytes: Int) { state.withLock { $0.cutAfter = bytes } }
    func alterPackages() { state.withLock { $0.altered = true } }

    // MARK: The vendor and the hub

    func add(_ package: Package, _ bytes: [UInt8]) throws {
        try state.withLock {
            try $0.repository.add(package)
            $0.packages[package.sha256] = bytes
        }
        try publish()
    }

    private func publish() throws {
        let signer = try VendorSigner(key: vendorKey)
        try state.withLock { _ = try $0.repository.sign(with: [signer], at: now) }
    }

    /// Orders a package; sent now and with every new link until the agent has acknowledged it.
    func order(_ package: Package, action: ActionID) throws {
        let sequence = state.withLock { state in
            state.sequence += 1
            return state.sequence
        }
        let order = Order(
            agent: agentID, kind: .install, action: action, rollout: RolloutID(high: 1, low: 1),
            fleet: try FleetName(fleet.name), target: OrderTarget(package),
            sequence: OrderSequence(epoch: 1, number: sequence), issued: now, expires: now + .seconds(3600))
        let message = OrderMessage(
            agent: agentID, action: action, kind: 1, expires: order.expires,
            signed: try order.signed(by: OpenSSLRecordSigner(orderKey)))
        let link = state.withLock { state in
            state.orders.append(message)
            return state.link
        }
        if let link { send(message, link) }
    }

    private func send(_ order: OrderMessage, _ link: LinkID) {
        let request = state.withLock { state in
            state.requests += 1
            return RequestID(state.requests)
        }
        links.perform(.request(link, request, .order(order), .control))
    }

    // MARK: Links

    func linkEvent(_ event: LinkEvent) {
        switch event {
        case .opened(let link, _, _):
            let orders = state.withLock { state in
                state.link = link
                return state.orders
            }
            for order in orders { send(order, link) }
        case .closed(let link, _): state.withLock { if $0.link == link { $0.link = nil } }
        case .request(let link, let request, let message): answer(link, request, message)
        case .reply, .failed: break
        }
    }

    private func answer(_ link: LinkID, _ request: RequestID, _ message: Message) {
        switch message {
        case .report(let report):
            do {
                let opened = try Report.open(
                    report.signed, keys: [reportKey.publicKey.der], verifier: OpenSSLVerifier())
                state.withLock { state in
                    let isNew = !state.reports.contains {
                        $0.incarnation == opened.incarnation && $0.counter == opened.counter
                    }
                    if isNew { state.reports.append(opened) }
                }
                links.perform(.reply(link, request, .ok(OK())))
            } catch {
                Issue.record("a report that is not signed: \(error)")
            }
        case .fetchMetadata(let fetch):
            guard let file = state.withLock({ $0.repository.files[fetch.name] }) else { return missing(link, request) }
            links.sendContent(link, request, Content(length: UInt64(file.count), offset: 0), from: .bytes(file))
        case .fetchPackage(let fetch): serve(link, request, fetch)
        case .fetchPlan(let ask):
            let plan = state.withLock { state in
                state.plansAsked.append(ask)
                return state.plans.count > 1 ? state.plans.removeFirst() : state.plans.first
            }
            links.perform(
                .reply(link, request, plan ?? .error(ErrorReply(code: .unsupported, text: "fetchPlan is not known"))))
        default: links.perform(.reply(link, request, .error(ErrorReply(code: .unsupported, text: "no"))))
        }
    }

    private func serve(_ link: LinkID, _ request: RequestID, _ fetch: FetchPackage) {
        let (bytes, cut) = state.withLock { state -> ([UInt8]?, Int?) in
            state.offsets.append(fetch.offset)
            state.fetched.append(fetch.sha256)
            var bytes = state.packages[fetch.sha256]
            if state.altered, let last = bytes?.indices.last { bytes?[last] ^= 1 }
            return (bytes, state.cutAfter.take())
        }
        if let refusal = state.withLock({ $0.refused[fetch.sha256] }) {
            return links.perform(.reply(link, request, .error(refusal)))
        }
        guard let bytes else { return missing(link, request) }
        let content = Content(length: fetch.length, offset: fetch.offset)
        guard let cut else { return links.sendContent(link, request, content, from: .bytes(bytes)) }
        let queue = NamedQueue("fake-spoke.cut")
        links.sendContent(
            link, request, content,
            from: .reader(queue) { buffer, offset in
                let start = Int(offset)
                guard start < cut else {
                    NativeThread.sleep(.milliseconds(300))
                    return 0
                }
                let count = min(buffer.count, cut - start)
                buffer.copyBytes(from: bytes[start..<start + count])
                return count
            })
    }

    private func missing(_ link: LinkID, _ request: RequestID) {
        links.perform(.reply(link, request, .error(ErrorReply(code: .notFound, text: "not here"))))
    }

    // MARK: Joining

    func joinRequest(_ link: LinkID, _ request: RequestID, _ message: Message) {
        state.withLock { $0.joins.append(message) }
        do {
            switch message {
            case .joinBegin: links.perform(.reply(link, request, .joinChallenge(JoinChallenge(nonce: joinNonce))))
            case .joinRequest(let join): links.perform(.reply(link, request, try answer(join)))
            default: break
            }
        } catch {
            links.perform(.reply(link, request, .error(ErrorReply(code: .refused, text: "\(error)"))))
        }
    }

    private func answer(_ join: JoinRequest) throws -> Message {
        let hash = OpenSSLKeyedHash()
        try JoinProof.checkRequest(join.proof, secret: token.secret, nonce: join.nonce, body: join.body, hash)
        let body = try JoinRequestBody(decoding: join.body)
        let profile = LeafProfile(
            name: body.name.text, uris: ["axle://\(fleet.name)/agent/\(agentID)"], dnsNames: [], ipAddresses: [],
            isServer: false, isClient: true, dates: now.seconds - 60...now.seconds + 86_400)
        let leaf = try fleet.issuing.issue(profile, for: try CertificateRequest(der: body.csr).publicKey)
        let root = state.withLock { $0.repository.files["1.root.json"] }
        let name = try FleetName(fleet.name)
        let answer = JoinAnswerBody(
            id: agentID, fleet: name,
            chain: [leaf, fleet.issuing.certificate].map(\.der),
            roots: [fleet.root.certificate.der], orderKey: orderKey.publicKey.der, catalogRoot: root, time: now
        ).encoded()
        return .joinAnswer(
            JoinAnswer(
                body: answer,
                proof: try JoinProof.answer(secret: token.secret, nonce: join.nonce, body: answer, hash)))
    }

    /// Makes the state folder of an agent that has joined.
    func makeState(_ path: String) throws {
        _ = try StateFolder.create(path, kind: AgentState.kind, version: AgentState.version) { folder in
            let agent = try fleet.identity(
                role: "agent", id: TestFleet.agentID, dates: now.seconds - 60...now.seconds + 86_400)
            let member = MemberIdentity.Member(
                fleet: try FleetName(fleet.name), role: .agent, id: agentID, name: try NodeName("test-agent"),
                upstream: endpoint, upstreamID: try NodeID(TestFleet.spokeID))
            try MemberIdentity(
                member: member, tls: agent, anchors: [fleet.root.certificate], hubOrderKey: orderKey.publicKey,
                reportKey: reportKey
            ).write(to: AgentState.identity(folder))
            try AtomicFile.write(
                state.withLock { $0.repository.files["1.root.json"] } ?? [], to: AgentState.catalogRoot(folder))
            // As a join makes it.
            _ = try SQLiteAgentStore(
                path: AgentState.database(folder), incarnation: .random(in: 1...1 << 40), now: .zero)
        }
    }
}

/// Signs metadata with a key in memory.
private struct VendorSigner: MetadataSigner {
    let key: MetadataKey
    private let privateKey: PrivateKey

    init(key: PrivateKey) throws {
        self.key = .ed25519(key.publicKey.ed25519Bytes ?? [], digester: OpenSSLDigester())
        privateKey = key
    }

    func sign(_ message: [UInt8]) throws -> [UInt8] { try privateKey.sign(message, by: .ed25519) }
}

/// Waits until `condition` holds, for at most sixty seconds.
func eventually(_ what: String, seconds: Int64 = 60, _ condition: () throws -> Bool) async throws {
    let end = SystemClock.uptime + .seconds(seconds)
    while try !condition() {
        guard SystemClock.uptime < end else {
            Issue.record("never: \(what)")
            throw CancellationError()
        }
        try await Task.sleep(for: .milliseconds(10))
    }
}

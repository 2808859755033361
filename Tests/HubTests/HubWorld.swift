import Hub
import Model
import Protocol
import Rollout
import Storage
import TLS
import Testing
import Trust

/// Signatures and hashes that depend on nothing but their input: the public key is the key.
struct FakeCryptography: HubCryptography {
    struct Broken: Error {}

    struct Signer: RecordSigner {
        let key: [UInt8]
        var isBroken = false
        var keyID: [UInt8] { [1] }
        func sign(_ message: [UInt8]) throws -> [UInt8] {
            // Orders only: the first revocation list is signed when a hub begins.
            if isBroken, String(decoding: message, as: UTF8.self).contains("axle-order-1") { throw Broken() }
            return SHA256.hash(key + message) + SHA256.hash(message + key)
        }
    }

    struct Verifier: SignatureVerifier {
        func verify(_ scheme: SignatureScheme, publicKey: [UInt8], message: [UInt8], signature: [UInt8]) -> Bool {
            signature == SHA256.hash(publicKey + message) + SHA256.hash(message + publicKey)
        }
    }

    var isBroken = false
    var orderSigner: any RecordSigner { Signer(key: orderKey, isBroken: isBroken) }
    var orderKey: [UInt8] { Array("hub order key".utf8) }
    var authorities: [RootAuthority] {
        // 32 bytes make a hash.
        [RootAuthority(pin: (try? digest(5)) ?? .zeroForTests, certificate: [1])]
    }
    var verifier: any SignatureVerifier { Verifier() }

    func issue(
        request: [UInt8], identity: PeerIdentity, name: NodeName, under root: SHA256Digest, at time: UnixTime
    ) throws -> IssuedCertificate {
        guard request != [0] else { throw Broken() }
        let leaf = Array(identity.description.utf8)
        return IssuedCertificate(
            chain: [leaf], serial: identity.id.bytes, expires: time + .seconds(90 * 86_400),
            fingerprint: SHA256.hash(leaf))
    }

    func read(certificate: [UInt8]) throws -> ShownCertificate { throw Broken() }

    func sha256(_ bytes: [UInt8]) -> [UInt8] { SHA256.hash(bytes) }

    func hmacSHA256(key: [UInt8], message: [UInt8]) throws -> [UInt8] { try HMAC.sha256(key: key, message) }
}

extension SHA256Digest {
    /// Never reached; makes a fallback without a trap.
    static var zeroForTests: SHA256Digest {
        do { return try SHA256Digest(bytes: [UInt8](repeating: 0, count: 32)) } catch { fatalError("\(error)") }
    }
}

/// Numbers that depend on the seed only (SplitMix64).
struct SeededGenerator: RandomNumberGenerator, Sendable {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A hub's core with a store, and by hand the spokes and agents around it.
final class HubWorld {
    struct Agent {
        let id: NodeID
        let spoke: NodeID
        let key: [UInt8]
        var counter: UInt64 = 0
    }

    let fixture: StoreFixture
    var store: any HubStore { fixture.store }
    var core: HubCore
    var now = at(0)
    let fleet: FleetName
    let hub = node(0xFF)
    let pool: NodeName
    /// What the core wanted since `effects` was last emptied.
    var effects: [HubEffect] = []
    /// Whether requests to spokes are answered with ok at once.
    var answers = true
    private var nextNumber: UInt64 = 0

    private let zones: ZoneLookup

    init(
        _ kind: StoreKind = .memory, cryptography: FakeCryptography = FakeCryptography(),
        zones: @escaping ZoneLookup = ZoneFolder.find
    ) throws {
        self.zones = zones
        fixture = try kind.make()
        fleet = try FleetName("test")
        pool = try name("main")
        core = HubCore(
            store: fixture.store, cryptography: cryptography,
            configuration: HubConfiguration(
                fleet: fleet, hub: hub, poolName: pool, patchPoolName: try name("patches"), zones: zones),
            random: SeededGenerator(state: 1))
        try send(.started(held: [], figures()))
    }

    func figures(quota: UInt64 = 1 << 40, used: UInt64 = 0) -> PoolFigures {
        PoolFigures(
            PoolAccount(
                quota: ByteCount(quota), used: ByteCount(used), reserved: .zero, freeOnDisk: ByteCount(1 << 40)))
    }

    /// Another process over the same store, after the machine was restarted.
    func restart(held: Set<SHA256Digest> = [], patches: HubPatchPool? = nil) throws {
        core = HubCore(
            store: fixture.store, cryptography: FakeCryptography(),
            configuration: HubConfiguration(
                fleet: fleet, hub: hub, poolName: pool, patchPoolName: try name("patches"), zones: zones),
            random: SeededGenerator(state: 99))
        effects = []
        try send(.started(held: held, figures(), patches: patches))
    }

    // MARK: Telling the core

    func send(_ event: HubEvent) throws {
        take(try core.perform([event], at: now))
        guard answers else { return }
        while let (link, request, _) = requests().first {
            effects.removeAll {
                if case .link(.request(link, request, _, _)) = $0 { true } else { false }
            }
            take(try core.perform([.link(.reply(link, request, .ok(OK())))], at: now))
        }
    }

    /// Makes a rollout as an operator does.
    func create(_ specification: RolloutSpecification) throws -> RolloutRecord {
        guard case .rollout(let rollout) = try run(.rollouts(.create(specification))) else {
            throw HubStoreError.missing("rollout")
        }
        return rollout
    }

    @discardableResult
    func run(_ command: HubCommand) throws -> HubAnswer {
        let (answer, effects) = try core.execute(command, at: now)
        take(effects)
        if answers { try send(.woke) }
        return answer
    }

    private func take(_ more: [HubEffect]) { effects += more }

    /// The requests to spokes among the effects.
    func requests() -> [(LinkID, RequestID, Message)] {
        effects.compactMap {
            if case .link(.request(let link, let request, let message, _)) = $0 {
                (link, request, message)
            } else {
                nil
            }
        }
    }

    /// Sends a spoke's request and gives the core's answer.
    func ask(_ link: LinkID, _ message: Message) throws -> Message? {
        nextNumber += 1
        let request = RequestID(nextNumber)
        try send(.link(.request(link, request, message)))
        for effect in effects {
            if case .link(.reply(link, request, let answer)) = effect { return answer }
        }
        return nil
    }

    // MARK: Members

    func token(_ role: Role, spoke: NodeID? = nil, uses: Int = 1, life: Duration = .seconds(3600)) throws -> JoinToken {
        guard
            case .token(_, let text) = try run(.members(.createToken(role: role, spoke: spoke, uses: uses, life: life)))
        else {
            throw HubStoreError.missing("token")
        }
        return try JoinToken(text)
    }

    /// The whole conversation of a join; through a spoke's link for an agent.
    func join(
        _ token: JoinToken, _ role: Role, _ text: String, key: [UInt8]? = nil, through link: LinkID? = nil,
        secret: [UInt8]? = nil, csr: [UInt8] = [7], alter: (inout JoinRequest) -> Void = { _ in }
    ) throws -> Message? {
        let begun = try joinAsk(.joinBegin(JoinBegin(token: token.id)), link)
        guard case .joinChallenge(let challenge) = begun else { return begun }
        let body = JoinRequestBody(
            csr: csr, name: try name(text), reportKey: role == .agent ? key ?? [9] : nil, role: role
        ).encoded()
        let proof = try JoinProof.request(
            secret: secret ?? token.secret, nonce: challenge.nonce, body: body, FakeCryptography())
        var request = JoinRequest(token: token.id, nonce: challenge.nonce, body: body, proof: proof)
        alter(&request)
        let answer = try joinAsk(.joinRequest(request), link)
        if case .joinAnswer(let answer) = answer {
            try JoinProof.checkAnswer(
                answer.proof, secret: token.secret, nonce: challenge.nonce, body: answer.body, FakeCryptography())
        }
        return answer
    }

    func joinAsk(_ message: Message, _ link: LinkID?) throws -> Message? {
        if let link { return try ask(link, message) }
        nextNumber += 1
        let join = JoinID(nextNumber)
        try send(.joinAsked(join, message))
        for effect in effects {
            if case .answerJoin(join, let answer) = effect { return answer }
        }
        return nil
    }

    func id(_ answer: Message?) throws -> NodeID {
        guard case .joinAnswer(let answer) = answer else {
            Issue.record("no join: \(String(describing: answer))")
            throw HubStoreError.missing("answer")
        }
        return try JoinAnswerBody(decoding: answer.body).id
    }

    func addSpoke(_ text: String) throws -> NodeID { try id(join(try token(.spoke), .spoke, text)) }

    func connect(_ spoke: NodeID) throws -> LinkID {
        nextNumber += 1
        let link = LinkID(nextNumber)
        let peer = PeerIdentity(fleet: fleet, role: .spoke, id: spoke)
        try send(.link(.opened(link, peer, Hello(time: now, role: .spoke, program: "1.0"))))
        return link
    }

    func addAgent(_ text: String, _ spoke: NodeID, _ link: LinkID) throws -> Agent {
        let key = Array("key of \(text)".utf8)
        let id = try id(join(try token(.agent), .agent, text, key: key, through: link))
        return Agent(id: id, spoke: spoke, key: key)
    }

    // MARK: Packages

    func publish(_ packages: [Package], version: UInt64 = 1) throws {
        if try store.catalog() == nil { try run(.catalog(.set(url: "https://vendor.example/", root: [1]))) }
        try send(
            .catalog(
                .refreshed(
                    CatalogContents(timestampVersion: version, expires: now + .seconds(86_400), packages: packages))))
    }

    func importAll() throws {
        for record in try store.packages(in: .downloading) {
            try send(.packageImport(.ended(record.package.path, record.package.sha256, .imported)))
        }
    }

    func verified(_ package: Package, _ link: LinkID, _ state: ReplicaState = .verified) throws {
        let message = Replica(path: package.path, sha256: package.sha256, state: state, bytesHeld: package.length)
        #expect(try ask(link, .replica(message)) == .ok(OK()))
    }

    // MARK: Reports

    func report(
        _ agent: inout Agent, _ link: LinkID, incarnation: UInt64 = 1, action: ActionID? = nil,
        state: ActionState? = nil,
        reasons: [Reason] = [], notes: [Note] = [], facts: ClientFacts? = nil, installed: [InstalledPackage]? = nil,
        attack: AttackSeen? = nil, orderSequence: OrderSequence? = nil, newestOrder: [UInt8]? = nil,
        time: UnixTime? = nil,
        key: [UInt8]? = nil, repeating: Bool = false, alter: (inout ReportMessage) -> Void = { _ in }
    ) throws -> Message? {
        if !repeating { agent.counter += 1 }
        let report = Report(
            agent: agent.id, incarnation: incarnation, counter: agent.counter, time: time ?? now, fleet: fleet,
            action: action,
            state: state, reasons: reasons, notes: notes, installed: installed, facts: facts, attack: attack,
            detail: "d",
            orderSequence: orderSequence, newestOrder: newestOrder)
        var message = ReportMessage(
            agent: agent.id, incarnation: incarnation, counter: agent.counter,
            signed: try report.signed(by: FakeCryptography.Signer(key: key ?? agent.key)))
        alter(&message)
        return try ask(link, .report(message))
    }

    /// A report of an order that was not above the newest one, which is shown.
    func stale(_ agent: inout Agent, _ link: LinkID, _ attack: AttackSeen, _ newest: [UInt8]) throws -> Message? {
        try report(&agent, link, attack: attack, newestOrder: newest)
    }

    /// The orders in the outbox or sent, opened.
    func orders(for spoke: NodeID) throws -> [Order] {
        try store.orders(for: spoke, after: 0, limit: .max).map {
            try Order.open($0.signed, keys: [FakeCryptography().orderKey], verifier: FakeCryptography.Verifier())
        }
    }

    func events(_ code: EventCode) throws -> [EventRecord] {
        try store.events(after: 0, search: nil, limit: .max).filter { $0.event.code == code }
    }

    /// One spoke with a verified package and agents with facts, and a rollout of it under way.
    func running(
        agents count: Int = 1, window: WindowRule = .anyTime,
        alter: (inout RolloutSpecification) -> Void = { _ in }
    ) throws -> (link: LinkID, spoke: NodeID, agents: [Agent], package: Package, rollout: RolloutID) {
        let spoke = try addSpoke("s1")
        let link = try connect(spoke)
        let package = try samplePackage()
        try publish([package])
        try importAll()
        try verified(package, link)
        var agents: [Agent] = []
        for number in 0..<count {
            var agent = try addAgent("a\(number)", spoke, link)
            #expect(try report(&agent, link, facts: sampleFacts()) == .ok(OK()))
            agents.append(agent)
        }
        var specification = try sampleSpecification()
        specification.window = window
        alter(&specification)
        guard case .rollout(let rollout) = try run(.rollouts(.create(specification))) else {
            throw HubStoreError.missing("rollout")
        }
        if specification.start == nil { try run(.rollouts(.start(rollout.id))) }
        return (link, spoke, agents, package, rollout.id)
    }

    func actions(_ rollout: RolloutID) throws -> [ActionRecord] { try store.actions(of: rollout) }
    func state(_ rollout: RolloutID) throws -> RolloutState? { try store.rollout(rollout)?.state }
}

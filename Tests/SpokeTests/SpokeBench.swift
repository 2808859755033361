import Model
import Protocol
import Spoke
import Storage
import TLS
import Testing
import Trust

/// A spoke's core on a bench: feeds events, runs each in a transaction, and remembers the effects.
struct SpokeBench {
    let store = MemorySpokeStore()
    var core: SpokeCore
    var now = UnixTime(milliseconds: 1_000_000)
    var effects: [SpokeEffect] = []

    static let hub = LinkID(1)
    static let agentLink = LinkID(2)
    static let agent = NodeID(high: 7, low: 1)
    static let stranger = NodeID(high: 7, low: 2)
    static let figures = PoolFigures(
        PoolAccount(quota: ByteCount(1000), used: .zero, reserved: .zero, freeOnDisk: ByteCount(5000)))

    /// What the spoke can make use of, from the next restart on.
    var accepts: [TransferMeans] = [.content] + TransferMeans.fromBase

    init() throws {
        core = SpokeCore(store: store, poolName: try NodeName("main"), verifier: FakeVerifier(), random: FixedRandom())
        try tell(.started(held: [], Self.figures))
    }

    /// The same store under a new core: what a restart leaves.
    mutating func restart(held: Set<SHA256Digest> = []) throws {
        core = SpokeCore(
            store: store, poolName: try NodeName("main"), verifier: FakeVerifier(), random: FixedRandom(),
            accepts: accepts)
        try tell(.started(held: held, Self.figures))
    }

    @discardableResult
    mutating func tell(_ event: SpokeEvent) throws -> [SpokeEffect] {
        let now = now
        effects = try store.transaction { try core.handle(event, at: now) }
        #expect(core.invariantViolations().isEmpty)
        return effects
    }

    mutating func openHub(link: LinkID = hub) throws {
        try tell(.link(.opened(link, try Self.peer(.hub, NodeID(high: 0, low: 1)), Self.hello(.hub))))
    }

    mutating func openAgent(_ agent: NodeID = agent, link: LinkID = agentLink) throws {
        try tell(.link(.opened(link, try Self.peer(.agent, agent), Self.hello(.agent))))
    }

    /// A request from a peer, numbered as the transport would; gives back the reply where one was made at once.
    @discardableResult
    mutating func ask(_ link: LinkID, _ message: Message, number: UInt64 = 90) throws -> Message? {
        try tell(.link(.request(link, RequestID(number), message)))
        for case .link(.reply(link, RequestID(number), let reply)) in effects { return reply }
        return nil
    }

    /// The requests that the last event made the core send on a link.
    func requests(on link: LinkID) -> [(id: RequestID, message: Message)] {
        effects.compactMap {
            if case .link(.request(link, let id, let message, _)) = $0 { (id, message) } else { nil }
        }
    }

    func closings() -> [LinkID] {
        effects.compactMap { if case .link(.close(let link, _, _)) = $0 { link } else { nil } }
    }

    func wakeTime() -> UnixTime? {
        effects.compactMap { if case .wake(let time) = $0 { time } else { nil } }.last
    }

    static func peer(_ role: Role, _ id: NodeID) throws -> PeerIdentity {
        PeerIdentity(fleet: try FleetName("demo"), role: role, id: id)
    }

    static func hello(_ role: Role) -> Hello {
        Hello(time: .zero, role: role, program: "test")
    }

    static func replicate(_ byte: UInt8, length: UInt64 = 100) throws -> Replicate {
        Replicate(
            path: try TargetPath("ruff/0.12.\(byte)/linux-x86_64-glibc/ruff.tar"), sha256: try digest(byte),
            length: length, priority: .normal)
    }

    /// The catalog names the package; `content` is what is inside it, the file itself where nil.
    static func listed(_ wanted: Replicate, content: PackageContent? = nil) -> SpokeEvent {
        let plain = PackageContent(coding: .none, length: ByteCount(wanted.length), sha256: wanted.sha256)
        return .targetFound(
            wanted.path, .listed(length: wanted.length, sha256: wanted.sha256, content: content ?? plain))
    }

    static func digest(_ byte: UInt8) throws -> SHA256Digest {
        try SHA256Digest(bytes: Array(repeating: byte, count: 32))
    }

    static func order(agent: NodeID = agent, action: UInt64 = 5, expires: UnixTime = .distantFuture) -> OrderMessage {
        OrderMessage(
            agent: agent, action: ActionID(high: 0, low: action), kind: 1, expires: expires, signed: [1, 2, 3])
    }

    static func report(_ counter: UInt64, agent: NodeID = agent) -> ReportMessage {
        ReportMessage(agent: agent, incarnation: 1, counter: counter, signed: [4, UInt8(truncatingIfNeeded: counter)])
    }
}

/// No randomness: the longest wait of every range.
struct FixedRandom: RandomNumberGenerator, Sendable {
    mutating func next() -> UInt64 { .max }
}

/// Signatures that depend on nothing but their input: whoever has the key's name can sign.
struct FakeKey: RecordSigner, Sendable {
    let publicKey: [UInt8]
    var keyID: [UInt8] { [1] }

    init(_ name: String) { publicKey = Array(name.utf8) }

    func sign(_ message: [UInt8]) -> [UInt8] { SHA256.hash(publicKey + message) + SHA256.hash(message + publicKey) }
}

struct FakeVerifier: SignatureVerifier {
    func verify(_ scheme: SignatureScheme, publicKey: [UInt8], message: [UInt8], signature: [UInt8]) -> Bool {
        signature == SHA256.hash(publicKey + message) + SHA256.hash(message + publicKey)
    }
}

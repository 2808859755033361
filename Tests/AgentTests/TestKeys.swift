import Agent
import Identity
import Model
import TLS
import Trust

/// The keys of a test's hub and agent.
struct TestKeys {
    private let hub: PrivateKey
    private let agent: PrivateKey
    let verifier = OpenSSLVerifier()

    init() throws {
        hub = try PrivateKey.generate(.p256)
        agent = try PrivateKey.generate(.p256)
    }

    /// The hub's key for orders, as the agent knows it.
    var orderKey: [UInt8] { hub.publicKey.der }
    /// The agent's key for reports.
    var reportSigner: TestSigner { TestSigner(key: agent) }

    func sign(_ record: some SignedRecord) throws -> [UInt8] { try record.signed(by: TestSigner(key: hub)) }

    func open(report: [UInt8]) throws -> Report {
        try Report.open(report, keys: [agent.publicKey.der], verifier: verifier)
    }

    /// A report signed by the hub's key: a record of the wrong kind.
    func report(_ agent: NodeID) throws -> [UInt8] {
        let report = Report(
            agent: agent, incarnation: 1, counter: 1, time: .zero, fleet: try FleetName(AgentWorld.fleetName))
        return try report.signed(by: TestSigner(key: hub))
    }
}

/// Signs with a key in memory.
struct TestSigner: RecordSigner, Sendable {
    let key: PrivateKey
    var keyID: [UInt8] { key.publicKey.fingerprint }
    func sign(_ message: [UInt8]) throws -> [UInt8] { try key.sign(message, by: .es256) }
}

/// Orders as a hub makes them.
enum TestOrders {
    static func make(
        agent: NodeID, fleet: FleetName, kind: OrderKind, action: ActionID, package: Package, sequence: UInt64,
        issued: UnixTime, expires: UnixTime, windows: [TimeSpan], lead: UInt32
    ) throws -> Order {
        Order(
            agent: agent, kind: kind, action: action, rollout: RolloutID(high: 9, low: 9), fleet: fleet,
            target: kind == .cancel || kind == .reportAnew ? nil : OrderTarget(package), windows: windows,
            leadSeconds: lead,
            sequence: OrderSequence(epoch: 1, number: sequence), issued: issued, expires: expires)
    }
}

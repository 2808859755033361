import Identity
import Model
import Protocol
import System
import TLS
import TestSupport
import Testing
import Trust

/// A real spoke and real agents under a hub in the wrong hands: it may order what the vendor has signed and no more, and where an operator's
/// signature is asked for not even that.
@Suite("Hostile hub", .serialized)
struct HostileHubTests {
    @Test(
        "nothing that a hub forges, replays, mixes or lowers is obeyed, nor what no operator signed; the fleet recovers"
    )
    func everyAttack() async throws {
        let fleet = try RealFleet()
        let key = fleet.path("operator.pem")
        let publicKey = try fleet.run("axle", ["rollout", "key", key])
        try AtomicFile.write(Array(publicKey.utf8), to: fleet.path("operator.pub"))
        let strict = "{operatorKeys: [\"\(fleet.path("operator.pub"))\"], requireOperatorSignature: true}"
        try await fleet.begin(agents: [("box", "{}"), ("safe", strict)])
        let (box, safe) = (try fleet.client("box"), try fleet.client("safe"))
        let one = try await fleet.publish("1.0", counter: 1)
        let two = try await fleet.publish("2.0", counter: 2)
        try await fleet.succeeds(try fleet.rollOut("2.0", to: ["box"]), ["box"])

        // Without the operator's signature the strict machine refuses; with it, it obeys.
        let unsigned = try fleet.rollOut("1.0", to: ["safe"])
        try await eventually("refused") { try fleet.states(unsigned) == ["safe": "refused"] }
        try await fleet.logs("attackSeen", "client/safe", "notApproved")
        let signed = try fleet.rollOut("1.0", to: ["safe"], more: ", operatorSignature: true")
        try fleet.axle("rollout", "sign", signed, "--key", key)
        try await fleet.succeeds(signed, ["safe"])

        fleet.kill("hub")
        let honestFiles = fleet.vendor.files
        let evil = try EvilHub(
            fleet.path("hub"), listen: fleet.hubAddress, fleet: try FleetName("test"), sequence: 100)
        defer { evil.stop() }
        try await eventually("the spoke at the evil hub: \(fleet.log("spoke"))") { evil.isConnected }
        evil.serve(honestFiles, version: 1000)

        func refused(
            _ what: String, _ agent: NodeID, _ action: UInt64, _ attack: AttackCode, _ send: (ActionID) throws -> Void
        ) async throws {
            let action = ActionID(high: 0xE, low: action)
            try send(action)
            try await eventually("\(what) to be refused: \(evil.answers), \(fleet.log("box"))") {
                evil.reports.contains {
                    $0.agent == agent && $0.attack?.code == attack && ($0.action == nil || $0.action == action)
                }
            }
            #expect(!evil.states(action).contains { $0.isChanging || $0 == .succeeded }, "\(what)")
        }

        // Forge: a package of its own, under a path that the vendor never signed, and under one that it did.
        let (own, ownBytes) = try TestVendor.make("9.0", counter: 9, says: "evil")
        evil.offer(own, ownBytes)
        try await refused("a package that the vendor does not name", box, 1, .notInTargets) {
            try evil.give(evil.order(box, own, $0), to: box)
        }
        try await refused("other bytes under a name of the vendor's", safe, 2, .notInTargets) {
            try evil.give(evil.order(safe, two, $0) { $0.target?.sha256 = own.sha256 }, to: safe)
        }
        #expect(evil.replica(own) != .verified, "the spoke does not hold it either")

        // Downgrade: a genuine older release by an install order.
        try await refused("a downgrade", box, 3, .rollback) { try evil.give(evil.order(box, one, $0), to: box) }

        // What no operator signed.
        try await refused("an order without approval", safe, 4, .notApproved) {
            try evil.give(evil.order(safe, two, $0), to: safe)
        }
        try await refused("a rollback without approval", safe, 5, .notApproved) {
            try evil.give(evil.order(safe, one, $0, kind: .rollback), to: safe)
        }
        try await refused("an approval by the hub's own key", safe, 6, .notApproved) { action in
            var order = try evil.order(safe, two, action)
            let tree = try #require(
                ApprovalTree(
                    [ApprovedAction(agent: safe, action: action, target: OrderTarget(two))], OpenSSLDigester()))
            let approval = Approval(
                fleet: evil.fleet, rollout: order.rollout, kind: .install, product: two.path.product,
                release: two.path.release, actions: try tree.root, count: 1, windows: [], restartAllowed: true,
                issued: order.issued, expires: order.expires)
            order.approval = OrderApproval(
                signed: try approval.signed(by: evil.orderKey), proof: try #require(tree.proof(at: 0)))
            try evil.give(order, to: safe)
        }

        // Replay: an order of the hub's own that a later one has overtaken. And another agent's order.
        try await refused("a replayed order", box, 7, .replay) {
            let action = $0
            try evil.give(evil.order(box, two, action) { $0.sequence.number = 1 }, to: box)
        }
        try await refused("another agent's order", box, 8, .wrongRecipient) {
            try evil.give(evil.order(safe, two, $0), to: box)
        }

        // Mix: today's timestamp over a snapshot of an earlier day, each genuinely signed, stops at the spoke, which says so.
        let three = try fleet.vendor.release("3.0", counter: 3)
        var mixed = fleet.vendor.files
        let earlier = try #require(honestFiles.first { $0.key.hasSuffix("snapshot.json") }?.value)
        for name in mixed.keys where name.hasSuffix("snapshot.json") { mixed[name] = earlier }
        evil.serve(mixed, version: 2000)
        evil.offer(three, [UInt8](repeating: 7, count: Int(three.length)))
        try await eventually("the spoke to refuse the catalog: \(evil.events)") {
            evil.events.contains { $0.hasPrefix("attackSeen the catalog was refused") }
        }

        // Swap: other bytes for a genuine package.
        evil.serve(fleet.vendor.files, version: 3000)
        try await eventually("the spoke to refuse the bytes: \(evil.events)") {
            evil.events.contains { $0.hasPrefix("replicaFailed") && $0.contains("hash") }
        }

        // Nothing of it ran.
        #expect(try fleet.says("box") == "tool 2.0" && fleet.says("safe") == "tool 1.0")

        // The honest hub comes back. The evil one has used up numbers of its sequence: an epoch begins, and a rollout completes.
        evil.stop()
        try fleet.startHub()
        try await eventually("the hub is back") { (try? fleet.axle("token", "list")) != nil }
        try await fleet.logs("hubRestored", "epoch 2 begins")
        try fleet.axle("catalog", "refresh")
        try await fleet.isHeld("3.0")
        let last = try fleet.rollOut("3.0", to: ["box", "safe"], more: ", operatorSignature: true")
        try fleet.axle("rollout", "sign", last, "--key", key)
        try await fleet.succeeds(last, ["box", "safe"])
        #expect(try fleet.says("box") == "tool 3.0" && fleet.says("safe") == "tool 3.0")
        // What the agents told the evil hub is missed, asked for, and told again.
        try await fleet.logs("reportGap", "client/box")
        try await fleet.logs("agentRestored", "client/box", "says everything anew, as it was asked to")
    }
}

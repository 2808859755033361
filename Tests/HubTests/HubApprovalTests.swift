import Hub
import Identity
import Model
import Protocol
import Rollout
import Testing
import Trust

struct HubApprovalTests {
    private let operatorKey = FakeCryptography.Signer(key: Array("operator".utf8))

    private func approval(_ world: HubWorld, _ id: RolloutID) throws -> Approval {
        let rollout = try #require(try world.store.rollout(id))
        let tree = try #require(
            try HubQueries(store: world.store, zones: ZoneFolder.find).approvalTree(of: id))
        return Approval(
            fleet: world.fleet, rollout: id, kind: .install, product: rollout.specification.product,
            release: rollout.specification.release, actions: try tree.root, count: UInt64(tree.count),
            windows: rollout.windows, restartAllowed: true, issued: world.now, expires: world.now + .seconds(3600))
    }

    @Test(arguments: StoreKind.allCases) func nothingIsOrderedBeforeTheOperatorHasSigned(kind: StoreKind) throws {
        let world = try HubWorld(kind)
        let (_, spoke, agents, _, rollout) = try world.running(agents: 5) { $0.operatorSignature = true }
        #expect(try world.state(rollout) == .preparing)
        #expect(try world.store.rollout(rollout)?.text?.contains("axle rollout sign") == true)
        #expect(try world.actions(rollout).allSatisfy { $0.state == .pending && $0.sequence == nil })
        let signed = try approval(world, rollout).signed(by: operatorKey)
        world.answers = false
        try world.run(.rollouts(.approve(rollout, signed: signed)))
        #expect(try world.state(rollout) == .running)
        let orders = try world.orders(for: spoke)
        #expect(Set(orders.map(\.agent)) == Set(agents.map(\.id)))
        let policy = OperatorPolicy(keys: [operatorKey.key], isRequired: true)
        for order in orders {
            let objection = policy.objection(
                to: order, verifier: FakeCryptography.Verifier(), digester: OpenSSLDigester(), at: world.now)
            #expect(objection == nil, "\(objection ?? "")")
        }
        #expect(try world.events(.rolloutSigned).count == 1)
        // After a restart the proofs are made anew.
        try world.restart()
        #expect(try world.store.rollout(rollout)?.approval == signed)
    }

    @Test func anApprovalOfSomethingElseIsRefused() throws {
        let world = try HubWorld()
        let (_, _, _, _, rollout) = try world.running(agents: 2) { $0.operatorSignature = true }
        let other = try FleetName("other")
        let release = try ReleaseName("9.9")
        let digest = try SHA256Digest(bytes: [UInt8](repeating: 1, count: 32))
        let span = try TimeSpan(start: world.now, end: world.now + .seconds(5))
        let edits: [(inout Approval) -> Void] = [
            { $0.fleet = other }, { $0.rollout = RolloutID(high: 1, low: 1) }, { $0.kind = .rollback },
            { $0.release = release }, { $0.actions = digest }, { $0.count += 1 }, { $0.windows = [span] },
            { $0.restartAllowed = false }, { ($0.issued, $0.expires) = (.zero, UnixTime(milliseconds: 1)) },
        ]
        for edit in edits {
            var approval = try approval(world, rollout)
            edit(&approval)
            let signed = try approval.signed(by: operatorKey)
            #expect(throws: HubRefusal.self) { try world.run(.rollouts(.approve(rollout, signed: signed))) }
        }
        #expect(throws: HubRefusal.self) { try world.run(.rollouts(.approve(rollout, signed: [1, 2]))) }
        #expect(throws: HubRefusal.self) { try world.run(.rollouts(.approve(RolloutID(high: 3, low: 3), signed: []))) }
        #expect(try world.state(rollout) == .preparing)
        let good = try approval(world, rollout).signed(by: operatorKey)
        try world.run(.rollouts(.approve(rollout, signed: good)))
        #expect(try world.state(rollout) == .running)
        try world.run(.rollouts(.approve(rollout, signed: good)))
        #expect(try world.events(.rolloutSigned).count == 1)
    }
}

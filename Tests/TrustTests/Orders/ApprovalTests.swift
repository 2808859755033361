import Codec
import Model
import TLS
import Testing
import Trust

/// The operator's second signature: which orders a machine obeys that asks for it.
struct ApprovalTests {
    let operatorKey: TestSigner
    let policy: OperatorPolicy

    init() throws {
        let key = try PrivateKey.generate(.p256)
        operatorKey = TestSigner(key: key)
        policy = OperatorPolicy(keys: [key.publicKey.der], isRequired: true)
    }

    private func objection(
        _ order: Order, _ policy: OperatorPolicy? = nil, at time: UnixTime = Samples.time
    ) -> String? {
        (policy ?? self.policy).objection(
            to: order, verifier: TestVerifier(), digester: TestDigester(), at: time)
    }

    @Test func anApprovedOrderIsObeyed() throws {
        #expect(objection(try Samples.approved(by: operatorKey)) == nil)
        var later = try Samples.approved(by: operatorKey)
        later.windows.removeFirst()
        #expect(objection(later) == nil, "the hub leaves out windows that have passed")
    }

    @Test func withoutAnApprovalNothingIsObeyedButACancel() throws {
        var order = try Samples.approved(by: operatorKey)
        order.approval = nil
        #expect(objection(order)?.contains("no operator has signed") == true)
        #expect(objection(try Samples.cancel()) == nil)
        #expect(objection(try Samples.anew()) == nil)
        #expect(objection(order, OperatorPolicy(keys: policy.keys)) == nil, "where it is not asked for")
        #expect(objection(order, OperatorPolicy()) == nil)
    }

    @Test func anApprovalThatIsThereIsCheckedWhereAnOperatorIsKnown() throws {
        let stranger = TestSigner(key: try PrivateKey.generate(.p256))
        let forged = try Samples.approved(by: stranger)
        #expect(objection(forged)?.contains("not signed by a key that is believed") == true)
        #expect(objection(forged, OperatorPolicy(keys: policy.keys)) != nil)
        #expect(objection(forged, OperatorPolicy()) == nil, "a machine that knows no operator cannot tell")
    }

    @Test func aHubCannotStretchAnApproval() throws {
        let product = try TargetPath("ruff/0.12.1/linux-x86_64-musl/ruff.tar.gz")
        let release = try TargetPath("ruff/0.12.0/linux-x86_64-glibc/ruff.tar.gz")
        let digest = try SHA256Digest(bytes: [UInt8](repeating: 1, count: 32))
        let window = try TimeSpan(start: Samples.time + .seconds(10), end: Samples.time + .seconds(20))
        let fleet = try FleetName("south")
        let edits: [(String, (inout Order) -> Void)] = [
            ("another agent", { $0.agent = NodeID(high: 1, low: 1) }),
            ("another action", { $0.action = ActionID(high: 1, low: 1) }),
            ("another rollout", { $0.rollout = RolloutID(high: 1, low: 1) }),
            ("another fleet", { $0.fleet = fleet }), ("another kind", { $0.kind = .rollback }),
            ("another file", { $0.target?.path = product }), ("another release", { $0.target?.path = release }),
            ("other bytes", { $0.target?.sha256 = digest }), ("another length", { $0.target?.length += 1 }),
            ("another counter", { $0.target?.counter += 1 }), ("another window", { $0.windows = [window] }),
            ("no windows", { $0.windows = [] }), ("a restart", { $0.restartAllowed = true }),
            ("options", { $0.options = ["a": "b"] }), ("another place", { $0.approval?.proof.index = 2 }),
            ("no proof", { $0.approval?.proof.path = [] }),
            ("a longer proof", { $0.approval?.proof.path.append([UInt8](repeating: 0, count: 32)) }),
            ("a place beyond the end", { $0.approval?.proof.index = .max }),
        ]
        for (name, edit) in edits {
            var order = try Samples.approved(by: operatorKey)
            edit(&order)
            #expect(objection(order) != nil, "\(name)")
        }
    }

    @Test func anApprovalHoldsFromItsTimeToItsExpiryOnly() throws {
        let order = try Samples.approved(by: operatorKey)
        #expect(objection(order, at: Samples.time + .seconds(86_399)) == nil)
        #expect(objection(order, at: Samples.time + .seconds(86_400)) != nil)
        #expect(objection(order, at: Samples.time - .seconds(3600)) != nil)
    }

    @Test func anOrderIsNoApprovalAndAnApprovalNoOrder() throws {
        let approval = try Samples.approval().signed(by: operatorKey)
        #expect(throws: RecordError.badSignature("order")) {
            try Order.open(approval, keys: policy.keys, verifier: TestVerifier())
        }
        var order = try Samples.approved(by: operatorKey)
        order.approval?.signed = try Samples.install().signed(by: operatorKey)
        #expect(objection(order) != nil)
    }

    @Test func unknownRestrictionsAreNotIgnored() throws {
        var pairs = try #require(try Samples.approval().cbor.asMap)
        pairs.append(CBORPair(.unsigned(12), .bool(true)))
        let fields = try RecordFields(.map(pairs), of: "approval")
        #expect(throws: RecordError.self) { try Approval(fields) }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 100]) func everyActionOfATreeHasAProofAndNoOther(
        count: Int
    ) throws {
        let target = try Samples.target()
        let actions = (0..<count).map {
            ApprovedAction(
                agent: NodeID(high: 1, low: UInt64($0)), action: ActionID(high: 2, low: UInt64($0)), target: target)
        }
        let tree = try #require(ApprovalTree(actions, TestDigester()))
        let root = try tree.root
        for (index, action) in actions.enumerated() {
            let proof = try #require(tree.proof(at: index))
            #expect(proof.holds(of: action, count: UInt64(count), root: root, TestDigester()))
            let other = actions[(index + 1) % count]
            #expect(count == 1 || !proof.holds(of: other, count: UInt64(count), root: root, TestDigester()))
            #expect(!proof.holds(of: action, count: UInt64(count) * 2 + 1, root: root, TestDigester()))
        }
        #expect(tree.proof(at: count) == nil && tree.proof(at: -1) == nil)
        #expect(ApprovalTree([], TestDigester()) == nil)
    }
}

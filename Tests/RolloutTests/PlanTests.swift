import Model
import Rollout
import Testing

struct PlanTests {
    static func client(
        _ name: String, spoke: String = "north", labels: [String: String] = [:], facts: ClientFacts? = nil
    ) throws -> ClientRecord {
        ClientRecord(
            id: NodeID(high: 1, low: UInt64(name.utf8.reduce(0) { $0 * 31 + Int($1) })), name: try NodeName(name),
            spoke: NodeID(high: 2, low: 2), spokeName: try NodeName(spoke), labels: labels, facts: facts)
    }

    private func plan(
        _ clients: [ClientRecord], _ selection: Selection, _ waves: [WaveShape] = [WaveShape()]
    ) throws -> RolloutPlan {
        try RolloutPlan(
            product: try ProductName("ruff"), release: try ReleaseName("0.12.1"),
            packages: [try EligibilityTests.package()],
            clients: clients, selection: selection, waves: waves, OrderContext(now: EligibilityTests.now))
    }

    private func names(_ candidates: [Candidate]) -> String {
        candidates.map(\.client.name.text).joined(separator: " ")
    }

    @Test func selectsByNameLabelAndSpoke() throws {
        let clients = [
            try Self.client("b", labels: ["ring": "1"]),
            try Self.client("a", spoke: "south", labels: ["ring": "1", "os": "deb"]),
            try Self.client("c", spoke: "south"),
        ]
        func selected(_ selection: Selection) throws -> String { names(try plan(clients, selection).candidates) }
        #expect(try selected(Selection(all: true)) == "a b c")
        #expect(try selected(Selection(names: [try NodeName("c"), try NodeName("a")])) == "a c")
        #expect(try selected(Selection(labels: ["ring": "1"])) == "a b")
        #expect(try selected(Selection(labels: ["ring": "1", "os": "deb"])) == "a")
        #expect(try selected(Selection(spokes: [try NodeName("south")])) == "a c")
        #expect(try selected(Selection(names: [try NodeName("c")], spokes: [try NodeName("south")])) == "c")
        #expect(throws: RolloutError.noClient) { try selected(Selection(labels: ["ring": "2"])) }
    }

    @Test func aForgottenSelectionIsNotEveryone() throws {
        let clients = [try Self.client("a")]
        #expect(throws: RolloutError.emptySelection) { try plan(clients, Selection()) }
        #expect(throws: RolloutError.emptySelection) {
            try plan(clients, Selection(all: true, names: [try NodeName("a")]))
        }
    }

    @Test func aReleaseWithoutPackagesIsRefused() throws {
        #expect(throws: RolloutError.noPackage(product: "uv", release: "1")) {
            try RolloutPlan(
                product: try ProductName("uv"), release: try ReleaseName("1"),
                packages: [try EligibilityTests.package()],
                clients: [try Self.client("a")], selection: Selection(all: true), OrderContext(now: .zero))
        }
    }

    @Test func wavesTakeTheirShareInOrderOfNames() throws {
        let clients = try (0..<10).map { try Self.client("c\($0)") }
        let plan = try plan(
            clients, Selection(all: true),
            [WaveShape(size: .count(1), soakSeconds: 60), WaveShape(size: .percent(25)), WaveShape(size: .rest)])
        #expect(plan.waves.map { names($0.candidates) } == ["c0", "c1 c2 c3", "c4 c5 c6 c7 c8 c9"])
        #expect(plan.waves[0].soak == .seconds(60))
        let all = Selection(all: true)
        #expect(throws: RolloutError.self) { try self.plan(clients, all, [WaveShape(size: .count(9))]) }
        #expect(throws: RolloutError.self) {
            try self.plan(clients, all, [WaveShape(size: .count(0)), WaveShape(size: .rest)])
        }
        #expect(throws: RolloutError.self) { try self.plan(clients, all, [WaveShape(size: .percent(101))]) }
        #expect(try self.plan(clients, all, [WaveShape(size: .count(Int.max))]).candidates.count == 10)
    }

    @Test func picksThePackageThatFitsBest() throws {
        let packages = try ["linux-x86_64-glibc", "linux-i686-glibc", "linux-aarch64-glibc", "any-any-any"].map {
            name in
            try EligibilityTests.package { $0.platform = try Platform(name) }
        }
        func best(_ platform: String, _ bits: Int, _ packages: [Package]) throws -> String? {
            let facts = try EligibilityTests.facts {
                $0.platform = try Platform(platform)
                $0.userlandBits = bits
            }
            return Candidate.best(facts, packages, OrderContext(now: .zero))?.package.path.platform.text
        }
        #expect(try best("linux-x86_64-glibc", 64, packages) == "linux-x86_64-glibc")
        #expect(try best("linux-i686-glibc", 32, packages) == "linux-i686-glibc")
        #expect(try best("linux-riscv64-glibc", 64, packages) == "any-any-any")
        #expect(try best("linux-i686-glibc", 32, [packages[2], packages[0]]) == "linux-x86_64-glibc")
        #expect(try best("linux-i686-glibc", 32, []) == nil)
        #expect(Candidate.best(nil, packages, OrderContext(now: .zero)) != nil)
    }
}

struct RetryPolicyTests {
    /// Words that count up, scrambled a little: the same seed gives the same words.
    struct Seeded: RandomNumberGenerator {
        var word: UInt64
        mutating func next() -> UInt64 {
            word = word &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return word
        }
    }

    @Test func delaysDoubleWithinBoundsAndEnd() {
        let policy = RetryPolicy(first: .seconds(2), longest: .seconds(60), attempts: 8)
        var generator = SystemRandomNumberGenerator()
        for failures in 1...8 {
            let full = min(2.0 * Double(1 << (failures - 1)), 60)
            for _ in 0..<50 {
                let delay = policy.delay(afterFailure: failures, using: &generator).map {
                    Double($0.wholeMilliseconds) / 1000
                }
                #expect(delay.map { $0 >= full / 2 && $0 <= full } == true)
            }
        }
        #expect(policy.delay(afterFailure: 9, using: &generator) == nil)
        #expect(
            RetryPolicy.reconnect.delay(afterFailure: Int.max, using: &generator).map { $0 <= .seconds(300) } == true)
        #expect(policy.delay(afterFailure: -5, using: &generator) != nil)
    }

    @Test func theSameRandomnessGivesTheSameDelay() {
        var first = Seeded(word: 7)
        var second = Seeded(word: 7)
        for failures in 1...8 {
            #expect(
                RetryPolicy.transfer.delay(afterFailure: failures, using: &first)
                    == RetryPolicy.transfer.delay(afterFailure: failures, using: &second))
        }
    }
}

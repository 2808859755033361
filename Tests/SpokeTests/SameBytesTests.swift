import Model
import Protocol
import Spoke
import Storage
import Testing

/// The same bytes as several packages: a release candidate made final, one file for two platforms or products.
@Suite struct SameBytesTests {
    private let first: Replicate
    private let second: Replicate

    init() throws {
        func wanted(_ product: String) throws -> Replicate {
            Replicate(
                path: try TargetPath("\(product)/1.0/linux-x86_64-glibc/app.tar"), sha256: try SpokeBench.digest(1),
                length: 100, priority: .normal)
        }
        (first, second) = (try wanted("a"), try wanted("z"))
    }

    private func told(_ bench: SpokeBench) -> [String: ReplicaState] {
        var states: [String: ReplicaState] = [:]
        for case .replica(let replica) in bench.requests(on: SpokeBench.hub).map(\.message) {
            states[replica.path.product.text] = replica.state
        }
        return states
    }

    /// A bench whose hub wants both.
    private func wanting() throws -> SpokeBench {
        var bench = try SpokeBench()
        try bench.openHub()
        #expect(try bench.ask(SpokeBench.hub, .replicate(first)) == .ok(OK()))
        #expect(try bench.ask(SpokeBench.hub, .replicate(second)) == .ok(OK()))
        return bench
    }

    private func holding() throws -> SpokeBench {
        var bench = try wanting()
        try bench.tell(SpokeBench.listed(first))
        try bench.tell(.transferEnded(first.sha256, .verified))
        return bench
    }

    private func transfers(_ bench: SpokeBench) -> [TargetPath] {
        bench.effects.compactMap { if case .transfer(let replica, _) = $0 { replica.path } else { nil } }
    }

    @Test func bothAreVerifiedByOneTransfer() throws {
        var bench = try wanting()
        try bench.tell(SpokeBench.listed(first))
        #expect(transfers(bench) == [first.path])
        try bench.tell(SpokeBench.listed(second))
        #expect(transfers(bench).isEmpty, "the second is not fetched beside the first")
        try bench.tell(.transferEnded(first.sha256, .verified))
        #expect(told(bench) == ["a": .verified, "z": .verified])
        let events = bench.store.events(limit: 9).filter { $0.event.code == .replicaVerified }.map(\.event.subject)
        #expect(Set(events) == ["package/\(first.path)", "package/\(second.path)"])
    }

    @Test func anUnrelatedPackageIsNotHeldUpByAPair() throws {
        var bench = try wanting()
        for byte in 10..<UInt8(10 + SpokeLimits.transfers - 1) {
            try bench.ask(SpokeBench.hub, .replicate(try SpokeBench.replicate(byte)))
        }
        let attempts = bench.effects.filter { if case .findTarget = $0 { true } else { false } }
        #expect(attempts.count == 1, "the pair takes one place")
    }

    @Test func oneThatIsWantedWhenTheBytesAreHereIsVerifiedAtOnce() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        try bench.ask(SpokeBench.hub, .replicate(first))
        try bench.tell(SpokeBench.listed(first))
        try bench.tell(.transferEnded(first.sha256, .verified))
        try bench.ask(SpokeBench.hub, .replicate(second))
        #expect(told(bench) == ["z": .verified])
    }

    @Test func theHubHearsOfEachOnEveryConnectionAndOfTheirNumber() throws {
        var bench = try holding()
        try bench.restart(held: [first.sha256])
        try bench.openHub(link: LinkID(8))
        let messages = bench.requests(on: LinkID(8)).map(\.message)
        let paths = messages.compactMap { if case .replica(let replica) = $0 { replica.path } else { nil } }
        let counts = messages.compactMap { if case .order(let order) = $0 { order.replicas } else { nil } }
        #expect(paths == [first.path, second.path])
        #expect(counts == [2])
    }

    @Test func eachIsServedToAgents() throws {
        var bench = try holding()
        try bench.ask(SpokeBench.hub, .order(SpokeBench.order()))
        try bench.openAgent()
        for wanted in [first, second] {
            let plan = FetchPlan(path: wanted.path, sha256: wanted.sha256, length: 100, bases: [], accepts: [])
            guard case .plan(let answer) = try bench.ask(SpokeBench.agentLink, .fetchPlan(plan)) else {
                Issue.record("\(wanted.path) is not served")
                continue
            }
            #expect(answer.sha256 == wanted.sha256)
            let fetch = FetchPackage(path: wanted.path, sha256: wanted.sha256, length: 100, offset: 0)
            try bench.ask(SpokeBench.agentLink, .fetchPackage(fetch), number: 91)
            #expect(
                bench.effects.contains(
                    .servePackage(SpokeBench.agentLink, RequestID(91), wanted.sha256, length: 100, offset: 0)))
        }
    }

    @Test func whatTheCatalogNamesOnceIsFetchedByThatName() throws {
        var bench = try wanting()
        // The catalog has ceased to name the one that was wanted first.
        try bench.tell(.targetFound(first.path, .absent))
        #expect(bench.effects.contains(.findTarget(second.path)))
        try bench.tell(SpokeBench.listed(second))
        #expect(transfers(bench) == [second.path])
        try bench.tell(.transferEnded(first.sha256, .verified))
        #expect(told(bench) == ["a": .verified, "z": .verified])
    }

    @Test func whatTheHubDoesNotGiveForOneIsAskedForAsTheOther() throws {
        var bench = try wanting()
        try bench.tell(SpokeBench.listed(first))
        try bench.tell(.transferEnded(first.sha256, .interrupted("the hub does not have it")))
        bench.now = bench.now + .seconds(700)
        try bench.tell(.woke)
        #expect(bench.effects.contains(.findTarget(second.path)))
        try bench.tell(SpokeBench.listed(second))
        #expect(transfers(bench) == [second.path])
    }

    @Test func oneGoesAndTheBytesStayForTheOther() throws {
        var bench = try holding()
        func evict(_ wanted: Replicate) -> Message {
            .evict(Evict(path: wanted.path, sha256: wanted.sha256, text: "newer releases"))
        }
        #expect(try bench.ask(SpokeBench.hub, evict(first)) == .ok(OK()))
        #expect(told(bench) == ["a": .evicted])
        #expect(!bench.effects.contains { if case .prune = $0 { true } else { false } })
        #expect(bench.store.replica(first.sha256)?.state == .verified)
        // Said again it is gone already, and the other is served as before.
        #expect(try bench.ask(SpokeBench.hub, evict(first)) == .ok(OK()))
        #expect(bench.store.replica(first.sha256)?.paths == [second.path])
        #expect(try bench.ask(SpokeBench.hub, evict(second)) == nil)
        #expect(bench.effects.contains(.prune(first.sha256, content: nil)))
        try bench.tell(.evictionEnded(first.sha256, refusal: nil))
        // Wanted again, it is that one only.
        try bench.ask(SpokeBench.hub, .replicate(first))
        #expect(bench.store.replica(first.sha256)?.paths == [first.path])
    }

    // MARK: The same content in other bytes

    private func packed(_ byte: UInt8, content: UInt8) throws -> (Replicate, PackageContent) {
        (
            try SpokeBench.replicate(byte),
            PackageContent(coding: .gzip, length: ByteCount(300), sha256: try SpokeBench.digest(content))
        )
    }

    @Test func aContentThatAnotherPackageNeedsIsNotRemovedWithThisOne() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        let (one, content) = try packed(1, content: 9)
        let (two, _) = try packed(2, content: 9)
        for wanted in [one, two] {
            bench.store.save(
                WantedReplica(
                    path: wanted.path, sha256: wanted.sha256, length: wanted.length, content: content, priority: 2,
                    state: .verified))
        }
        // Both are here as their content only.
        try bench.restart(held: [content.sha256])
        try bench.openHub()
        try bench.ask(
            SpokeBench.hub, .evict(Evict(path: one.path, sha256: one.sha256, content: content.sha256, text: "")))
        #expect(bench.effects.contains(.prune(one.sha256, content: nil)))
    }

    @Test func aFileThatIsInsideAnotherPackageIsNotRemovedWithThisOne() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        let plain = try SpokeBench.replicate(9)
        let (two, content) = try packed(2, content: 9)
        bench.store.save(
            WantedReplica(
                path: plain.path, sha256: plain.sha256, length: plain.length, priority: 2, state: .verified))
        bench.store.save(
            WantedReplica(
                path: two.path, sha256: two.sha256, length: two.length, content: content, priority: 2,
                state: .verified))
        try bench.restart(held: [plain.sha256])
        try bench.openHub()
        #expect(
            try bench.ask(SpokeBench.hub, .evict(Evict(path: plain.path, sha256: plain.sha256, text: "")))
                == .ok(OK()))
        #expect(!bench.effects.contains { if case .prune = $0 { true } else { false } })
        #expect(bench.store.replica(plain.sha256)?.state == .evicted)
    }

    @Test func roomIsNotMadeOfAPublishedFile() throws {
        let plain = try SpokeBench.replicate(9)
        let (two, content) = try packed(2, content: 9)
        let replicas = [
            WantedReplica(path: plain.path, sha256: plain.sha256, length: 300, priority: 2, state: .verified),
            WantedReplica(
                path: two.path, sha256: two.sha256, length: 100, content: content, priority: 2, state: .verified),
        ]
        #expect(ContentKeeping.spare(replicas, held: [plain.sha256, two.sha256], inUse: []).isEmpty)
    }

    @Test func twoPackagesOfOneContentAreFetchedOneAfterTheOther() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        let (one, content) = try packed(1, content: 9)
        let (two, _) = try packed(2, content: 9)
        for wanted in [one, two] { try bench.ask(SpokeBench.hub, .replicate(wanted)) }
        try bench.tell(SpokeBench.listed(one, content: content))
        try bench.tell(SpokeBench.listed(two, content: content))
        #expect(
            bench.requests(on: SpokeBench.hub).allSatisfy { if case .fetchPlan = $0.message { false } else { true } })
        #expect(bench.store.replica(two.sha256)?.state == .pending)
        try bench.tell(.transferEnded(one.sha256, .verified))
        #expect(bench.effects.contains(.findTarget(two.path)), "its turn has come")
    }

    @Test func aPathThatHasMovedToOtherBytesIsLookedUpForThoseOnly() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        try bench.ask(SpokeBench.hub, .replicate(first))
        var moved = first
        moved.sha256 = try SpokeBench.digest(2)
        try bench.ask(SpokeBench.hub, .replicate(moved))
        // The catalog's answer comes twice, once for each attempt.
        var begun: [SHA256Digest] = []
        for _ in 0..<2 {
            try bench.tell(SpokeBench.listed(moved))
            begun += bench.effects.compactMap { if case .transfer(let replica, _) = $0 { replica.sha256 } else { nil } }
        }
        #expect(begun == [moved.sha256], "one transfer, not one for each answer")
    }
}

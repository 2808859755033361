import Model
import Protocol
import Spoke
import Storage
import Testing

@Suite struct SpokeReplicationTests {
    /// A bench whose hub has asked for one package and whose core now looks it up.
    private func wanting(_ byte: UInt8 = 1) throws -> (SpokeBench, Replicate) {
        var bench = try SpokeBench()
        try bench.openHub()
        let wanted = try SpokeBench.replicate(byte)
        #expect(try bench.ask(SpokeBench.hub, .replicate(wanted)) == .ok(OK()))
        #expect(bench.effects.contains(.findTarget(wanted.path)))
        return (bench, wanted)
    }

    private func listed(_ wanted: Replicate) -> SpokeEvent {
        SpokeBench.listed(wanted)
    }

    private func transfers(_ bench: SpokeBench) -> [SHA256Digest] {
        bench.effects.compactMap { if case .transfer(let replica, _) = $0 { replica.sha256 } else { nil } }
    }

    @Test func aPackageIsFetchedOnlyAfterTheCatalogHasNamedIt() throws {
        var (bench, wanted) = try wanting()
        #expect(transfers(bench).isEmpty)
        try bench.tell(listed(wanted))
        #expect(transfers(bench) == [wanted.sha256])
        try bench.tell(.transferEnded(wanted.sha256, .verified))
        #expect(bench.store.replica(wanted.sha256)?.state == .verified)
        let told = bench.requests(on: SpokeBench.hub).compactMap {
            if case .replica(let replica) = $0.message { replica.state } else { nil }
        }
        #expect(told == [.verified])
    }

    @Test(arguments: [
        TargetFinding.absent, .refused("rollback of snapshot"),
        .unreachable("timed out"),
    ])
    func whatTheCatalogDoesNotNameIsNeverFetched(_ finding: TargetFinding) throws {
        var (bench, wanted) = try wanting()
        try bench.tell(.targetFound(wanted.path, finding))
        #expect(transfers(bench).isEmpty)
        let replica = try #require(bench.store.replica(wanted.sha256))
        #expect(replica.state == .pending)
        #expect(!replica.text.isEmpty)
        #expect(replica.notBefore > bench.now)
    }

    @Test func aPackageOfAnotherLengthOrHashIsNeverFetched() throws {
        var (bench, wanted) = try wanting()
        var other = wanted
        other.length += 1
        try bench.tell(listed(other))
        #expect(transfers(bench).isEmpty)
        (bench, wanted) = try wanting()
        other = wanted
        other.sha256 = try SpokeBench.digest(9)
        try bench.tell(listed(other))
        #expect(transfers(bench).isEmpty)
    }

    @Test func aPackageWithoutRoomIsRefusedWithAnEventAndTriedAgainWhenTheQuotaGrows() throws {
        var (bench, wanted) = try wanting()
        try bench.tell(listed(wanted))
        try bench.tell(.transferEnded(wanted.sha256, .noRoom("100 bytes do not fit into the quota of 50")))
        #expect(bench.store.events(limit: 9).map(\.event.code) == [.quotaExceeded])
        #expect(!bench.effects.contains(.findTarget(wanted.path)))
        let quota = SetQuota(pool: try NodeName("main"), quota: 5000)
        #expect(try bench.ask(SpokeBench.hub, .setQuota(quota)) == .ok(OK()))
        #expect(bench.effects.contains(.setQuota(try NodeName("main"), ByteCount(5000))))
        #expect(bench.effects.contains(.findTarget(wanted.path)))
        #expect(bench.store.setting(.quota) == Array("5000".utf8))
    }

    @Test func aPackageWithoutRoomIsTriedAgainByItselfAndTheEventIsNotRepeated() throws {
        var (bench, wanted) = try wanting()
        for _ in 1...3 {
            try bench.tell(listed(wanted))
            try bench.tell(.transferEnded(wanted.sha256, .noRoom("no room")))
            let time = try #require(bench.wakeTime())
            #expect(time == bench.now + SpokeLimits.roomRetry)
            bench.now = time
            try bench.tell(.woke)
            #expect(bench.effects.contains(.findTarget(wanted.path)))
        }
        #expect(bench.store.events(limit: 9).map(\.event.code) == [.quotaExceeded])
    }

    @Test func retriesAreSpacedOutAndBounded() throws {
        var (bench, wanted) = try wanting()
        var waits: [Duration] = []
        for _ in 1...9 {
            try bench.tell(listed(wanted))
            try bench.tell(.transferEnded(wanted.sha256, .interrupted("link broke")))
            let replica = try #require(bench.store.replica(wanted.sha256))
            waits.append(replica.notBefore - bench.now)
            bench.now = replica.notBefore
            try bench.tell(.woke)
        }
        #expect(waits == [5, 10, 20, 40, 80, 160, 320, 600, 600].map { .seconds($0) })
    }

    @Test func bytesWithAnotherHashAreNamedInTheLog() throws {
        var (bench, wanted) = try wanting()
        try bench.tell(listed(wanted))
        try bench.tell(.transferEnded(wanted.sha256, .hashMismatch))
        #expect(bench.store.events(limit: 9).map(\.event.code) == [.replicaFailed])
        #expect(bench.store.replica(wanted.sha256)?.state == .pending)
    }

    @Test func noMoreTransfersRunThanAllowedAndUrgentOnesGoFirst() throws {
        var bench = try SpokeBench()
        for byte in 1...4 as ClosedRange<UInt8> {
            var wanted = try SpokeBench.replicate(byte)
            if byte == 4 { wanted.priority = .urgent }
            let replica = WantedReplica(
                path: wanted.path, sha256: wanted.sha256, length: wanted.length, priority: wanted.priority.rawValue)
            bench.store.save(replica)
        }
        try bench.openHub()
        let started = bench.effects.compactMap { if case .findTarget(let path) = $0 { path } else { nil } }
        #expect(started == [try SpokeBench.replicate(4).path, try SpokeBench.replicate(1).path])
        let first = try SpokeBench.replicate(4)
        try bench.tell(listed(first))
        try bench.tell(.transferEnded(first.sha256, .verified))
        #expect(bench.effects.contains(.findTarget(try SpokeBench.replicate(2).path)))
    }

    @Test func aTransferUnderWayAtAPowerCutStartsAgain() throws {
        var (bench, wanted) = try wanting()
        try bench.tell(listed(wanted))
        try bench.restart()
        try bench.openHub()
        #expect(bench.effects.contains(.findTarget(wanted.path)))
    }

    @Test func aReplicaThatTheDiskLostIsFetchedAgainAndNamed() throws {
        var (bench, wanted) = try wanting()
        try bench.tell(listed(wanted))
        try bench.tell(.transferEnded(wanted.sha256, .verified))
        try bench.restart(held: [])
        #expect(bench.store.replica(wanted.sha256)?.state == .pending)
        #expect(bench.store.events(limit: 9).map(\.event.code).contains(.replicaCorrupt))
    }

    @Test func aReplicaPublishedJustBeforeACutIsNotFetchedAgain() throws {
        var (bench, wanted) = try wanting()
        try bench.tell(listed(wanted))
        try bench.restart(held: [wanted.sha256])
        try bench.openHub()
        #expect(bench.store.replica(wanted.sha256)?.state == .verified)
        #expect(!bench.effects.contains(.findTarget(wanted.path)))
    }

    @Test func partialPackagesAreNeverServed() throws {
        var (bench, wanted) = try wanting()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        let fetch = FetchPackage(path: wanted.path, sha256: wanted.sha256, length: wanted.length, offset: 0)
        guard case .error(let error) = try bench.ask(SpokeBench.agentLink, .fetchPackage(fetch)) else {
            Issue.record("a package that is not here was served")
            return
        }
        #expect(error.code == .busy)
        try bench.tell(listed(wanted))
        try bench.tell(.transferEnded(wanted.sha256, .verified))
        try bench.ask(SpokeBench.agentLink, .fetchPackage(fetch), number: 91)
        #expect(
            bench.effects.contains(
                .servePackage(SpokeBench.agentLink, RequestID(91), wanted.sha256, length: wanted.length, offset: 0)))
    }

    @Test func everythingIsToldAnewWhenTheHubComesBack() throws {
        var (bench, wanted) = try wanting()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        try bench.tell(.link(.closed(SpokeBench.hub, LinkClosure(code: .timedOut, text: ""))))
        try bench.openHub()
        let names = bench.requests(on: SpokeBench.hub).map(\.message.name)
        #expect(names == ["poolStatus", "order", "replica", "presence"])
        #expect(bench.store.replica(wanted.sha256) != nil)
    }

    @Test func whatTheDiskDamagesIsReportedWithheldAndRepairedInPartsOnly() throws {
        var (bench, wanted) = try wanting()
        try bench.tell(listed(wanted))
        try bench.tell(.transferEnded(wanted.sha256, .verified))
        try bench.tell(.pool(.damaged([wanted.sha256, try SpokeBench.digest(77)])))
        #expect(bench.store.replica(wanted.sha256)?.state == .corrupt)
        #expect(bench.store.events(limit: 9).last?.event.code == .replicaCorrupt)
        #expect(bench.effects.contains(.findTarget(wanted.path)))
        let told = bench.requests(on: SpokeBench.hub).compactMap {
            if case .replica(let replica) = $0.message { replica.state } else { nil }
        }
        #expect(told == [.corrupt])
        try bench.openAgent()
        let asked = FetchPackage(path: wanted.path, sha256: wanted.sha256, length: wanted.length, offset: 0)
        guard case .error(let reply) = try bench.ask(SpokeBench.agentLink, .fetchPackage(asked)) else {
            Issue.record("a damaged package was served")
            return
        }
        #expect(reply.code == .busy)

        try bench.tell(listed(wanted))
        #expect(transfers(bench).isEmpty)
        #expect(
            bench.effects.contains {
                if case .repair(let replica) = $0 { replica.sha256 == wanted.sha256 } else { false }
            })
        // A hub that goes away leaves it damaged, and the next attempt is a repair again.
        try bench.tell(.transferEnded(wanted.sha256, .interrupted("the hub is away")))
        #expect(bench.store.replica(wanted.sha256)?.state == .corrupt)
        bench.now = bench.now + .seconds(700)
        try bench.tell(.woke)
        #expect(bench.effects.contains(.findTarget(wanted.path)))
        try bench.tell(listed(wanted))
        try bench.tell(.transferEnded(wanted.sha256, .repaired(fetched: ByteCount(10))))
        #expect(bench.store.replica(wanted.sha256)?.state == .verified)
        #expect(bench.store.events(limit: 9).last?.event.code == .replicaRepaired)
    }

    @Test func aRepairThatCannotSucceedBecomesAWholeTransfer() throws {
        var (bench, wanted) = try wanting()
        try bench.tell(listed(wanted))
        try bench.tell(.transferEnded(wanted.sha256, .verified))
        try bench.tell(.pool(.damaged([wanted.sha256])))
        try bench.tell(listed(wanted))
        try bench.tell(.transferEnded(wanted.sha256, .hashMismatch))
        bench.now = bench.now + .seconds(700)
        try bench.tell(.woke)
        try bench.tell(listed(wanted))
        #expect(transfers(bench) == [wanted.sha256])
    }

    private func evict(_ wanted: Replicate) -> Message {
        .evict(Evict(path: wanted.path, sha256: wanted.sha256, text: "there are 4 newer releases"))
    }

    @Test func whatThePlanTakesIsServedToNobodyAndAnsweredWhenItIsGone() throws {
        var (bench, wanted) = try wanting()
        #expect(
            try bench.ask(SpokeBench.hub, evict(wanted))
                == .error(ErrorReply(code: .busy, text: "the package is in transfer", retryAfterSeconds: 15)))
        try bench.tell(listed(wanted))
        try bench.tell(.transferEnded(wanted.sha256, .verified))
        #expect(try bench.ask(SpokeBench.hub, evict(wanted)) == nil)
        #expect(bench.effects.contains(.prune(wanted.sha256, content: nil)))
        #expect(bench.store.replica(wanted.sha256)?.state == .evicted)
        // One that is being read stays, and says so.
        try bench.tell(.evictionEnded(wanted.sha256, refusal: "it is being read"))
        #expect(bench.store.replica(wanted.sha256)?.state == .verified)
        #expect(try bench.ask(SpokeBench.hub, evict(wanted)) == nil)
        try bench.tell(.evictionEnded(wanted.sha256, refusal: nil))
        #expect(bench.effects.contains(.link(.reply(SpokeBench.hub, RequestID(90), .ok(OK())))))
        #expect(bench.store.events(limit: 9).last?.event.code == .replicaEvicted)
        let told = bench.requests(on: SpokeBench.hub).compactMap {
            if case .replica(let replica) = $0.message { replica.state } else { nil }
        }
        #expect(told == [.evicted])
        // Told again, it is gone; wanted again, it is fetched.
        #expect(try bench.ask(SpokeBench.hub, evict(wanted)) == .ok(OK()))
        #expect(try bench.ask(SpokeBench.hub, .replicate(wanted)) == .ok(OK()))
        #expect(bench.effects.contains(.findTarget(wanted.path)))
    }

    @Test func aPackageThatIsNotHereYetIsNoLongerFetchedWhenThePlanTakesIt() throws {
        var (bench, wanted) = try wanting()
        try bench.tell(listed(wanted))
        try bench.tell(.transferEnded(wanted.sha256, .noRoom("full", lacking: ByteCount(7))))
        let told = bench.requests(on: SpokeBench.hub).compactMap {
            if case .replica(let replica) = $0.message { replica.lacking } else { nil }
        }
        #expect(told == [7])
        #expect(try bench.ask(SpokeBench.hub, evict(wanted)) == .ok(OK()))
        bench.now = bench.now + .seconds(7000)
        try bench.tell(.woke)
        #expect(!bench.effects.contains(.findTarget(wanted.path)))
        #expect(bench.store.replica(wanted.sha256)?.state == .evicted)
    }

    @Test func theAccessOfThePoolIsDurable() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        let setting = SetAccess(pool: try NodeName("main"), access: .readOnly)
        #expect(try bench.ask(SpokeBench.hub, .setAccess(setting)) == .ok(OK()))
        #expect(bench.effects.contains(.setAccess(try NodeName("main"), .readOnly)))
        #expect(bench.store.setting(.access) == Array("readOnly".utf8))
        // What another release left of a check and this one cannot read stops nothing.
        bench.store.set(.lastCheck, to: [0])
        let check = CheckPool(pool: try NodeName("main"), check: 3, readsData: true)
        #expect(try bench.ask(SpokeBench.hub, .checkPool(check)) == .ok(OK()))
        #expect(bench.effects.contains(.checkPool(check)))
    }
}

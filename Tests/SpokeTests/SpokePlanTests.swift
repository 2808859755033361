import Model
import Protocol
import Spoke
import Storage
import Testing

/// What a spoke asks of its hub about the way of a package, what it believes of the answer, and what it does when a plan fails.
@Suite struct SpokePlanTests {
    /// Release N of a packed file: 100 bytes with a content of 900.
    private static func content(_ byte: UInt8) throws -> PackageContent {
        PackageContent(coding: .zstd, length: ByteCount(900), sha256: try SpokeBench.digest(100 + byte))
    }

    private static let roomy = PoolAccount(
        quota: ByteCount(1 << 40), used: .zero, reserved: .zero, freeOnDisk: ByteCount(1 << 40))

    /// A bench that holds release 1 packed and unpacked, and whose hub has asked for release 2, which the catalog names.
    private func updating(
        accepts: [TransferMeans] = [.content] + TransferMeans.fromBase
    ) throws -> (SpokeBench, Replicate) {
        var bench = try SpokeBench()
        bench.accepts = accepts
        let first = try SpokeBench.replicate(1)
        bench.store.save(
            WantedReplica(
                path: first.path, sha256: first.sha256, length: first.length, content: try Self.content(1),
                priority: 4, state: .verified))
        try bench.restart(held: [first.sha256, try Self.content(1).sha256])
        try bench.openHub()
        let wanted = try SpokeBench.replicate(2)
        try bench.ask(SpokeBench.hub, .replicate(wanted))
        try bench.tell(SpokeBench.listed(wanted, content: try Self.content(2)))
        return (bench, wanted)
    }

    private func asked(_ bench: SpokeBench) -> (id: RequestID, plan: FetchPlan)? {
        for (id, message) in bench.requests(on: SpokeBench.hub) {
            if case .fetchPlan(let plan) = message { return (id, plan) }
        }
        return nil
    }

    private func plans(_ bench: SpokeBench) -> [TransferPlan] {
        bench.effects.compactMap { if case .transfer(_, let plan) = $0 { plan } else { nil } }
    }

    private func answer(_ bench: inout SpokeBench, _ message: Message) throws {
        let request = try #require(asked(bench)).id
        try bench.tell(.link(.reply(SpokeBench.hub, request, message)))
    }

    private func patch(length: UInt64 = 10, base: SHA256Digest? = nil) throws -> Plan {
        Plan(
            means: .patch, sha256: try SpokeBench.digest(200), length: length,
            base: try base ?? Self.content(1).sha256)
    }

    /// Release 2 has come by a patch.
    private func updated() throws -> (SpokeBench, Replicate) {
        var (bench, wanted) = try updating()
        try answer(&bench, .plan(try patch()))
        try bench.tell(.transferEnded(wanted.sha256, .verified))
        return (bench, wanted)
    }

    @Test func theHubIsAskedWithTheContentsThatAreHere() throws {
        let (bench, wanted) = try updating()
        let plan = try #require(asked(bench)).plan
        #expect(plan.path == wanted.path && plan.sha256 == wanted.sha256 && plan.length == wanted.length)
        #expect(plan.bases == [try Self.content(1).sha256])
        #expect(plan.accepts == [.content, .patch, .chunks, .plainChunks])
        #expect(plans(bench).isEmpty)
    }

    @Test func withoutABaseNoPatchIsAskedFor() throws {
        var bench = try SpokeBench()
        try bench.openHub()
        let wanted = try SpokeBench.replicate(2)
        try bench.ask(SpokeBench.hub, .replicate(wanted))
        try bench.tell(SpokeBench.listed(wanted, content: try Self.content(2)))
        #expect(try #require(asked(bench)).plan.accepts == [.content])
        // A file that is not packed can come in one way only.
        let plain = try SpokeBench.replicate(3)
        try bench.ask(SpokeBench.hub, .replicate(plain))
        try bench.tell(SpokeBench.listed(plain))
        #expect(plans(bench) == [.published])
    }

    @Test func aPatchMakesTheReplicaVerifiedAndIsNamedWithItsBytes() throws {
        var (bench, wanted) = try updating()
        try answer(&bench, .plan(try patch()))
        #expect(plans(bench) == [.patch(try SpokeBench.digest(200), length: 10, base: try Self.content(1))])
        try bench.tell(.transferEnded(wanted.sha256, .verified))
        let replica = try #require(bench.store.replica(wanted.sha256))
        #expect(replica.state == .verified && replica.means == .patch && replica.transferred == 10)
        #expect(bench.store.events(limit: 9).last?.event.text.contains("patch of 10 B instead of 100 B") == true)
        // After a restart the content alone is enough.
        try bench.restart(held: [try Self.content(2).sha256, try SpokeBench.digest(200)])
        #expect(bench.store.replica(wanted.sha256)?.state == .verified)
        #expect(bench.store.patches().map(\.sha256) == [try SpokeBench.digest(200)])
    }

    @Test(arguments: [RequestErrorCode.unsupported, .notFound, .internalFault])
    func aHubThatKnowsNoPlansIsAskedForThePublishedFile(_ code: RequestErrorCode) throws {
        var (bench, wanted) = try updating()
        try answer(&bench, .error(ErrorReply(code: code, text: "?")))
        #expect(plans(bench) == [.published])
        #expect(bench.store.replica(wanted.sha256)?.isPlain == false)
    }

    @Test func aPatchForAnotherBaseIsRefusedByName() throws {
        try refused(patch(base: try SpokeBench.digest(77)), "base")
    }

    @Test func aPlanOfMoreBytesThanThePublishedFileIsRefusedByName() throws {
        try refused(patch(length: 1 << 60), "shorter")
        try refused(Plan(means: .published, sha256: try SpokeBench.digest(2), length: 1 << 60), "published")
        try refused(Plan(means: .content, sha256: try Self.content(2).sha256, length: 1 << 60), "content")
    }

    @Test func aPlanForOtherBytesThanTheCatalogSignsIsRefusedByName() throws {
        try refused(Plan(means: .published, sha256: try SpokeBench.digest(9), length: 100), "published")
        try refused(Plan(means: .content, sha256: try SpokeBench.digest(9), length: 900), "content")
    }

    @Test func aMeansThatWasNotAskedForIsRefusedByName() throws {
        let plan = Plan(
            means: .chunks, sha256: try SpokeBench.digest(9), length: 9, base: try Self.content(1).sha256)
        try refused(plan, "chunks", accepts: [.content, .patch, .plainChunks])
        try refused(patch(), "patch", accepts: [.content, .plainChunks])
    }

    /// The plan is refused with this word, and the published file is fetched at once.
    private func refused(
        _ plan: Plan, _ word: String, accepts: [TransferMeans] = [.content] + TransferMeans.fromBase
    ) throws {
        var (bench, wanted) = try updating(accepts: accepts)
        try answer(&bench, .plan(plan))
        #expect(plans(bench) == [.published])
        let event = try #require(bench.store.events(limit: 9).last?.event)
        #expect(event.code == .replicaFailed && event.text.contains(word), "\(event.text)")
        #expect(bench.store.replica(wanted.sha256)?.isPlain == true)
    }

    @Test func aPatchThatFailsIsNotTakenAgainAndThePublishedFileComesNext() throws {
        var (bench, wanted) = try updating()
        try answer(&bench, .plan(try patch()))
        try bench.tell(.transferEnded(wanted.sha256, .planFailed("it gives another content than the catalog signs")))
        #expect(bench.effects.contains(.evict([try SpokeBench.digest(200)])))
        #expect(bench.effects.contains(.findTarget(wanted.path)))
        #expect(bench.store.patches().isEmpty)
        #expect(bench.store.events(limit: 9).last?.event.text.contains("another content") == true)
        try bench.tell(SpokeBench.listed(wanted, content: try Self.content(2)))
        #expect(asked(bench) == nil && plans(bench) == [.published])
        // Not after a restart either.
        try bench.restart(held: [try SpokeBench.digest(1), try Self.content(1).sha256])
        try bench.openHub()
        try bench.tell(SpokeBench.listed(wanted, content: try Self.content(2)))
        #expect(asked(bench) == nil && plans(bench) == [.published])
    }

    @Test func aBusyHubIsWaitedForAsItAsksWithoutCountingAsAFailureButNotForEver() throws {
        var (bench, wanted) = try updating()
        let begin = bench.now
        var waits = 0
        while asked(bench) != nil {
            try answer(&bench, .error(ErrorReply(code: .busy, text: "a patch is made", retryAfterSeconds: 120)))
            guard plans(bench).isEmpty else { break }
            let replica = try #require(bench.store.replica(wanted.sha256))
            #expect(replica.attempts == 0 && replica.notBefore == bench.now + .seconds(120))
            bench.now = replica.notBefore
            try bench.tell(.woke)
            try bench.tell(SpokeBench.listed(wanted, content: try Self.content(2)))
            waits += 1
            try #require(waits < 100)
        }
        #expect(plans(bench) == [.published])
        #expect(bench.now - begin >= SpokeLimits.planPatience)
    }

    @Test func aHubThatGoesAwayWhileItPlansIsAskedAgain() throws {
        var (bench, wanted) = try updating()
        try bench.tell(.link(.closed(SpokeBench.hub, LinkClosure(code: .timedOut, text: ""))))
        #expect(bench.store.replica(wanted.sha256)?.attempts == 0)
        try bench.openHub()
        #expect(bench.effects.contains(.findTarget(wanted.path)))
    }

    // MARK: Keeping

    @Test func thePublishedFileIsUnpackedWhenThereIsRoomAndNothingIsUnderWay() throws {
        var bench = try SpokeBench()
        try bench.tell(.pool(.changed(PoolFigures(Self.roomy))))
        try bench.openHub()
        let wanted = try SpokeBench.replicate(2)
        try bench.ask(SpokeBench.hub, .replicate(wanted))
        try bench.tell(SpokeBench.listed(wanted, content: try Self.content(2)))
        try answer(&bench, .error(ErrorReply(code: .unsupported, text: "?")))
        #expect(unpackings(bench).isEmpty)
        try bench.tell(.transferEnded(wanted.sha256, .verified))
        #expect(unpackings(bench) == [wanted.sha256])
        // It makes way for a package, and goes on afterwards.
        let next = try SpokeBench.replicate(3)
        try bench.ask(SpokeBench.hub, .replicate(next))
        #expect(bench.effects.contains(.stopUnpacking))
        try bench.tell(.unpacked(wanted.sha256, .cancelled))
        #expect(unpackings(bench).isEmpty)
        try bench.tell(.targetFound(next.path, .absent))
        #expect(unpackings(bench) == [wanted.sha256])
        try bench.tell(.unpacked(wanted.sha256, .done))
        #expect(unpackings(bench).isEmpty)
    }

    @Test func whatCannotBeUnpackedIsNamedOnceAndNotTriedAgain() throws {
        var bench = try SpokeBench()
        try bench.tell(.pool(.changed(PoolFigures(Self.roomy))))
        try bench.openHub()
        let wanted = try SpokeBench.replicate(2)
        try bench.ask(SpokeBench.hub, .replicate(wanted))
        try bench.tell(SpokeBench.listed(wanted, content: try Self.content(2)))
        try answer(&bench, .error(ErrorReply(code: .unsupported, text: "?")))
        try bench.tell(.transferEnded(wanted.sha256, .verified))
        try bench.tell(.unpacked(wanted.sha256, .failed("no libzstd")))
        try bench.tell(.pool(.changed(SpokeBench.figures)))
        try bench.tell(.pool(.changed(PoolFigures(Self.roomy))))
        #expect(unpackings(bench).isEmpty)
        #expect(bench.store.replica(wanted.sha256)?.state == .verified)
    }

    private func unpackings(_ bench: SpokeBench) -> [SHA256Digest] {
        bench.effects.compactMap { if case .unpack(let replica) = $0 { replica.sha256 } else { nil } }
    }

    @Test func anOlderReleaseGivesUpItsContentWhereItHasItsFileAndKeepsItWhereItHasNot() throws {
        func keeping(_ held: Set<SHA256Digest>) throws -> ContentKeeping {
            let replicas = try (1...3 as ClosedRange<UInt8>).map { byte in
                let wanted = try SpokeBench.replicate(byte)
                return WantedReplica(
                    path: wanted.path, sha256: wanted.sha256, length: 100, content: try Self.content(byte), priority: 4,
                    state: .verified)
            }
            return ContentKeeping(
                replicas: replicas, patches: [], held: held, inUse: [], skipped: [], pool: Self.roomy)
        }
        let (old, older, newest) = (try Self.content(2).sha256, try Self.content(1).sha256, try Self.content(3).sha256)
        let files = try Set((1...3 as ClosedRange<UInt8>).map { try SpokeBench.digest($0) })
        #expect(try keeping(files.union([old, older, newest])).drop == [older, old].sorted())
        let noFile = files.subtracting([try SpokeBench.digest(1)])
        #expect(try keeping(noFile.union([old, older, newest])).drop == [old])
        #expect(try keeping(files).unpack?.sha256 == SpokeBench.digest(3))
        #expect(try keeping(files.union([newest])).unpack == nil)
    }

    @Test func thePatchOfAnOlderReleaseGoes() throws {
        var (bench, _) = try updated()
        #expect(!bench.effects.contains(.evict([try SpokeBench.digest(200)])))
        let third = try SpokeBench.replicate(3)
        try bench.ask(SpokeBench.hub, .replicate(third))
        try bench.tell(SpokeBench.listed(third, content: try Self.content(3)))
        #expect(try #require(asked(bench)).plan.bases == [try Self.content(2).sha256, try Self.content(1).sha256])
        try answer(&bench, .error(ErrorReply(code: .unsupported, text: "?")))
        try bench.tell(.transferEnded(third.sha256, .verified))
        let evicted = bench.effects.compactMap { if case .evict(let objects) = $0 { objects } else { nil } }.joined()
        #expect(evicted.contains(try SpokeBench.digest(200)))
        #expect(!evicted.contains(try Self.content(2).sha256))
        try bench.tell(.evicted([try SpokeBench.digest(200)]))
        #expect(bench.store.patches().isEmpty)
    }

    @Test func aPackageWithoutRoomMakesContentsGoThatAreHereAsFilesToo() throws {
        var (bench, wanted) = try updating()
        try answer(&bench, .error(ErrorReply(code: .unsupported, text: "?")))
        try bench.tell(.transferEnded(wanted.sha256, .noRoom("the quota is full")))
        #expect(bench.effects.contains(.evict([try Self.content(1).sha256])))
        try bench.tell(.evicted([try Self.content(1).sha256]))
        #expect(bench.effects.contains(.findTarget(wanted.path)))
    }

    @Test func aPackageWhoseContentHasNoRoomComesAsItsFile() throws {
        var (bench, wanted) = try updating()
        try answer(&bench, .plan(try patch()))
        try bench.tell(.transferEnded(wanted.sha256, .noRoom("the quota is full")))
        try bench.tell(SpokeBench.listed(wanted, content: try Self.content(2)))
        #expect(plans(bench) == [.published])
    }

    @Test(arguments: [0, 9] as [UInt64]) func aPatchWaitsForRoomWhereItsFileHasNoneEither(free: UInt64) throws {
        var (bench, wanted) = try updating()
        try answer(&bench, .plan(try patch()))
        let lacking = ByteCount(900 - free)
        try bench.tell(.transferEnded(wanted.sha256, .noRoom("the quota is full", lacking: lacking)))
        // The file of 100 bytes would not fit, so the patch is not given up for it.
        #expect(bench.store.replica(wanted.sha256)?.isPlain == false)
        #expect(!bench.effects.contains(.evict([try SpokeBench.digest(200)])))
        #expect(plans(bench).isEmpty)
        let told = bench.requests(on: SpokeBench.hub).compactMap {
            if case .replica(let replica) = $0.message { replica.lacking } else { nil }
        }
        // What the file lacks at the least: the patch may have been part of what was counted as
        // free.
        #expect(told.last == 90 - free)
        bench.now = bench.now + SpokeLimits.roomRetry
        try bench.tell(.woke)
        #expect(bench.effects.contains(.findTarget(wanted.path)))
    }

    @Test func aPatchIsGivenUpWhereItsFileHasRoom() throws {
        var (bench, wanted) = try updating()
        try answer(&bench, .plan(try patch()))
        try bench.tell(.transferEnded(wanted.sha256, .noRoom("the quota is full", lacking: ByteCount(800))))
        #expect(bench.store.replica(wanted.sha256)?.isPlain == true)
        try bench.tell(SpokeBench.listed(wanted, content: try Self.content(2)))
        #expect(plans(bench) == [.published])
    }

    @Test func aFileThatIsNotPackedComesAsItIsWhereItsPatchHasNoRoomBesideIt() throws {
        var bench = try SpokeBench()
        let (first, wanted) = (try SpokeBench.replicate(1), try SpokeBench.replicate(2))
        func plain(_ of: Replicate) -> PackageContent {
            PackageContent(coding: .none, length: ByteCount(of.length), sha256: of.sha256)
        }
        bench.store.save(
            WantedReplica(
                path: first.path, sha256: first.sha256, length: first.length, content: plain(first), priority: 4,
                state: .verified))
        try bench.restart(held: [first.sha256])
        try bench.openHub()
        try bench.ask(SpokeBench.hub, .replicate(wanted))
        try bench.tell(SpokeBench.listed(wanted, content: plain(wanted)))
        try answer(&bench, .plan(try patch(base: first.sha256)))
        try bench.tell(.transferEnded(wanted.sha256, .noRoom("the quota is full")))
        #expect(bench.effects.contains(.evict([try SpokeBench.digest(200)])))
        try bench.tell(SpokeBench.listed(wanted, content: plain(wanted)))
        #expect(plans(bench) == [.published])
    }

    // MARK: Agents

    private func serve(_ bench: inout SpokeBench, _ message: Message, _ number: UInt64) throws -> Message? {
        try bench.ask(SpokeBench.agentLink, message, number: number)
    }

    @Test func anAgentGetsThePatchThatTheSpokeHoldsElseTheFileElseTheContent() throws {
        var (bench, wanted) = try updated()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        func ask(_ bases: [SHA256Digest], _ accepts: [TransferMeans]) -> Message {
            .fetchPlan(
                FetchPlan(
                    path: wanted.path, sha256: wanted.sha256, length: wanted.length, bases: bases, accepts: accepts))
        }
        let content = try Self.content(2)
        #expect(
            try serve(&bench, ask([try Self.content(1).sha256], [.content, .patch]), 50) == .plan(try patch()))
        #expect(
            try serve(&bench, ask([try SpokeBench.digest(9)], [.content, .patch]), 51)
                == .plan(Plan(means: .content, sha256: content.sha256, length: 900)))
        // The objects are served under the package's path.
        for (number, object, length) in [(52, try SpokeBench.digest(200), 10), (53, content.sha256, 900)]
            as [(UInt64, SHA256Digest, UInt64)]
        {
            let fetch = FetchPackage(path: wanted.path, sha256: object, length: length, offset: 3)
            _ = try serve(&bench, .fetchPackage(fetch), number)
            #expect(
                bench.effects.contains(
                    .servePackage(SpokeBench.agentLink, RequestID(number), object, length: length, offset: 3)))
        }
        // An agent that takes nothing else makes the spoke fetch the published file, while the replica stays verified.
        guard case .error(let error) = try serve(&bench, ask([], []), 54) else {
            Issue.record("a file that is not here was planned")
            return
        }
        #expect(error.code == .busy)
        #expect(bench.effects.contains(.findTarget(wanted.path)))
        #expect(bench.store.replica(wanted.sha256)?.state == .verified)
        try bench.tell(SpokeBench.listed(wanted, content: content))
        #expect(plans(bench) == [.published])
        try bench.tell(.transferEnded(wanted.sha256, .verified))
        #expect(
            try serve(&bench, ask([], []), 55)
                == .plan(Plan(means: .published, sha256: wanted.sha256, length: wanted.length)))
        #expect(bench.store.replica(wanted.sha256)?.means == .patch)
    }

    @Test(arguments: [TransferMeans.chunks, .plainChunks])
    func chunksMakeTheReplicaVerifiedAndAreServedToAgentsThatTakeThem(means: TransferMeans) throws {
        var (bench, wanted) = try updating()
        var plan = try patch()
        plan.means = means
        try answer(&bench, .plan(plan))
        #expect(
            plans(bench)
                == [.patch(try SpokeBench.digest(200), length: 10, base: try Self.content(1), means: means)])
        try bench.tell(.transferEnded(wanted.sha256, .verified))
        let replica = try #require(bench.store.replica(wanted.sha256))
        #expect(replica.state == .verified && replica.means == means && replica.transferred == 10)
        #expect(bench.store.events(limit: 9).last?.event.text.contains("chunks") == true)
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        func planned(_ accepts: [TransferMeans], _ number: UInt64) throws -> Message? {
            let ask = FetchPlan(
                path: wanted.path, sha256: wanted.sha256, length: wanted.length,
                bases: [try Self.content(1).sha256], accepts: accepts)
            return try serve(&bench, .fetchPlan(ask), number)
        }
        #expect(try planned([.content] + TransferMeans.fromBase, 70) == .plan(plan))
        // A machine without libzstd gets uncompressed ones alone.
        let content = try Self.content(2)
        #expect(
            try planned([.content, .plainChunks], 71)
                == .plan(
                    means == .plainChunks ? plan : Plan(means: .content, sha256: content.sha256, length: 900)))
        #expect(
            try planned([.content, .patch], 72) == .plan(Plan(means: .content, sha256: content.sha256, length: 900)))
    }

    @Test func chunksThatFailGiveWayToTheFile() throws {
        var (bench, wanted) = try updating()
        var plan = try patch()
        plan.means = .chunks
        try answer(&bench, .plan(plan))
        try bench.tell(.transferEnded(wanted.sha256, .planFailed("damaged")))
        #expect(bench.store.events(limit: 9).last?.event.text.contains("the chunks could not be used") == true)
        let gone = try SpokeBench.digest(200)
        #expect(bench.store.patches().isEmpty && bench.effects.contains(.evict([gone])))
        try bench.tell(SpokeBench.listed(wanted, content: try Self.content(2)))
        #expect(plans(bench) == [.published])
    }

    // MARK: Agents that cannot unpack

    /// A bench with an agent, which holds two releases, both packed, and nothing of what is inside.
    private func packedOnly() throws -> SpokeBench {
        var bench = try SpokeBench()
        for byte in 1...2 as ClosedRange<UInt8> {
            let wanted = try SpokeBench.replicate(byte)
            bench.store.save(
                WantedReplica(
                    path: wanted.path, sha256: wanted.sha256, length: wanted.length, content: try Self.content(byte),
                    priority: 4, state: .verified))
        }
        try bench.restart(held: [try SpokeBench.digest(1), try SpokeBench.digest(2)])
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        return bench
    }

    /// An agent that cannot unpack the published file of release 1 asks how it comes.
    private func askUnpacked(
        _ bench: inout SpokeBench, accepts: [TransferMeans] = [.content, .plainChunks]
    ) throws -> Message? {
        let old = try SpokeBench.replicate(1)
        return try serve(
            &bench,
            .fetchPlan(
                FetchPlan(
                    path: old.path, sha256: old.sha256, length: old.length, bases: [], accepts: accepts,
                    isUnpackedOnly: true)), 80)
    }

    private func refusal(_ message: Message?) -> ErrorReply? {
        if case .error(let error)? = message { error } else { nil }
    }

    private var oldContent: Message {
        get throws { .plan(Plan(means: .content, sha256: try Self.content(1).sha256, length: 900)) }
    }

    @Test func anAgentThatCannotUnpackTheFileWaitsUntilItIsUnpackedHere() throws {
        var bench = try packedOnly()
        // Little room for a base of later patches, and enough for what somebody waits for.
        #expect(unpackings(bench).isEmpty)
        let busy = try #require(refusal(try askUnpacked(&bench)))
        #expect(busy.code == .busy && busy.retryAfterSeconds == 5)
        #expect(unpackings(bench) == [try SpokeBench.digest(1)])
        // Asked again meanwhile, and while a package is under way, it goes on.
        #expect(refusal(try askUnpacked(&bench))?.code == .busy)
        #expect(unpackings(bench).isEmpty)
        try bench.openHub()
        try bench.ask(SpokeBench.hub, .replicate(try SpokeBench.replicate(3)))
        #expect(!bench.effects.contains(.stopUnpacking))
        try bench.tell(.unpacked(try SpokeBench.digest(1), .done))
        #expect(try askUnpacked(&bench) == oldContent)
    }

    @Test func aContentThatIsWaitedForIsMadeWhilePackagesComeAndLackRoom() throws {
        var bench = try packedOnly()
        try bench.openHub()
        let third = try SpokeBench.replicate(3)
        try bench.ask(SpokeBench.hub, .replicate(third))
        try bench.tell(SpokeBench.listed(third))
        #expect(refusal(try askUnpacked(&bench))?.code == .busy)
        #expect(unpackings(bench) == [try SpokeBench.digest(1)])
        try bench.tell(.unpacked(try SpokeBench.digest(1), .done))
        // It is no spare thing as long as it is asked for.
        try bench.tell(.transferEnded(third.sha256, .noRoom("the quota is full")))
        let content = try Self.content(1).sha256
        #expect(!evicted(bench).contains(content))
        bench.now = bench.now + SpokeLimits.contentPatience - .seconds(1)
        try bench.tell(.woke)
        #expect(!evicted(bench).contains(content))
        #expect(try askUnpacked(&bench) == oldContent)
        // The rule of the newest holds again when nobody has asked for long.
        bench.now = bench.now + SpokeLimits.contentPatience
        var gone: [SHA256Digest] = []
        for event in [SpokeEvent.targetFound(third.path, .absent), .woke] {
            try bench.tell(event)
            gone += evicted(bench)
        }
        #expect(gone.contains(content))
    }

    private func evicted(_ bench: SpokeBench) -> [SHA256Digest] {
        bench.effects.flatMap { if case .evict(let objects) = $0 { objects } else { [SHA256Digest]() } }
    }

    @Test func anAgentIsToldWhereTheSpokeCannotUnpackEitherAndItIsTriedAgain() throws {
        var bench = try packedOnly()
        _ = try askUnpacked(&bench)
        try bench.tell(.unpacked(try SpokeBench.digest(1), .failed("no libzstd.so.1")))
        let first = bench.store.events(limit: 9).count
        let error = try #require(refusal(try askUnpacked(&bench)))
        #expect(error.code == .notFound && error.text.contains("no libzstd.so.1"))
        #expect(unpackings(bench) == [try SpokeBench.digest(1)])
        // Said to people once.
        try bench.tell(.unpacked(try SpokeBench.digest(1), .failed("no libzstd.so.1")))
        #expect(bench.store.events(limit: 9).count == first)
        #expect(refusal(try askUnpacked(&bench))?.code == .notFound)
        try bench.tell(.unpacked(try SpokeBench.digest(1), .done))
        #expect(try askUnpacked(&bench) == oldContent)
    }

    @Test func anAgentWaitsForRoomToUnpack() throws {
        var bench = try packedOnly()
        _ = try askUnpacked(&bench)
        try bench.tell(.unpacked(try SpokeBench.digest(1), .noRoom("the quota is full")))
        let busy = try #require(refusal(try askUnpacked(&bench)))
        #expect(busy.code == .busy && busy.retryAfterSeconds == 60 && busy.text.contains("the quota is full"))
        #expect(unpackings(bench) == [try SpokeBench.digest(1)])
    }

    @Test func theHubHearsOfTheRoomThatLacksForAnAgentsContentAndTheAgentIsNotAskedEachMinute() throws {
        var bench = try packedOnly()
        try bench.openHub()
        _ = try askUnpacked(&bench)
        var waits: [UInt64?] = []
        for round in 1...4 {
            try bench.tell(.unpacked(try SpokeBench.digest(1), .noRoom("3 bytes lack", lacking: ByteCount(3))))
            let told = bench.requests(on: SpokeBench.hub).compactMap { request -> Replica? in
                if case .replica(let replica) = request.message { replica } else { nil }
            }
            #expect(told.last?.lacking == 3 && told.last?.state == .verified, "\(round)")
            #expect(told.last?.text?.contains("3 bytes lack") == true)
            let busy = try #require(refusal(try askUnpacked(&bench)))
            #expect(busy.text.contains("axle pool set"))
            waits.append(busy.retryAfterSeconds)
        }
        #expect(waits == [60, 60, 600, 600])
        // Said to people once.
        #expect(bench.store.events(limit: 99).filter { $0.event.code == .quotaExceeded }.count == 1)
        // With the room the content comes, and the hub hears that nothing lacks any more.
        try bench.tell(.unpacked(try SpokeBench.digest(1), .done))
        #expect(
            bench.requests(on: SpokeBench.hub).contains { request in
                if case .replica(let replica) = request.message { replica.lacking == nil } else { false }
            })
        #expect(try askUnpacked(&bench) == oldContent)
    }

    @Test func whatIsInsideIsLookedUpBeforeItIsUnpackedForAnAgent() throws {
        var bench = try SpokeBench()
        let first = try SpokeBench.replicate(1)
        bench.store.save(
            WantedReplica(
                path: first.path, sha256: first.sha256, length: first.length, priority: 4, state: .verified))
        try bench.restart(held: [first.sha256])
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        #expect(refusal(try askUnpacked(&bench))?.code == .busy)
        #expect(unpackings(bench).isEmpty)
        try bench.openHub()
        try bench.tell(SpokeBench.listed(first, content: try Self.content(1)))
        _ = try askUnpacked(&bench)
        #expect(unpackings(bench) == [first.sha256])
    }

    @Test func nothingIsServedUnderAnotherPath() throws {
        var (bench, _) = try updated()
        bench.store.addAgent(SpokeBench.agent)
        try bench.openAgent()
        let fetch = FetchPackage(
            path: try SpokeBench.replicate(1).path, sha256: try SpokeBench.digest(200), length: 10, offset: 0)
        guard case .error(let error) = try serve(&bench, .fetchPackage(fetch), 60) else {
            Issue.record("a patch was served as another package's")
            return
        }
        #expect(error.code == .notFound)
    }

    @Test func aPackageFromBeforeContentsWereKnownIsLookedUp() throws {
        var bench = try SpokeBench()
        let first = try SpokeBench.replicate(1)
        bench.store.save(
            WantedReplica(
                path: first.path, sha256: first.sha256, length: first.length, priority: 4, state: .verified))
        try bench.restart(held: [first.sha256])
        try bench.openHub()
        #expect(bench.effects.contains(.findTarget(first.path)))
        try bench.tell(.pool(.changed(PoolFigures(Self.roomy))))
        try bench.tell(SpokeBench.listed(first, content: try Self.content(1)))
        #expect(unpackings(bench) == [first.sha256])
        #expect(bench.store.replica(first.sha256)?.content == (try Self.content(1)))
    }
}

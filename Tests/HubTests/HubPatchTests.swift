import Hub
import Model
import Protocol
import Rollout
import Storage
import Testing

/// A hub with a pool of patches, releases of a megabyte and more, and spokes that hold them.
final class PatchWorld {
    let world: HubWorld
    private(set) var packages: [Package] = []

    init(_ kind: StoreKind = .memory) throws {
        world = try HubWorld(kind)
        try world.restart(patches: pool())
    }

    func pool(held: Set<SHA256Digest> = [], quota: UInt64 = 1 << 32) -> HubPatchPool {
        HubPatchPool(held: held, figures: world.figures(quota: quota))
    }

    /// Release `number` with a packed file of 10 MB and 100 MB inside; imported.
    @discardableResult
    func release(_ number: UInt8, coding: ContentCoding = .zstd, length: UInt64 = 10_000_000) throws -> Package {
        var package = try samplePackage("\(number).0", counter: UInt64(number), hash: number)
        package.length = length
        if coding != .none {
            package.metadata.content = PackageContent(
                coding: coding, length: ByteCount(length * 10), sha256: try digest(number + 100))
        }
        packages.append(package)
        try publish()
        return package
    }

    func publish() throws {
        try world.publish(packages, version: UInt64(packages.count))
        try world.importAll()
    }

    func drop(_ package: Package) throws {
        packages.removeAll { $0 == package }
        try publish()
    }

    var jobs: [PatchJob] {
        world.effects.compactMap { if case .makePatch(let job) = $0 { job } else { nil } }
    }

    /// Ends what is being made.
    func end(_ job: PatchJob, _ outcome: PatchOutcome, evicted: [SHA256Digest] = []) throws {
        let contents = Set([job.old, job.new].filter { $0.content.coding != .none }.map(\.content.sha256))
        try world.send(
            .patches(.ended(PatchResult(key: job.key, outcome: outcome, contents: contents, evicted: evicted))))
    }

    /// Makes what is due; each patch has 700 kB and the hash of its old content's first byte + 50.
    func makeAll() throws {
        while let job = jobs.last, try world.store.patch(job.key)?.state == .making {
            try end(job, .made(digest(job.key.old.bytes[0] + 50), length: 700_000))
        }
    }

    func ask(
        _ package: Package, _ link: LinkID, bases: [SHA256Digest], accepts: [TransferMeans] = [.content, .patch]
    ) throws -> Message? {
        try world.ask(
            link,
            .fetchPlan(
                FetchPlan(
                    path: package.path, sha256: package.sha256, length: package.length, bases: bases, accepts: accepts))
        )
    }

    func fetch(_ package: Package, _ link: LinkID, _ sha256: SHA256Digest, _ length: UInt64) throws -> Message? {
        world.effects = []
        return try world.ask(
            link, .fetchPackage(FetchPackage(path: package.path, sha256: sha256, length: length, offset: 0)))
    }

    /// A spoke fetches an object; `sent` bytes of it go out, all of the rest where nil.
    func take(
        _ package: Package, _ link: LinkID, _ sha256: SHA256Digest, _ length: UInt64, from offset: UInt64 = 0,
        sent: UInt64? = nil, at spoke: NodeID
    ) throws {
        #expect(
            try world.ask(
                link,
                .fetchPackage(FetchPackage(path: package.path, sha256: sha256, length: length, offset: offset))) == nil)
        try self.sent(package, sha256, length, from: offset, sent ?? length - offset, to: spoke)
    }

    func sent(
        _ package: Package, _ sha256: SHA256Digest, _ length: UInt64, from offset: UInt64, _ bytes: UInt64,
        to spoke: NodeID
    ) throws {
        let fetch = FetchPackage(path: package.path, sha256: sha256, length: length, offset: offset)
        try world.send(.objectSent(fetch, to: spoke, bytes: bytes))
    }

    func spoke(_ text: String, holding: [Package]) throws -> (id: NodeID, link: LinkID) {
        let id = try world.addSpoke(text)
        let link = try world.connect(id)
        for package in holding { try world.verified(package, link) }
        return (id, link)
    }
}

@Suite struct HubPatchTests {
    @Test func patchesAreMadeOneByOneFromTheNewestReleasesThatSpokesHold() throws {
        let patches = try PatchWorld()
        let releases = try (1...5).map { try patches.release($0) }
        _ = try patches.spoke("s1", holding: Array(releases[0...2]))
        _ = try patches.spoke("s2", holding: [releases[3]])
        #expect(patches.jobs.isEmpty)
        let new = try patches.release(6)
        #expect(patches.jobs.map(\.old.path.release.text).count == 1)
        try patches.makeAll()
        // The fifth is held by nobody, the first is too old.
        #expect(Set(patches.jobs.map(\.old)) == Set(releases[1...3]))
        #expect(
            patches.jobs.allSatisfy { $0.new == new && $0.limit == TransferChoice.mostUseful(insteadOf: new.length) })
        #expect(try patches.world.events(.patchMade).count == 3)
    }

    @Test func aReleaseOfAnotherProductPlatformOrKindIsNoBase() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        let spoke = try patches.spoke("s1", holding: [old])
        var other = try samplePackage("2.0", counter: 2, hash: 2)
        other.length = 10_000_000
        other.metadata.kind = .deb
        try patches.world.publish([old, other], version: 9)
        try patches.world.importAll()
        #expect(patches.jobs.isEmpty)
        _ = try patches.ask(other, spoke.link, bases: [old.content.sha256])
        #expect(patches.jobs.isEmpty)
    }

    @Test func aSpokeIsToldThePatchAgainstWhatItHolds() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        let (id, link) = try patches.spoke("s1", holding: [old])
        let new = try patches.release(2)
        try patches.makeAll()
        let base = old.content.sha256
        #expect(
            try patches.ask(new, link, bases: [base])
                == .plan(Plan(means: .patch, sha256: digest(151), length: 700_000, base: base)))
        #expect(try patches.world.store.replica(spoke: id, path: new.path)?.reason?.hasPrefix("patch, ") == true)
        // Who holds nothing, or takes no patches, gets the file.
        let file = Message.plan(Plan(means: .published, sha256: new.sha256, length: new.length))
        #expect(try patches.ask(new, link, bases: []) == file)
        #expect(try patches.ask(new, link, bases: [base], accepts: [.content]) == file)
    }

    @Test func aPlanIsForWhatTheCatalogNamesAndTheHubHolds() throws {
        let patches = try PatchWorld()
        let package = try patches.release(1)
        let link = try patches.spoke("s1", holding: []).link
        var wrong = package
        wrong.length += 1
        guard case .error(let reply) = try patches.ask(wrong, link, bases: []) else { return #expect(Bool(false)) }
        #expect(reply.code == .notFound)
        var coming = try samplePackage("7.0", hash: 7)
        coming.length = 5000
        try patches.world.publish([package, coming], version: 5)
        guard case .error(let later) = try patches.ask(coming, link, bases: []) else { return #expect(Bool(false)) }
        #expect(later.code == .busy && later.retryAfterSeconds == 15)
    }

    @Test func aSpokeWaitsForAPatchInTheMakingAndThenTakesTheFile() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        let link = try patches.spoke("s1", holding: [old]).link
        let new = try patches.release(2)
        guard case .error(let reply) = try patches.ask(new, link, bases: [old.content.sha256]) else {
            return #expect(Bool(false), "no waiting")
        }
        #expect(reply.code == .busy && reply.retryAfterSeconds == 5)
        patches.world.now = at(60)
        #expect(
            try patches.ask(new, link, bases: [old.content.sha256])
                == .plan(Plan(means: .published, sha256: new.sha256, length: new.length)))
    }

    @Test func aPatchThatNobodyWishedForIsMadeWhenASpokeAsks() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        let new = try patches.release(2)
        let link = try patches.spoke("s1", holding: [old]).link
        #expect(patches.jobs.isEmpty)
        let stranger = try digest(200)
        guard case .error(let reply) = try patches.ask(new, link, bases: [stranger, old.content.sha256]) else {
            return #expect(Bool(false), "no waiting")
        }
        #expect(reply.code == .busy && patches.jobs.map(\.old) == [old])
        try patches.makeAll()
        guard case .plan(let plan) = try patches.ask(new, link, bases: [stranger, old.content.sha256]) else {
            return #expect(Bool(false), "no plan")
        }
        #expect(plan.means == .patch && patches.jobs.count == 1)
    }

    @Test func askingCannotMakeTheHubPatchFromEverything() throws {
        let patches = try PatchWorld()
        let releases = try (1...12).map { try patches.release($0) }
        let link = try patches.spoke("s1", holding: []).link
        for release in releases.dropLast() {
            _ = try patches.ask(releases[11], link, bases: [release.content.sha256])
            try patches.makeAll()
        }
        #expect(patches.jobs.count == 6)
    }

    @Test func filesContentsAndPatchesAreServedUnderThePackagesPath() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        let (_, link) = try patches.spoke("s1", holding: [old])
        let new = try patches.release(2)
        let other = try patches.release(0)
        let content = new.content
        #expect(try patches.fetch(new, link, content.sha256, content.length.bytes) != nil)  // not unpacked yet
        patches.world.effects = []
        try patches.end(
            PatchJob(old: old, new: new, limit: 0), .made(try digest(151), length: 700_000))
        func served() -> [HubEffect] {
            patches.world.effects.filter {
                switch $0 {
                case .servePackage, .servePatch: true
                default: false
                }
            }
        }
        #expect(try patches.fetch(new, link, new.sha256, new.length) == nil && served().count == 1)
        #expect(try patches.fetch(new, link, content.sha256, content.length.bytes) == nil && served().count == 1)
        #expect(try patches.fetch(new, link, digest(151), 700_000) == nil)
        guard case .servePatch(link, _, let fetch, _) = served().first, fetch.length == 700_000, fetch.offset == 0
        else {
            return #expect(Bool(false), "no patch")
        }
        #expect(try fetch.sha256 == digest(151))
        // Not with another length, and not under another path.
        #expect(try patches.fetch(new, link, digest(151), 700_001) != nil)
        #expect(try patches.fetch(other, link, digest(151), 700_000) != nil)
        #expect(try patches.fetch(new, link, old.sha256, old.length) != nil)
    }

    @Test func theMeansAndTheBytesOfAReplicaAreWrittenDown() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        let (id, link) = try patches.spoke("s1", holding: [old])
        let new = try patches.release(2)
        try patches.makeAll()
        func replica() throws -> ReplicaRecord? { try patches.world.store.replica(spoke: id, path: new.path) }
        // It breaks off after a part, and goes on from there.
        try patches.take(new, link, digest(151), 700_000, sent: 300_000, at: id)
        #expect(try replica()?.means == .patch && replica()?.wireBytes == 300_000)
        try patches.take(new, link, digest(151), 700_000, from: 300_000, at: id)
        #expect(try replica()?.means == .patch && replica()?.wireBytes == 700_000)
        try patches.world.verified(new, link)
        #expect(try replica()?.means == .patch && replica()?.wireBytes == 700_000)
        // What was lost comes anew; what had been on its way meanwhile is no part of that.
        try patches.world.verified(new, link, .pending)
        #expect(try replica()?.means == nil && replica()?.wireBytes == nil)
        try patches.sent(new, digest(151), 700_000, from: 0, 700_000, to: id)
        #expect(try replica()?.wireBytes == nil)
    }

    @Test func twoPatchesOneAfterTheOtherAreBothCounted() throws {
        let patches = try PatchWorld()
        let releases = try (1...2).map { try patches.release($0) }
        let (id, link) = try patches.spoke("s1", holding: releases)
        let new = try patches.release(3)
        try patches.makeAll()
        func bytes() throws -> UInt64? { try patches.world.store.replica(spoke: id, path: new.path)?.wireBytes }
        // The first one is of no use, the other one is against another base.
        try patches.take(new, link, digest(152), 700_000, at: id)
        try patches.take(new, link, digest(151), 700_000, at: id)
        #expect(try bytes() == 1_400_000)
        // The file that comes in the end is not counted before it has gone.
        #expect(try patches.fetch(new, link, new.sha256, new.length) == nil)
        #expect(try bytes() == 1_400_000)
        try patches.sent(new, new.sha256, new.length, from: 0, 5_000_000, to: id)
        #expect(try bytes() == 6_400_000)
        // One that was given up for good counts as far as it came.
        try patches.take(new, link, digest(151), 700_000, from: 100_000, sent: 1, at: id)
        #expect(try bytes() == 6_400_001)
        #expect(try patches.world.store.replica(spoke: id, path: new.path)?.means == .patch)
    }

    @Test func whatAProcessSentThatDidNotLiveToCountItIsCountedWhenTheSpokeGoesOn() throws {
        let patches = try PatchWorld()
        let (id, link) = try patches.spoke("s1", holding: [])
        let new = try patches.release(1)
        func replica() throws -> ReplicaRecord? { try patches.world.store.replica(spoke: id, path: new.path) }
        #expect(try patches.fetch(new, link, new.sha256, new.length) == nil)
        try patches.take(new, link, new.sha256, new.length, from: 4_000_000, at: id)
        #expect(try replica()?.wireBytes == new.length)
        // What comes a second time has gone a second time.
        try patches.take(new, link, new.sha256, new.length, from: 9_000_000, at: id)
        #expect(try replica()?.wireBytes == new.length + 1_000_000)
        // The pieces of a repair are counted, and what is between them is not.
        try patches.world.verified(new, link)
        try patches.world.verified(new, link, .corrupt)
        for offset in [1_000_000, 5_000_000] as [UInt64] {
            try patches.take(new, link, new.sha256, new.length, from: offset, sent: 65_536, at: id)
        }
        #expect(try replica()?.wireBytes == 131_072)
    }

    @Test func aSpokeThatTakesTheFileAfterAPatchMakesTheHubReadThePatchAgain() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        let (id, link) = try patches.spoke("s1", holding: [old])
        let new = try patches.release(2)
        try patches.makeAll()
        for _ in 0..<3 {
            _ = try patches.fetch(new, link, digest(151), 700_000)
            _ = try patches.fetch(new, link, new.sha256, new.length)
            if patches.world.now == at(0) {
                #expect(patches.world.effects.contains(.checkPatch(try digest(151))))
            } else {
                // Not over and over.
                #expect(!patches.world.effects.contains(.checkPatch(try digest(151))))
            }
            patches.world.now = patches.world.now + .seconds(1)
        }
        #expect(try patches.world.store.replica(spoke: id, path: new.path)?.means == .published)
        // It was damaged: it is said, and made again.
        patches.world.effects = []
        try patches.world.send(.patches(.lost(digest(151), "the patch was damaged")))
        #expect(try patches.world.events(.patchFailed).count == 1)
        #expect(try patches.fetch(new, link, digest(151), 700_000) != nil)
        let next = try #require(try patches.world.store.nextPatch())
        patches.world.now = next
        try patches.world.send(.woke)
        #expect(patches.jobs.count == 1)
    }

    @Test func aPatchThatFailsIsSaidOnceAndTriedAFewTimes() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        let link = try patches.spoke("s1", holding: [old]).link
        let new = try patches.release(2)
        var tries: [TransferMeans: Int] = [:]
        var all = 0
        while let job = patches.jobs.last, try patches.world.store.patch(job.key)?.state == .making, all < 30 {
            tries[job.means, default: 0] += 1
            all += 1
            try patches.end(job, .failed("the child died"))
            // Nobody waits for it any more.
            #expect(
                try patches.ask(new, link, bases: [old.content.sha256])
                    == .plan(Plan(means: .published, sha256: new.sha256, length: new.length)))
            guard let next = try patches.world.store.nextPatch() else { continue }
            patches.world.now = max(patches.world.now, next)
            try patches.world.send(.woke)
        }
        // As a patch, then as chunks, compressed and not; each so many times.
        #expect(tries == [.patch: 4, .chunks: 4, .plainChunks: 4])
        let events = try patches.world.events(.patchFailed)
        #expect(events.count == 3 && events[0].event.text.contains("the child died"))
        #expect(try patches.world.store.patches().map(\.state) == [.failed, .failed, .failed])
    }

    @Test func aPatchThatIsNoUseIsNotTriedAgain() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        _ = try patches.spoke("s1", holding: [old])
        try patches.release(2)
        try patches.end(patches.jobs[0], .useless("it would be no smaller than the file"))
        #expect(try patches.world.store.nextPatch() == nil)
        #expect(try patches.world.store.patches().map(\.state) == [.failed])
    }

    @Test func aHubWithoutTheLibrarySaysSoOnceAndSendsFiles() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        let link = try patches.spoke("s1", holding: [old]).link
        let new = try patches.release(2)
        try patches.end(patches.jobs[0], .unavailable("libzstd is not here"))
        let newer = try patches.release(3)
        // Uncompressed chunks are made in their place, for whoever takes them.
        #expect(patches.jobs.map(\.means) == [.patch, .plainChunks])
        for package in [new, newer] {
            #expect(
                try patches.ask(package, link, bases: [old.content.sha256])
                    == .plan(Plan(means: .published, sha256: package.sha256, length: package.length)))
        }
        #expect(try patches.world.events(.patchFailed).count == 1)
        // After the library was installed and the hub started, it is made.
        let held = Set(patches.packages.map(\.sha256))
        try patches.world.restart(held: held, patches: patches.pool())
        let again = try patches.world.connect(try #require(try patches.world.store.spokes().first).id)
        _ = try patches.ask(newer, again, bases: [old.content.sha256])
        #expect(
            try patches.world.store.patch(PatchKey(old: old.content.sha256, new: newer.content.sha256))?.failures == 0)
    }

    @Test func withoutAPoolOfPatchesFilesAreSent() throws {
        let world = try HubWorld()
        var package = try samplePackage()
        package.length = 10_000_000
        let link = try world.connect(try world.addSpoke("s1"))
        try world.publish([package])
        try world.importAll()
        let ask = FetchPlan(
            path: package.path, sha256: package.sha256, length: package.length, bases: [try digest(9)],
            accepts: [.patch])
        #expect(
            try world.ask(link, .fetchPlan(ask))
                == .plan(Plan(means: .published, sha256: package.sha256, length: package.length)))
        #expect(try world.store.patches().isEmpty)
    }

    @Test(arguments: StoreKind.allCases) func aRestartGoesOnFromWhatThePoolsHold(kind: StoreKind) throws {
        let patches = try PatchWorld(kind)
        let releases = try (1...3).map { try patches.release($0) }
        _ = try patches.spoke("s1", holding: releases)
        try patches.release(4)
        // One is made and lost, one is made and here, one is under way.
        let first = patches.jobs[0]
        try patches.end(first, .made(try digest(1), length: 10))
        try patches.end(patches.jobs[1], .made(try digest(2), length: 10))
        #expect(patches.jobs.count == 3)
        let held = Set(patches.packages.map(\.sha256))
        try patches.world.restart(held: held, patches: patches.pool(held: [try digest(2), try digest(9)]))
        #expect(patches.world.effects.contains(.dropPatches([try digest(9)])))
        let states = try patches.world.store.patches().map(\.state)
        #expect(states.count { $0 == .made } == 1 && states.count { $0 == .failed } == 0)
        try patches.makeAll()
        #expect(patches.jobs.count == 2 && patches.jobs.contains { $0.key == first.key })
        #expect(try patches.world.store.patches().allSatisfy { $0.state == .made })
    }

    @Test func patchesToARetiredReleaseGoAndThoseFromOneStay() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        let link = try patches.spoke("s1", holding: [old]).link
        let new = try patches.release(2)
        try patches.makeAll()
        try patches.drop(old)
        #expect(try patches.world.store.patches().count == 1)
        guard case .plan(let plan) = try patches.ask(new, link, bases: [old.content.sha256]) else {
            return #expect(Bool(false))
        }
        #expect(plan.means == .patch)
        patches.world.effects = []
        try patches.drop(new)
        #expect(try patches.world.store.patches().isEmpty)
        #expect(patches.world.effects.contains(.dropPatches([try digest(151)])))
    }

    @Test func aPatchThatEndsAfterItsReleaseWasRetiredIsDropped() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        _ = try patches.spoke("s1", holding: [old])
        let new = try patches.release(2)
        try patches.drop(new)
        patches.world.effects = []
        try patches.end(patches.jobs.last ?? PatchJob(old: old, new: new, limit: 0), .made(try digest(5), length: 9))
        #expect(patches.world.effects.contains(.dropPatches([try digest(5)])))
    }

    @Test func aPatchThatWasMadeTwiceStays() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        _ = try patches.spoke("s1", holding: [old])
        try patches.release(2)
        let job = try #require(patches.jobs.last)
        patches.world.effects = []
        for _ in 0..<2 { try patches.end(job, .made(try digest(5), length: 9)) }
        #expect(!patches.world.effects.contains { if case .dropPatches = $0 { true } else { false } })
        #expect(try patches.world.store.patch(job.key)?.state == .made)
    }

    @Test func unpackedContentsStayForTheNewestReleaseOnly() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        _ = try patches.spoke("s1", holding: [old])
        let new = try patches.release(2)
        try patches.makeAll()
        #expect(patches.world.effects.contains(.dropContents([old.content.sha256])))
        #expect(!patches.world.effects.contains(.dropContents([new.content.sha256])))
        // An import that finds no room gets theirs.
        patches.world.effects = []
        var large = try samplePackage("9.0", counter: 9, hash: 9)
        large.length = 1 << 40
        try patches.world.publish(patches.packages + [large], version: 20)
        try patches.world.send(.packageImport(.ended(large.path, large.sha256, .noRoom("the quota is too small"))))
        #expect(patches.world.effects.contains(.dropContents([new.content.sha256])))
        #expect(try patches.world.store.package(large.path)?.nextTry == patches.world.now + .seconds(1))
    }

    @Test func aContentThatIsAnotherPackagesFileIsNeverDropped() throws {
        let patches = try PatchWorld()
        let old = try patches.release(1)
        _ = try patches.spoke("s1", holding: [old])
        // Published plain as well.
        var plain = try samplePackage("1.5", counter: 2, hash: 101)
        plain.length = old.content.length.bytes
        try patches.world.publish(patches.packages + [plain], version: 30)
        try patches.world.importAll()
        try patches.makeAll()
        #expect(!patches.world.effects.contains { if case .dropContents = $0 { true } else { false } })
    }

    @Test func theLeastUsedPatchesMakeRoomFirst() throws {
        let patches = try PatchWorld()
        let releases = try (1...3).map { try patches.release($0) }
        let link = try patches.spoke("s1", holding: releases).link
        let new = try patches.release(4)
        for number in 1...3 {
            patches.world.now = at(Int64(number))
            try patches.end(
                try #require(patches.jobs.last), .made(try digest(UInt8(150 + number)), length: 1000))
        }
        patches.world.now = at(10)
        _ = try patches.fetch(new, link, digest(151), 1000)
        try patches.release(5)
        #expect(try #require(patches.jobs.last).evictable == [digest(152), digest(153), digest(151)])
        // What a job dropped is forgotten.
        try patches.end(try #require(patches.jobs.last), .made(try digest(160), length: 9), evicted: [try digest(152)])
        #expect(try patches.world.store.patch(sha256: digest(152)) == nil)
    }

    @Test func aSmallerQuotaDropsWhatWasUsedLongestAgo() throws {
        let patches = try PatchWorld()
        let releases = try (1...2).map { try patches.release($0) }
        _ = try patches.spoke("s1", holding: releases)
        try patches.release(3)
        for number in 1...2 {
            patches.world.now = at(Int64(number))
            try patches.end(try #require(patches.jobs.last), .made(try digest(UInt8(150 + number)), length: 1000))
        }
        let name = try name("patches")
        try patches.world.run(.pools(.setQuota(node: patches.world.hub, pool: name, ByteCount(1500))))
        #expect(patches.world.effects.contains(.dropPatches([try digest(151)])))
        #expect(patches.world.effects.contains(.setPatchQuota(ByteCount(1500))))
        try patches.world.send(.patches(.poolChanged(patches.world.figures(quota: 1500, used: 1000))))
        let pool = try #require(try patches.world.store.pool(node: patches.world.hub, name: name))
        #expect(pool.quota == ByteCount(1500) && pool.wantedQuota == nil)
        // Full as a cache is: nothing to warn of.
        try patches.world.send(.patches(.poolChanged(patches.world.figures(quota: 1500, used: 1500))))
        #expect(try patches.world.events(.poolFilling).isEmpty)
    }
}

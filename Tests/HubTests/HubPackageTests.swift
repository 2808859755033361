import Hub
import Model
import Protocol
import Storage
import Testing

@Suite struct HubPackageTests {
    private func wishes(_ world: HubWorld, _ link: LinkID) -> [TargetPath] {
        world.requests().compactMap { found, _, message in
            if found == link, case .replicate(let wanted) = message { return wanted.path }
            return nil
        }
    }

    @Test func aPackageIsAnnouncedImportedAndWishedForAtEverySpoke() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        let package = try samplePackage()
        world.answers = false
        world.effects = []
        try world.publish([package])
        #expect(try world.store.package(package.path)?.state == .downloading)
        #expect(world.effects.contains(.importPackage(package)))
        #expect(wishes(world, link).isEmpty)
        try world.send(.packageImport(.progressed(package.path, bytesHeld: 400)))
        #expect(try world.store.package(package.path)?.bytesHeld == 400)
        try world.importAll()
        #expect(try world.store.package(package.path)?.state == .imported)
        #expect(wishes(world, link) == [package.path])
        // One that joins later gets it too.
        world.effects = []
        let later = try world.connect(try world.addSpoke("s2"))
        #expect(wishes(world, later) == [package.path])
        #expect(try world.events(.packageAnnounced).count == 1 && world.events(.packageImported).count == 1)
    }

    @Test func aWishIsRepeatedOnEveryConnectionUntilItIsStored() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        try world.publish([try samplePackage()])
        try world.importAll()
        world.answers = false
        for _ in 0..<2 {
            world.effects = []
            #expect(wishes(world, try world.connect(spoke)).count == 1)
        }
        world.answers = true
        world.effects = []
        let link = try world.connect(spoke)
        #expect(try world.store.unacknowledgedReplicas(at: spoke, after: nil, limit: 9).isEmpty)
        world.answers = false
        world.effects = []
        #expect(wishes(world, try world.connect(spoke)).isEmpty)
        _ = link
    }

    @Test func aSpokeThatIsBusyIsAskedAgainLater() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        world.answers = false
        try world.publish([try samplePackage()])
        try world.importAll()
        let (_, request, _) = try #require(world.requests().last { if case .replicate = $0.2 { true } else { false } })
        world.effects = []
        try world.send(
            .link(.reply(link, request, .error(ErrorReply(code: .busy, text: "later", retryAfterSeconds: 30)))))
        #expect(wishes(world, link).isEmpty)
        #expect(world.effects.contains(.wake(at: at(30))))
        world.now = at(30)
        try world.send(.woke)
        #expect(wishes(world, link).count == 1)
    }

    @Test func anImportThatFailsIsTriedAgainAndInTheEndGivenUp() throws {
        let world = try HubWorld()
        let package = try samplePackage()
        try world.publish([package])
        var tries = 0
        while try world.store.package(package.path)?.state == .downloading, tries < 20 {
            tries += 1
            try world.send(.packageImport(.ended(package.path, package.sha256, .interrupted("cut"))))
            guard let next = try world.store.package(package.path)?.nextTry else { break }
            #expect(next > world.now)
            world.now = next
            try world.send(.woke)
        }
        #expect(tries == 9)
        #expect(try world.store.package(package.path)?.state == .failed)
        // The next refresh of the catalog gives it another chance.
        try world.publish([package], version: 2)
        #expect(try world.store.package(package.path)?.state == .downloading)
        try world.importAll()
        #expect(try world.store.package(package.path)?.state == .imported)
    }

    @Test func aServersRetryAfterIsHonouredForPackagesAndTheCatalog() throws {
        let world = try HubWorld()
        let package = try samplePackage()
        try world.publish([package])
        try world.send(
            .packageImport(.ended(package.path, package.sha256, .interrupted("busy", retryAfter: .seconds(5000)))))
        #expect(try world.store.package(package.path)?.nextTry == world.now + .seconds(5000))
        try world.send(.catalog(.unreachable("busy", retryAfter: .seconds(7000))))
        #expect(try world.store.catalog()?.nextRefresh == world.now + .seconds(7000))
        // A shorter one does not make us less patient than we are.
        try world.send(.catalog(.unreachable("busy", retryAfter: .zero)))
        let next = try #require(try world.store.catalog()?.nextRefresh)
        #expect(next > world.now)
    }

    @Test func aPackageThatDoesNotFitIsSaidOnceAndTriedAgain() throws {
        let world = try HubWorld()
        let package = try samplePackage()
        try world.publish([package])
        for _ in 0..<3 {
            try world.send(.packageImport(.ended(package.path, package.sha256, .noRoom("the quota is too small"))))
            let next = try #require(try world.store.package(package.path)?.nextTry)
            world.now = next
            try world.send(.woke)
        }
        #expect(try world.events(.quotaExceeded).count == 1)
        try world.importAll()
        #expect(try world.store.package(package.path)?.state == .imported)
    }

    @Test func aRaisedQuotaLetsAPackageInAtOnce() throws {
        let world = try HubWorld()
        let package = try samplePackage()
        try world.send(.pool(.changed(world.figures(quota: 10))))
        try world.publish([package])
        try world.send(.packageImport(.ended(package.path, package.sha256, .noRoom("the quota is too small"))))
        try world.send(.pool(.changed(world.figures(quota: 10))))
        #expect(try world.store.package(package.path)?.state == .failed)
        try world.send(.pool(.changed(world.figures(quota: 5000))))
        #expect(try world.store.package(package.path)?.state == .downloading)
    }

    @Test func aPoolThatFillsIsToldAtEightyAndNinetyFivePerCentOnce() throws {
        let world = try HubWorld()
        for used in [100, 799, 800, 900, 949, 950, 990] as [UInt64] {
            try world.send(.pool(.changed(world.figures(quota: 1000, used: used))))
        }
        #expect(try world.events(.poolFilling).count == 2)
        // Emptied and filled again: said again.
        try world.send(.pool(.changed(world.figures(quota: 1000, used: 100))))
        try world.send(.pool(.changed(world.figures(quota: 1000, used: 960))))
        #expect(try world.events(.poolFilling).count == 3)
    }

    @Test func onlySoManyImportsRunAtATimeAndAHotfixOvertakes() throws {
        let world = try HubWorld()
        var packages = try (1...5).map { try samplePackage("\($0).0", counter: UInt64($0), hash: UInt8($0)) }
        packages[4].metadata.severity = .hotfix
        try world.publish(packages)
        let first = try world.store.packages(in: .downloading).map(\.package.path.release.text)
        #expect(first == ["1.0", "5.0"])
        for _ in 0..<5 { try world.importAll() }
        #expect(try world.store.packages(in: .imported).count == 5)
    }

    @Test func whatTheCatalogNoLongerNamesIsRetiredAndMayComeBack() throws {
        let world = try HubWorld()
        let (one, two) = (try samplePackage("1.0"), try samplePackage("2.0", counter: 2, hash: 2))
        try world.publish([one, two])
        try world.importAll()
        try world.publish([two], version: 2)
        #expect(try world.store.package(one.path)?.state == .retired)
        try world.publish([one, two], version: 3)
        #expect(try world.store.package(one.path)?.state == .downloading)
        try world.importAll()
        #expect(try world.store.package(one.path)?.state == .imported)
    }

    @Test func aPackageWithOtherBytesUnderItsPathIsImportedAndReplicatedAnew() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        let link = try world.connect(spoke)
        let package = try samplePackage()
        try world.publish([package])
        try world.importAll()
        try world.verified(package, link)
        var other = package
        other.sha256 = try digest(9)
        try world.publish([other], version: 2)
        #expect(try world.store.package(package.path)?.state == .downloading)
        // The old import's late end says nothing about the new bytes.
        try world.send(.packageImport(.ended(package.path, package.sha256, .imported)))
        #expect(try world.store.package(package.path)?.state == .downloading)
        try world.importAll()
        #expect(try world.store.replica(spoke: spoke, path: package.path)?.state == .pending)
        #expect(try world.store.replica(spoke: spoke, path: package.path)?.digest == other.sha256)
    }

    @Test func aPackageThatSaysOtherThanItsPathIsLeftOut() throws {
        let world = try HubWorld()
        var bad = try samplePackage()
        bad.metadata.release = try ReleaseName("6.6")
        try world.publish([bad, try samplePackage("2.0")])
        #expect(try world.store.packages().map(\.package.path.release.text) == ["2.0"])
        #expect(try world.events(.catalogRefused).count == 1)
    }

    @Test func aRefusedCatalogIsSaidOnceAndLookedAtAgain() throws {
        let world = try HubWorld()
        try world.run(.catalog(.set(url: "https://vendor.example/", root: [1])))
        for _ in 0..<3 {
            try world.send(.catalog(.refused("the timestamp has expired")))
            let next = try #require(try world.store.catalog()?.nextRefresh)
            #expect(next > world.now && next - world.now <= .seconds(900))
            world.now = next
            world.effects = []
            try world.send(.woke)
            #expect(world.effects.contains(.refreshCatalog(url: "https://vendor.example/", root: [1])))
        }
        #expect(try world.events(.catalogRefused).count == 1)
        try world.publish([])
        #expect(try world.store.catalog()?.error == nil)
    }

    @Test func onlyWhatIsImportedIsServedByPathAndHash() throws {
        let world = try HubWorld()
        let link = try world.connect(try world.addSpoke("s1"))
        let package = try samplePackage()
        try world.publish([package])
        func fetch(_ digest: SHA256Digest, _ length: UInt64 = 1000) -> Message {
            .fetchPackage(FetchPackage(path: package.path, sha256: digest, length: length, offset: 10))
        }
        func code(_ message: Message?) -> RequestErrorCode? {
            if case .error(let error) = message { error.code } else { nil }
        }
        #expect(code(try world.ask(link, fetch(package.sha256))) == .busy)
        try world.importAll()
        #expect(code(try world.ask(link, fetch(try digest(9)))) == .notFound)
        #expect(code(try world.ask(link, fetch(package.sha256, 999))) == .notFound)
        world.effects = []
        #expect(try world.ask(link, fetch(package.sha256)) == nil)
        #expect(
            world.effects.contains {
                if case .servePackage(link, _, let fetch, _) = $0 {
                    fetch.sha256 == package.sha256 && fetch.length == 1000 && fetch.offset == 10
                } else {
                    false
                }
            })
        #expect(try world.ask(link, .fetchMetadata(FetchMetadata(name: "timestamp.json"))) == nil)
    }

    @Test func afterARestartWhatWasUnderWayBeginsAgainAndWhatIsGoneIsFetchedAnew() throws {
        let world = try HubWorld()
        let packages = try (1...3).map { try samplePackage("\($0).0", counter: UInt64($0), hash: UInt8($0)) }
        try world.publish(packages)
        try world.importAll()
        #expect(try world.store.packages(in: .imported).count == 2)
        // The pool lost one of the two, and the third import was cut off.
        try world.restart(held: [packages[0].sha256])
        #expect(try world.store.packages(in: .imported).map(\.package.path) == [packages[0].path])
        #expect(try world.store.packages(in: .downloading).count == 2)
        #expect(try world.events(.packageFailed).count == 1)
    }

    @Test func aQuotaIsSentUntilItsSpokeHasIt() throws {
        let world = try HubWorld()
        let spoke = try world.addSpoke("s1")
        var link = try world.connect(spoke)
        let status = PoolStatus(pool: world.pool, quota: 100, used: 50, reserved: 10, freeOnDisk: 1 << 40)
        #expect(try world.ask(link, .poolStatus(status)) == .ok(OK()))
        #expect(throws: HubRefusal.self) {
            try world.run(.pools(.setQuota(node: spoke, pool: world.pool, ByteCount(59))))
        }
        world.answers = false
        try world.run(.pools(.setQuota(node: spoke, pool: world.pool, ByteCount(200))))
        #expect(try world.store.pool(node: spoke, name: world.pool)?.wantedQuota == ByteCount(200))
        world.answers = true
        world.effects = []
        link = try world.connect(spoke)
        #expect(try world.store.pool(node: spoke, name: world.pool)?.wantedQuota == nil)
        #expect(try world.store.pool(node: spoke, name: world.pool)?.quota == ByteCount(200))
        // A quota that changes while the one before is under way is not taken for acknowledged.
        world.answers = false
        world.effects = []
        try world.run(.pools(.setQuota(node: spoke, pool: world.pool, ByteCount(300))))
        let (_, request, _) = try #require(world.requests().last)
        try world.run(.pools(.setQuota(node: spoke, pool: world.pool, ByteCount(400))))
        try world.send(.link(.reply(link, request, .ok(OK()))))
        #expect(try world.store.pool(node: spoke, name: world.pool)?.wantedQuota == ByteCount(400))
        world.effects = []
        try world.run(.pools(.setQuota(node: world.hub, pool: world.pool, ByteCount(5000))))
        #expect(world.effects.contains(.setQuota(world.pool, ByteCount(5000))))
        try world.send(.pool(.changed(world.figures(quota: 5000))))
        #expect(try world.store.pool(node: world.hub, name: world.pool)?.wantedQuota == nil)
        _ = link
    }

    @Test func whatTheHubsDiskDamagesIsServedToNobodyAndRepairedFromTheCatalogsServer() throws {
        let world = try HubWorld()
        let link = try world.connect(try world.addSpoke("s1"))
        let package = try samplePackage()
        try world.publish([package])
        try world.importAll()
        world.effects = []
        try world.send(.pool(.damaged([package.sha256])))
        #expect(try world.events(.replicaCorrupt).count == 1)
        #expect(world.effects.contains(.repairPackage(package)))
        #expect(!world.effects.contains(.importPackage(package)))
        let asked = FetchPackage(path: package.path, sha256: package.sha256, length: package.length, offset: 0)
        guard case .error(let reply) = try world.ask(link, .fetchPackage(asked)) else {
            Issue.record("a damaged package was served")
            return
        }
        #expect(reply.code == .busy)
        // A server that is away is tried again, and still in parts.
        try world.send(.packageImport(.ended(package.path, package.sha256, .interrupted("away"))))
        world.effects = []
        world.now = try #require(try world.store.nextImport())
        try world.send(.woke)
        #expect(world.effects.contains(.repairPackage(package)))
        try world.send(.packageImport(.ended(package.path, package.sha256, .repaired(fetched: ByteCount(5)))))
        #expect(try world.store.package(package.path)?.state == .imported)
        #expect(try world.events(.replicaRepaired).count == 1)
        // The next import of it, if there ever is one, is a whole one.
        try world.restart(held: [])
        #expect(world.effects.contains(.importPackage(package)))
    }
}

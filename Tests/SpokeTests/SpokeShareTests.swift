import Model
import Protocol
import Spoke
import Storage
import Testing

@Suite("What a share shows")
struct SpokeShareTests {
    private static let platform = "linux-x86_64-glibc"

    private func share(
        _ name: String = "apps", line: String? = nil, platform: String? = nil, shows: ShareRule = .newest
    ) throws -> Share {
        Share(
            name: try NodeName(name), product: try ProductName("ruff"),
            platform: try platform.map { try PlatformName($0) }, line: try line.map { try LineName($0) },
            folder: "/srv/\(name)", shows: shows)
    }

    private func package(
        _ release: String, _ byte: UInt8, counter: UInt64, line: String = "0", platform: String = platform,
        kind: PackageKind = .tree
    ) throws -> Package {
        let path = try TargetPath("ruff/\(release)/\(platform)/ruff.tar")
        return Package(
            path: path, length: 100, sha256: try SpokeBench.digest(byte),
            metadata: PackageMetadata(
                product: path.product, release: path.release, line: try LineName(line), counter: counter,
                platform: try Platform(platform), kind: kind))
    }

    /// A bench with these packages in its pool, whose shares' folders were looked at and show nothing.
    private func bench(_ shares: [Share], here: [Package]) throws -> SpokeBench {
        var bench = try SpokeBench()
        try hold(here, &bench)
        try bench.tell(.sharesSet(shares))
        #expect(surveys(bench) == 1)
        try bench.tell(.catalogSurveyed(here))
        #expect(tended(bench).map(\.package) == shares.map { _ in nil }, "a folder is looked at first")
        for share in shares { try bench.tell(.shareTended(share, .done(ShareView(shown: nil)))) }
        return bench
    }

    private func hold(_ packages: [Package], _ bench: inout SpokeBench) throws {
        for package in packages {
            bench.store.save(
                WantedReplica(path: package.path, sha256: package.sha256, length: package.length, priority: 1))
            try bench.tell(.packageBrought(package.path, package.sha256, length: package.length))
        }
    }

    private func tended(_ bench: SpokeBench) -> [(share: Share, package: Package?)] {
        bench.effects.compactMap { if case .tendShare(let share, let package) = $0 { (share, package) } else { nil } }
    }

    private func surveys(_ bench: SpokeBench) -> Int {
        bench.effects.count { if case .surveyCatalog = $0 { true } else { false } }
    }

    private func codes(_ bench: SpokeBench) throws -> [EventCode] {
        bench.store.events(limit: 99).map(\.event.code).filter { $0 == .sharePublished || $0 == .shareFailed }
    }

    @Test func theNewestReleaseOfTheCatalogThatIsHereIsShown() throws {
        let share = try share()
        let (one, two) = (try package("0.9", 1, counter: 9), try package("0.10", 2, counter: 10))
        let absent = try package("0.11", 3, counter: 11)
        var bench = try bench([share], here: [one, two])
        try bench.tell(.catalogSurveyed([two, absent, one]))
        #expect(tended(bench).map(\.package) == [two])
        // What the catalog does not name is never shown, however well it is held.
        bench = try self.bench([share], here: [one, two])
        try bench.tell(.catalogSurveyed([one]))
        #expect(tended(bench).map(\.package) == [one])
        // Neither is anything while no catalog is in date.
        bench = try self.bench([share], here: [one, two])
        try bench.tell(.catalogSurveyed(nil))
        #expect(tended(bench).isEmpty)
    }

    @Test func aReplicaThatIsDamagedOrGoneIsNotShown() throws {
        let (one, two) = (try package("0.9", 1, counter: 9), try package("0.10", 2, counter: 10))
        var bench = try bench([try share()], here: [one, two])
        try bench.tell(.pool(.damaged([two.sha256])))
        try bench.tell(.catalogSurveyed([one, two]))
        #expect(tended(bench).map(\.package) == [one])
    }

    @Test func countersDecideWithinALineAndVersionsBetweenLines() throws {
        let packages = [
            try package("1.9", 1, counter: 3, line: "1"), try package("1.8-fix", 2, counter: 4, line: "1"),
            try package("2.0", 3, counter: 1, line: "2"),
        ]
        func choice(_ share: Share) -> Package? {
            ShareChoice(
                share, in: packages, shown: nil, shownBy: .newest, completed: CompletedKnowledge(),
                isHere: { _ in true }
            ).package
        }
        #expect(choice(try share()) == packages[2])
        #expect(choice(try share(line: "1")) == packages[1])
        #expect(choice(try share(line: "3")) == nil)
        let other = Share(name: try NodeName("x"), product: try ProductName("uv"), folder: "/x")
        #expect(choice(other) == nil)
    }

    @Test func aProductOfSeveralPlatformsNeedsOneNamed() throws {
        let packages = [
            try package("1.0", 1, counter: 1), try package("1.0", 2, counter: 1, platform: "linux-aarch64-glibc"),
        ]
        var bench = try bench([try share(), try share("arm", platform: "linux-aarch64-glibc")], here: packages)
        try bench.tell(.catalogSurveyed(packages))
        #expect(tended(bench).map(\.package) == [packages[1]])
        #expect(try codes(bench) == [.shareFailed])
        #expect(bench.store.events(limit: 99).last?.event.text.contains("--platform") == true)
        try bench.tell(.catalogSurveyed(packages))
        #expect(try codes(bench) == [.shareFailed], "said once")
    }

    @Test func aFailureIsSaidOnceAndTriedAgainLaterEachTime() throws {
        let share = try share()
        let package = try package("1.0", 1, counter: 1)
        var bench = try bench([share], here: [package])
        try bench.tell(.catalogSurveyed([package]))
        var waits: [Int64] = []
        for _ in 1...4 {
            #expect(tended(bench).map(\.package) == [package])
            try bench.tell(.shareTended(share, .failed("/srv/apps has no room")))
            let wake = try #require(bench.wakeTime())
            try bench.tell(.catalogSurveyed([package]))
            #expect(tended(bench).isEmpty, "not before its time")
            waits.append((wake - bench.now).components.seconds)
            bench.now = wake
            try bench.tell(.woke)
            #expect(surveys(bench) == 1)
            try bench.tell(.catalogSurveyed([package]))
        }
        #expect(waits == waits.sorted() && Set(waits).count == 4, "\(waits)")
        #expect(try codes(bench) == [.shareFailed])
        try bench.tell(.shareTended(share, .done(ShareView(shown: ShareView.name(of: package), isNew: true))))
        #expect(try codes(bench) == [.shareFailed, .sharePublished])
        try bench.tell(.catalogSurveyed([package]))
        #expect(tended(bench).isEmpty)
    }

    @Test func aNewerReleaseIsShownAsSoonAsItIsHere() throws {
        let share = try share()
        let (one, two) = (try package("1.0", 1, counter: 1), try package("2.0", 2, counter: 2))
        var bench = try bench([share], here: [one])
        try bench.tell(.catalogSurveyed([one, two]))
        try bench.tell(.shareTended(share, .done(ShareView(shown: ShareView.name(of: one), isNew: true))))
        try bench.tell(.catalogSurveyed([one, two]))
        try hold([two], &bench)
        #expect(surveys(bench) == 1)
        try bench.tell(.catalogSurveyed([one, two]))
        #expect(tended(bench).map(\.package) == [two])
    }

    @Test func whatIsShownStaysWhenItLeavesThePoolAndGoesWhenTheCatalogDropsIt() throws {
        let share = try share()
        let (one, two) = (try package("1.0", 1, counter: 1), try package("2.0", 2, counter: 2))
        var bench = try bench([share], here: [one, two])
        try bench.tell(.catalogSurveyed([one, two]))
        try bench.tell(.shareTended(share, .done(ShareView(shown: ShareView.name(of: two), isNew: true))))
        try bench.tell(.catalogSurveyed([one, two]))
        try bench.tell(.pool(.damaged([two.sha256])))
        try bench.tell(.catalogSurveyed([one, two]))
        #expect(tended(bench).isEmpty)
        // Also after a restart, when only the folder knows what it shows.
        try bench.restart(held: [one.sha256])
        try bench.tell(.sharesSet([share]))
        try bench.tell(.catalogSurveyed([one, two]))
        try bench.tell(.shareTended(share, .done(ShareView(shown: ShareView.name(of: two)))))
        try bench.tell(.catalogSurveyed([one, two]))
        #expect(tended(bench).map(\.package) == [two])
        try bench.tell(.shareTended(share, .done(ShareView(shown: ShareView.name(of: two)))))
        // Revoked by the vendor: the newest that is still named.
        try bench.tell(.catalogSurveyed([one]))
        #expect(tended(bench).map(\.package) == [one])
    }

    @Test func whatNobodyNamesAnyMoreIsShownOnAndSaidOnce() throws {
        let share = try share()
        let one = try package("1.0", 1, counter: 1)
        var bench = try bench([share], here: [one])
        try bench.tell(.catalogSurveyed([one]))
        try bench.tell(.shareTended(share, .done(ShareView(shown: ShareView.name(of: one), isNew: true))))
        for _ in 1...2 {
            try bench.tell(.catalogSurveyed([]))
            if !tended(bench).isEmpty {
                try bench.tell(.shareTended(share, .done(ShareView(shown: ShareView.name(of: one)))))
            }
        }
        #expect(try codes(bench) == [.sharePublished, .shareFailed])
    }

    @Test func theHubHearsOfEveryShareAfterEachConnectAndAtChanges() throws {
        let share = try share()
        let one = try package("1.0", 1, counter: 1)
        var bench = try bench([share], here: [one])
        func told(_ bench: SpokeBench) -> [Shares.Item]? {
            bench.requests(on: SpokeBench.hub).compactMap {
                if case .shares(let shares) = $0.message { shares.items } else { nil }
            }.last
        }
        try bench.openHub()
        #expect(told(bench)?.map(\.state) == [.waiting])
        try bench.tell(.catalogSurveyed([one]))
        #expect(told(bench)?.map(\.state) == [.publishing])
        try bench.tell(.shareTended(share, .done(ShareView(shown: ShareView.name(of: one), isNew: true))))
        #expect(told(bench)?.first?.release == "1.0" && told(bench)?.first?.state == .published)
        try bench.tell(.catalogSurveyed([one]))
        #expect(told(bench) == nil, "nothing has changed")
        try bench.tell(.sharesSet([]))
        #expect(told(bench) == [])
        // The hub can say nothing about them.
        guard case .error(let reply)? = try bench.ask(SpokeBench.hub, .shares(Shares([]))) else {
            return #expect(Bool(false), "taken")
        }
        #expect(reply.code == .unsupported)
    }

    @Test func aShareThatWasChangedUnderWayIsLookedAtAnew() throws {
        let share = try share()
        let one = try package("1.0", 1, counter: 1)
        var bench = try bench([share], here: [one])
        try bench.tell(.catalogSurveyed([one]))
        var changed = share
        changed.folder = "/srv/elsewhere"
        try bench.tell(.sharesSet([changed]))
        try bench.tell(.shareTended(share, .done(ShareView(shown: ShareView.name(of: one), isNew: true))))
        try bench.tell(.catalogSurveyed([one]))
        #expect(tended(bench).map(\.share) == [changed])
    }

    @Test func aFileThatIsHereUnpackedOnlyIsFetchedAsItWasPublished() throws {
        let share = try share()
        var one = try package("1.0", 1, counter: 1, kind: .script)
        one.metadata.content = PackageContent(
            coding: .gzip, length: ByteCount(900), sha256: try SpokeBench.digest(7))
        var bench = try SpokeBench()
        try bench.openHub()
        bench.store.save(
            WantedReplica(
                path: one.path, sha256: one.sha256, length: one.length, content: one.metadata.content, priority: 1,
                state: .verified))
        try bench.restart(held: [try SpokeBench.digest(7)])
        try bench.openHub()
        try bench.tell(.sharesSet([share]))
        try bench.tell(.catalogSurveyed([one]))
        try bench.tell(.shareTended(share, .done(ShareView(shown: nil))))
        try bench.tell(.catalogSurveyed([one]))
        #expect(tended(bench).map(\.package) == [one])
        try bench.tell(.shareTended(share, .needsPublishedFile))
        #expect(bench.effects.contains(.findTarget(one.path)))
    }

    // MARK: - Shares that follow rollouts

    /// The hub says which releases of ruff completed, by line.
    private func completed(_ lines: [String: String]) throws -> Message {
        var releases: [LineName: ReleaseName] = [:]
        for (line, release) in lines { releases[try LineName(line)] = try ReleaseName(release) }
        return .completedReleases(CompletedReleases([try ProductName("ruff"): releases]))
    }

    /// Answers surveys until none is under way, and gives the shares that the hub was told last
    /// meanwhile.
    @discardableResult
    private func settle(_ bench: inout SpokeBench, _ catalog: [Package]) throws -> (
        id: RequestID, items: [Shares.Item]
    )? {
        var told = toldShares(bench)
        repeat {
            try bench.tell(.catalogSurveyed(catalog))
            told = toldShares(bench) ?? told
        } while surveys(bench) > 0
        return told
    }

    private func toldShares(_ bench: SpokeBench) -> (id: RequestID, items: [Shares.Item])? {
        for case (let id, .shares(let shares)) in bench.requests(on: SpokeBench.hub).reversed() {
            return (id, shares.items)
        }
        return nil
    }

    @Test func aShareThatFollowsRolloutsShowsWhatTheHubSaysAlsoAfterARestartWithoutIt() throws {
        let share = try share(shows: .completed)
        let (one, two) = (try package("1.0", 1, counter: 1), try package("2.0", 2, counter: 2))
        var bench = try bench([share], here: [one, two])
        try bench.tell(.catalogSurveyed([one, two]))
        #expect(tended(bench).allSatisfy { $0.package == nil }, "nothing is said to be completed")
        try bench.openHub()
        let told = try #require(try settle(&bench, [one, two]))
        #expect(told.items.map(\.rule) == [.completed])
        #expect(told.items.first?.text == "the hub has not said yet which rollouts of ruff completed")
        try bench.tell(.link(.reply(SpokeBench.hub, told.id, try completed(["0": "1.0"]))))
        #expect(surveys(bench) == 1)
        try bench.tell(.catalogSurveyed([one, two]))
        #expect(tended(bench).map(\.package) == [one])
        // The site starts again while its hub is away.
        try bench.restart(held: [one.sha256, two.sha256])
        try bench.tell(.sharesSet([share]))
        try bench.tell(.shareTended(share, .done(ShareView(shown: nil))))
        try bench.tell(.catalogSurveyed([one, two]))
        #expect(tended(bench).map(\.package) == [one])
        try bench.tell(
            .shareTended(share, .done(ShareView(shown: ShareView.name(of: one), shownBy: .completed, isNew: true))))
        // The next one comes as a request.
        try bench.openHub()
        try settle(&bench, [one, two])
        #expect(try bench.ask(SpokeBench.hub, try completed(["0": "2.0"])) == .ok(OK()))
        #expect(surveys(bench) == 1)
        try bench.tell(.catalogSurveyed([one, two]))
        #expect(tended(bench).map(\.package) == [two])
    }

    @Test func aReleaseWhoseRolloutFailedLateStaysAndTheReasonIsSaidOnce() throws {
        let share = try share(shows: .completed)
        let (one, two) = (try package("1.0", 1, counter: 1), try package("2.0", 2, counter: 2))
        var bench = try bench([share], here: [one, two])
        try bench.openHub()
        try bench.ask(SpokeBench.hub, try completed(["0": "2.0"]))
        try bench.tell(.catalogSurveyed([one, two]))
        #expect(tended(bench).map(\.package) == [two])
        let view = ShareView(shown: ShareView.name(of: two), shownBy: .completed, isNew: true)
        try bench.tell(.shareTended(share, .done(view)))
        for _ in 1...3 {
            try bench.ask(SpokeBench.hub, try completed(["0": "1.0"]))
            try bench.tell(.catalogSurveyed([one, two]))
            #expect(tended(bench).allSatisfy { $0.package == nil }, "it went back")
            if !tended(bench).isEmpty {
                try bench.tell(
                    .shareTended(share, .done(ShareView(shown: ShareView.name(of: two), shownBy: .completed))))
            }
        }
        #expect(try codes(bench) == [.sharePublished, .shareFailed])
        #expect(bench.store.events(limit: 99).last?.event.text.contains("no longer counts as completed") == true)
        // The owner changes the rule, which leads back; then follows rollouts again.
        var pinned = share
        pinned.shows = .pinned(try ReleaseName("1.0"))
        try bench.tell(.sharesSet([pinned]))
        try bench.tell(.catalogSurveyed([one, two]))
        try bench.tell(.shareTended(pinned, .done(ShareView(shown: ShareView.name(of: two), shownBy: .completed))))
        try bench.tell(.catalogSurveyed([one, two]))
        #expect(tended(bench).map(\.package) == [one])
    }

    @Test func aHubThatDoesNotSayWhichRolloutsCompletedIsNamed() throws {
        let one = try package("1.0", 1, counter: 1)
        var bench = try bench([try share(shows: .completed)], here: [one])
        try bench.openHub()
        let request = try #require(try settle(&bench, [one]))
        try bench.tell(.link(.reply(SpokeBench.hub, request.id, .ok(OK()))))
        #expect(surveys(bench) == 1)
        try bench.tell(.catalogSurveyed([one]))
        let items = try #require(toldShares(bench)).items
        #expect(items.first?.text.contains("upgrade axle-hub") == true && items.first?.state == .waiting)
        #expect(try codes(bench).isEmpty, "to wait is no failure")
    }

    @Test func aHubsAnswerThatIsTheSameAsBeforeCausesNothing() throws {
        let one = try package("1.0", 1, counter: 1)
        var bench = try bench([try share(shows: .completed)], here: [one])
        try bench.openHub()
        try settle(&bench, [one])
        try bench.ask(SpokeBench.hub, try completed([:]))
        #expect(surveys(bench) == 1)
        try settle(&bench, [one])
        try bench.ask(SpokeBench.hub, try completed([:]))
        #expect(surveys(bench) == 0)
    }
}

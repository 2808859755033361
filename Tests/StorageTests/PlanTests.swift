import Model
import Storage
import StorageSupport
import Testing

@Suite struct PlanTests {
    private static func holding(
        _ release: String, line: String = "1", counter: UInt64, product: String = "tool", length: UInt64 = 100
    ) throws -> PrunePlan.Holding {
        PrunePlan.Holding(
            digest: try digest(of: Array("\(product) \(release)".utf8)), length: ByteCount(length),
            product: try ProductName(product), line: try LineName(line), release: try ReleaseName(release),
            counter: counter)
    }

    private static func entries(_ holdings: [PrunePlan.Holding]) -> [PoolEntry] {
        holdings.map { PoolEntry(digest: $0.digest, length: $0.length) }
    }

    @Test func theNewestReleasesOfEachLineStayAndTheOthersGoOldestFirst() throws {
        let holdings =
            try (1...7).map { try Self.holding("1.\($0)", counter: UInt64($0)) }
            + (1...3).map { try Self.holding("2.\($0)", line: "2", counter: UInt64($0)) }
        let plan = PrunePlan(stored: Self.entries(holdings), holdings: holdings)
        #expect(plan.removals.map(\.holding.release.text) == ["1.1", "1.2", "1.3"])
        #expect(plan.removals.map(\.newer) == [6, 5, 4])
        #expect(plan.kept.count == 7 && plan.freed == ByteCount(300))
        #expect(plan.removals(freeing: ByteCount(101)).map(\.holding.release.text) == ["1.1", "1.2"])
        let two = PrunePlan(
            stored: Self.entries(holdings), holdings: holdings, rules: PrunePlan.Rules(releasesPerLine: 2))
        #expect(two.removals.count == 6)
    }

    @Test func whatOnlyTheRulesKeepYieldsToARolloutOldestFirst() throws {
        let holdings = try (1...5).map { try Self.holding("1.\($0)", counter: UInt64($0)) }
        let needs = PrunePlan.Needs(
            rollouts: [holdings[4].digest: "second"], pinned: [holdings[1].digest], inUse: [holdings[3].digest])
        let plan = PrunePlan(stored: Self.entries(holdings), holdings: holdings, needs: needs)
        #expect(plan.removals.map(\.holding.release.text) == ["1.1"])
        // Neither what the rollout needs nor what is pinned or in use.
        #expect(plan.yielding.map(\.holding.release.text) == ["1.3"])
        let all = PrunePlan(stored: Self.entries(holdings), holdings: holdings)
        #expect(all.yielding.map(\.holding.release.text) == ["1.2", "1.3", "1.4", "1.5"])
        #expect(all.yielding(freeing: ByteCount(101)).map(\.holding.release.text) == ["1.2", "1.3"])
        #expect(all.without([holdings[1].digest]).yielding.count == 3)
    }

    @Test func theNewestFixPackOfEachMajorReleaseStays() throws {
        // One line whose major release changes: 8.9 is the last of its major, far behind the newest.
        let holdings = try [
            Self.holding("8.8", counter: 1), Self.holding("8.9", counter: 2), Self.holding("9.1", counter: 3),
            Self.holding("9.2", counter: 4), Self.holding("9.10", counter: 5),
        ]
        let plan = PrunePlan(
            stored: Self.entries(holdings), holdings: holdings, rules: PrunePlan.Rules(releasesPerLine: 1))
        #expect(plan.removals.map(\.holding.release.text) == ["8.8", "9.1", "9.2"])
        #expect(plan.kept.contains { $0.holding?.release.text == "8.9" && $0.reason == .newestFixPack(major: "8") })
    }

    /// Days have no major release, and a release is newer than its candidate whatever the names look like.
    @Test func theNewestFixPackIsTheOneOfTheHighestCounterAndDaysAreOneMajorRelease() throws {
        let holdings = try [
            Self.holding("1.0.0", counter: 2), Self.holding("1.0.0-rc.1", counter: 1),
            Self.holding("20260901", line: "main", counter: 1), Self.holding("20261001", line: "main", counter: 2),
        ]
        let plan = PrunePlan(
            stored: Self.entries(holdings), holdings: holdings, rules: PrunePlan.Rules(releasesPerLine: 1))
        #expect(plan.removals.map(\.holding.release.text).sorted() == ["1.0.0-rc.1", "20260901"])
    }

    @Test func whatALiveRolloutNeedsOrAPinHoldsNeverGoes() throws {
        let holdings = try (1...5).map { try Self.holding("1.\($0)", counter: UInt64($0)) }
        let needs = PrunePlan.Needs(
            rollouts: [holdings[0].digest: "spring"], pinned: [holdings[1].digest], inUse: [holdings[2].digest])
        let plan = PrunePlan(
            stored: Self.entries(holdings), holdings: holdings, rules: PrunePlan.Rules(releasesPerLine: 1), needs: needs
        )
        #expect(plan.removals.map(\.holding.release.text) == ["1.4"])
        #expect(plan.kept.first { $0.digest == holdings[0].digest }?.reason == .liveRollout("spring"))
        #expect(plan.kept.first { $0.digest == holdings[1].digest }?.reason == .pinned)
    }

    @Test func aReleaseForManyPlatformsIsOnePlaceAndAPackageWithTwoNamesStaysForOne() throws {
        let one = try Self.holding("1.1", counter: 1)
        let other = PrunePlan.Holding(
            digest: try digest(of: [9]), length: one.length, product: one.product, line: one.line, release: one.release,
            counter: 1)
        // The same bytes were published again as the newest release.
        let again = PrunePlan.Holding(
            digest: one.digest, length: one.length, product: one.product, line: one.line,
            release: try ReleaseName("1.2"), counter: 2)
        let plan = PrunePlan(
            stored: Self.entries([one, other]), holdings: [one, other, again],
            rules: PrunePlan.Rules(releasesPerLine: 1))
        #expect(plan.removals.map(\.holding.digest) == [other.digest])
    }

    @Test func whatNoCatalogNamesStaysAndIsSaid() throws {
        let entry = PoolEntry(digest: try digest(of: [1]), length: ByteCount(5))
        let plan = PrunePlan(stored: [entry], holdings: [])
        #expect(plan.removals.isEmpty && plan.kept.map(\.reason) == [.unknown])
    }

    @Test(arguments: PoolKind.allCases) func executingAPlanSparesWhatIsNeededByThen(kind: PoolKind) throws {
        let pool = try PoolFixture(kind).open()
        var holdings: [PrunePlan.Holding] = []
        for number in 1...4 {
            let bytes = sample(number, 5000)
            let made = try Self.holding("1.\(number)", counter: UInt64(number), length: 5000)
            holdings.append(
                PrunePlan.Holding(
                    digest: try pool.add(bytes), length: made.length, product: made.product, line: made.line,
                    release: made.release, counter: made.counter))
        }
        let plan = PrunePlan(stored: pool.list(), holdings: holdings, rules: PrunePlan.Rules(releasesPerLine: 1))
        #expect(plan.removals.count == 3)
        let reader = try pool.open(holdings[1].digest)
        let outcome = pool.execute(plan) { $0 != holdings[0].digest }
        #expect(outcome.removed == [holdings[2].digest])
        #expect(outcome.refused[holdings[1].digest] == .inUse(holdings[1].digest))
        #expect(outcome.refused[holdings[0].digest] == .inUse(holdings[0].digest))
        #expect(try reader.read(at: .zero, count: 5000) == sample(2, 5000))
        #expect(pool.list().count == 3)
    }

    // MARK: Scrub

    @Test func everyPartIsReadOnceInAPeriodEvenlySpreadAndNothingTwiceAfterAPause() throws {
        let units = (1...4).map { ScrubUnit.container(UInt64($0)) }
        let start = UnixTime(seconds: 1_000_000)
        var schedule = ScrubSchedule(began: start, period: .seconds(400), rate: ByteCount(1000))
        var read: [ScrubUnit] = []
        var now = start
        // The machine is off for a while in the middle.
        for jump in [0, 10, 90, 250, 0, 0, 60, 1, 400] {
            now = now + .seconds(jump)
            schedule.renew(of: units, at: now)
            if case .read(let unit) = schedule.next(of: units, at: now) {
                read.append(unit)
                schedule.finished(of: units, at: now)
            }
        }
        #expect(read == units + [units[0], units[1]])
        #expect(schedule.pause(after: ByteCount(5000), taking: .seconds(2)) == .seconds(3))
        #expect(schedule.pause(after: ByteCount(5000), taking: .seconds(9)) == .zero)
        #expect(ScrubSchedule(began: start).next(of: [], at: start) != .read(units[0]))
    }

    @Test(arguments: PoolKind.onDisk) func aScrubberKeepsToItsRateAndRepairs(kind: PoolKind) throws {
        let fixture = try PoolFixture(kind)
        let pool = try fixture.open()
        let bytes = sample(1, 2_500_000)
        let name = try pool.add(bytes)
        try fixture.damage(name)
        let source = try SampleSource([bytes])
        let scrubber = Scrubber(
            pool: pool, source: source, length: { $0 == name ? ByteCount(2_500_000) : nil }, sleep: { _ in })
        let schedule = ScrubSchedule(began: UnixTime(seconds: 0), rate: ByteCount(1_000_000))
        var repaired: [SHA256Digest] = []
        var fetched = ByteCount.zero
        for unit in pool.scrubUnits() {
            let outcome = scrubber.run(unit, schedule)
            #expect(outcome.failures.isEmpty)
            repaired += outcome.repaired
            fetched += outcome.fetched
        }
        #expect(repaired == [name] && fetched.bytes <= 1 << 18)
        #expect(try pool.content(name) == bytes)
    }
}

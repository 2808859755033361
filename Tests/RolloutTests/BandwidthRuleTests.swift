import Model
import Rollout
import Testing

struct BandwidthRuleTests {
    private static let zone: ZoneLookup = { (name) throws(ZoneError) in
        switch name {
        case "Europe/Berlin":
            guard let berlin = try? WindowTests.berlin() else { throw .badName }  // its times are right
            return berlin
        case "UTC": return FixedZone.utc
        default: throw .unknown(folder: "/zones")
        }
    }

    private func schedule(_ rule: String, _ from: String, days: Int64 = 8) throws -> RateSchedule {
        try BandwidthRule(rule).schedule(from: try UnixTime(from), days: days, zones: Self.zone)
    }

    @Test(arguments: [
        ("none", "none"), ("20 Mbit/s", "20 Mbit/s"), ("20Mbit/s", "20 Mbit/s"),
        (
            "20 Mbit/s Mon–Fri 08:00-18:00 Europe/Berlin, else 100 Mbit/s",
            "20 Mbit/s mon-fri 08:00-18:00 Europe/Berlin, else 100 Mbit/s"
        ),
        ("none 22:00-05:00 UTC, 1 Mbit/s", "none 22:00-05:00 UTC, else 1 Mbit/s"),
        ("1 Mbit/s sat 00:00-00:00 UTC", "1 Mbit/s sat 00:00-00:00 UTC, else none"),
        ("1 Mbit/s fri-mon 00:00-12:00 UTC,else none", "1 Mbit/s fri-mon 00:00-12:00 UTC, else none"),
    ])
    func aRuleIsReadAndShownInOneSpelling(text: String, shown: String) throws {
        let rule = try BandwidthRule(text)
        #expect(rule.description == shown)
        #expect(try BandwidthRule(shown) == rule)
    }

    @Test(arguments: [
        "", "else", "fast", "20", "20 MB/s", "20 Mbit/s mon-fri", "20 Mbit/s 08:00-18:00",
        "20 Mbit/s mon-fri 08:00 UTC",
        "20 Mbit/s mon-fri 8-18 UTC", "20 Mbit/s moon 08:00-18:00 UTC", "20 Mbit/s mon-wed-fri 08:00-18:00 UTC",
        "20 Mbit/s 08:00-18:00 UTC now", "20 Mbit/s, 30 Mbit/s", "20 Mbit/s, 30 Mbit/s 08:00-18:00 UTC",
        "else 20 Mbit/s 08:00-18:00 UTC", "20 Mbit/s 08:00-18:00 UTC,", "1 kbit/s", "20 Mbit/s 24:00-25:00 UTC",
        String(repeating: "1 Mbit/s 01:00-02:00 UTC,", count: 9) + "none", String(repeating: "9", count: 2000),
    ])
    func whatIsNoRuleIsRefused(text: String) {
        #expect(throws: RolloutError.self) { try BandwidthRule(text) }
    }

    @Test func hoursAreThoseOfThePlaceAndTheRestHasItsOwnRate() throws {
        let schedule = try schedule(
            "20 Mbit/s mon-fri 08:00-18:00 Europe/Berlin, else 100 Mbit/s", "2025-01-10T00:00:00Z", days: 4)
        // 10 January 2025 is a Friday; Berlin is an hour ahead.
        let (slow, fast) = (try BitRate("20 Mbit/s"), try BitRate("100 Mbit/s"))
        #expect(
            schedule.steps == [
                .init(start: try UnixTime("2025-01-10T00:00:00Z"), rate: fast),
                .init(start: try UnixTime("2025-01-10T07:00:00Z"), rate: slow),
                .init(start: try UnixTime("2025-01-10T17:00:00Z"), rate: fast),
                .init(start: try UnixTime("2025-01-13T07:00:00Z"), rate: slow),
                .init(start: try UnixTime("2025-01-13T17:00:00Z"), rate: fast),
            ])
    }

    @Test func daylightSavingMovesTheHoursInUTC() throws {
        let schedule = try schedule("1 Mbit/s 08:00-18:00 Europe/Berlin", "2025-03-29T12:00:00Z", days: 2)
        #expect(
            schedule.steps.map { "\($0.start)" } == [
                "2025-03-29T12:00:00Z", "2025-03-29T17:00:00Z", "2025-03-30T06:00:00Z", "2025-03-30T16:00:00Z",
                "2025-03-31T06:00:00Z",
            ])
    }

    @Test func ofPartsThatOverlapTheFirstCounts() throws {
        let schedule = try schedule(
            "1 Mbit/s 10:00-12:00 UTC, 5 Mbit/s 08:00-18:00 UTC, else none", "2025-01-10T00:00:00Z", days: 1)
        #expect(
            schedule.steps.map { $0.rate?.description ?? "none" } == [
                "none", "5 Mbit/s", "1 Mbit/s", "5 Mbit/s", "none",
            ])
    }

    @Test func aRuleThatAlwaysSaysTheSameNeverChanges() throws {
        let schedule = try schedule("1 Mbit/s 08:00-18:00 UTC, else 1 Mbit/s", "2025-01-10T12:00:00Z")
        #expect(schedule.rate(at: try UnixTime("2025-01-10T12:00:00Z")) == (try BitRate("1 Mbit/s"), nil))
    }

    @Test func aZoneThatNobodyKnowsIsRefused() throws {
        #expect(
            throws: RolloutError.limit(
                "names the time zone Mars/Olympus, which cannot be used: \(ZoneError.unknown(folder: "/zones"))")
        ) {
            try schedule("1 Mbit/s 08:00-18:00 Mars/Olympus", "2025-01-10T12:00:00Z")
        }
    }
}

import Model
import Rollout
import Testing

/// A zone with given changes: the offset before the first, then the offset from each moment on.
struct TableZone: ZoneRules {
    let before: Int
    let changes: [(UnixTime, Int)]
    func utcOffset(at time: UnixTime) -> Int { changes.last { $0.0 <= time }?.1 ?? before }
}

struct WindowTests {
    /// Berlin in 2025: summer time from 30 March 01:00 UTC to 26 October 01:00 UTC.
    static func berlin() throws -> TableZone {
        TableZone(
            before: 3600,
            changes: [(try UnixTime("2025-03-30T01:00:00Z"), 7200), (try UnixTime("2025-10-26T01:00:00Z"), 3600)])
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var window: (String, String, [String])
        var horizon: (String, String)
        var expected: [String]
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(
            name: "winter day", window: ("10:00", "12:00", []),
            horizon: ("2025-01-10T00:00:00Z", "2025-01-12T00:00:00Z"),
            expected: ["2025-01-10T09:00:00Z/2025-01-10T11:00:00Z", "2025-01-11T09:00:00Z/2025-01-11T11:00:00Z"]),
        Row(
            name: "over midnight", window: ("22:00", "05:00", []),
            horizon: ("2025-01-10T12:00:00Z", "2025-01-11T12:00:00Z"),
            expected: ["2025-01-10T21:00:00Z/2025-01-11T04:00:00Z"]),
        Row(
            name: "horizon cuts", window: ("22:00", "05:00", []),
            horizon: ("2025-01-10T02:00:00Z", "2025-01-10T22:00:00Z"),
            expected: ["2025-01-10T02:00:00Z/2025-01-10T04:00:00Z", "2025-01-10T21:00:00Z/2025-01-10T22:00:00Z"]),
        Row(
            name: "Friday night only", window: ("22:00", "05:00", ["fri"]),
            horizon: ("2025-01-06T00:00:00Z", "2025-01-20T00:00:00Z"),
            expected: ["2025-01-10T21:00:00Z/2025-01-11T04:00:00Z", "2025-01-17T21:00:00Z/2025-01-18T04:00:00Z"]),
        Row(
            name: "all day is one span", window: ("00:00", "00:00", []),
            horizon: ("2025-01-10T00:00:00Z", "2025-01-12T00:00:00Z"),
            expected: ["2025-01-10T00:00:00Z/2025-01-12T00:00:00Z"]),
        Row(
            name: "a night over the gap is an hour shorter", window: ("22:00", "05:00", []),
            horizon: ("2025-03-29T12:00:00Z", "2025-03-30T12:00:00Z"),
            expected: ["2025-03-29T21:00:00Z/2025-03-30T03:00:00Z"]),
        Row(
            name: "a night over the overlap is an hour longer", window: ("22:00", "05:00", []),
            horizon: ("2025-10-25T12:00:00Z", "2025-10-26T12:00:00Z"),
            expected: ["2025-10-25T20:00:00Z/2025-10-26T04:00:00Z"]),
        Row(
            name: "a window inside the gap is left out", window: ("02:00", "03:00", []),
            horizon: ("2025-03-29T12:00:00Z", "2025-03-31T12:00:00Z"),
            expected: ["2025-03-31T00:00:00Z/2025-03-31T01:00:00Z"]),
        Row(
            name: "a window that begins in the gap begins after it", window: ("02:30", "04:00", []),
            horizon: ("2025-03-29T12:00:00Z", "2025-03-30T12:00:00Z"),
            expected: ["2025-03-30T01:00:00Z/2025-03-30T02:00:00Z"]),
        Row(
            name: "a window that ends in the gap ends at it", window: ("01:00", "02:30", []),
            horizon: ("2025-03-29T12:00:00Z", "2025-03-30T12:00:00Z"),
            expected: ["2025-03-30T00:00:00Z/2025-03-30T01:00:00Z"]),
        Row(
            name: "a window inside the overlap comes twice", window: ("02:00", "02:30", []),
            horizon: ("2025-10-25T12:00:00Z", "2025-10-26T12:00:00Z"),
            expected: ["2025-10-26T00:00:00Z/2025-10-26T00:30:00Z", "2025-10-26T01:00:00Z/2025-10-26T01:30:00Z"]),
        Row(
            name: "a window that begins in the overlap pauses", window: ("02:30", "04:00", []),
            horizon: ("2025-10-25T12:00:00Z", "2025-10-26T12:00:00Z"),
            expected: ["2025-10-26T00:30:00Z/2025-10-26T01:00:00Z", "2025-10-26T01:30:00Z/2025-10-26T03:00:00Z"]),
        Row(
            name: "Saturday night keeps its weekday over the overlap", window: ("23:00", "03:00", ["sat"]),
            horizon: ("2025-10-24T00:00:00Z", "2025-10-28T00:00:00Z"),
            expected: ["2025-10-25T21:00:00Z/2025-10-26T02:00:00Z"]),
    ]

    @Test(arguments: rows) func expandsBerlinNights(_ row: Row) throws {
        let window = try DailyWindow(from: row.window.0, to: row.window.1, days: row.window.2)
        let horizon = try TimeSpan(start: try UnixTime(row.horizon.0), end: try UnixTime(row.horizon.1))
        #expect(try window.spans(in: horizon, zone: try Self.berlin()).map(\.description) == row.expected)
    }

    @Test func aMomentIsInsideExactlyWhenTheWallClockSaysSo() throws {
        let zone = try Self.berlin()
        let horizon = try TimeSpan(
            start: try UnixTime("2025-10-24T00:00:00Z"), end: try UnixTime("2025-10-28T00:00:00Z"))
        for (from, to) in [(130, 150), (1320, 300), (0, 1), (90, 90), (150, 130)] {
            let spans = try DailyWindow(from: from, to: to).spans(in: horizon, zone: zone)
            for minute in 0..<(4 * 1440) {
                let time = horizon.start + .seconds(60 * minute)
                let wall = Int((time.seconds + Int64(zone.utcOffset(at: time))) / 60 % 1440)
                let inside = from < to ? (from..<to).contains(wall) : wall >= from || wall < to
                #expect(spans.contains { $0.contains(time) } == inside, "\(from) \(to) \(time)")
            }
        }
    }

    @Test func handlesZonesFarFromUTC() throws {
        let horizon = try TimeSpan(
            start: try UnixTime("2025-06-01T00:00:00Z"), end: try UnixTime("2025-06-03T00:00:00Z"))
        for offset in [-12 * 3600, 14 * 3600, 20_700] {
            let spans = try DailyWindow(from: 60, to: 120).spans(in: horizon, zone: FixedZone(seconds: offset))
            #expect(spans.count == 2)
            for span in spans { #expect(span.duration == .seconds(3600)) }
        }
    }

    @Test func refusesWhatIsNoWindow() throws {
        for (from, to, days) in [
            ("24:00", "05:00", [String]()), ("22:60", "05:00", []), ("2:00", "05:00", []), ("22:00", "", []),
            ("22:00", "05:00", ["Mon"]), ("22-00", "05:00", []), ("22:00:00", "05:00", []), ("-1:00", "05:00", []),
        ] { #expect(throws: RolloutError.self) { try DailyWindow(from: from, to: to, days: days) } }
        let window = try DailyWindow(from: 0, to: 60)
        #expect(throws: RolloutError.self) { try window.spans(in: .always, zone: FixedZone.utc) }
        #expect(throws: RolloutError.self) { try DailyWindow(from: 0, to: 1440) }
        #expect(throws: RolloutError.self) { try DailyWindow(from: 0, to: 60, days: []) }
    }

    private func span(_ start: Int64, _ end: Int64) throws -> TimeSpan {
        try TimeSpan(start: UnixTime(seconds: start), end: UnixTime(seconds: end))
    }

    @Test func schedulesSayWhenTheNextInstallMayStart() throws {
        let schedule = WindowSchedule([try span(300, 400), try span(100, 200), try span(150, 250), try span(400, 450)])
        #expect(schedule.windows == [try span(100, 250), try span(300, 450)])
        func next(_ seconds: Int64) -> Int64? { schedule.nextStart(UnixTime(seconds: seconds))?.seconds }
        #expect(next(0) == 100)
        #expect(next(100) == 100)
        #expect(next(249) == 249)
        #expect(next(250) == 300)
        #expect(next(449) == 449)
        #expect(next(450) == nil)
        #expect(schedule.phase(at: UnixTime(seconds: 450)) == .missed)
        #expect(schedule.phase(at: UnixTime(seconds: 120)) == .open(until: UnixTime(seconds: 250)))
        #expect(schedule.downloadStart(UnixTime(seconds: 0), lead: .seconds(30))?.seconds == 70)
        #expect(schedule.downloadStart(UnixTime(seconds: 80), lead: .seconds(30))?.seconds == 80)
        #expect(schedule.downloadStart(UnixTime(seconds: 0), lead: .seconds(-30))?.seconds == 100)
        #expect(schedule.downloadStart(UnixTime(seconds: 500), lead: .seconds(30)) == nil)
        #expect(schedule.end?.seconds == 450)
    }

    @Test func noWindowMeansAnyTime() {
        let schedule = WindowSchedule([])
        #expect(schedule.isAlways)
        #expect(schedule.phase(at: .zero) == .open(until: .distantFuture))
        #expect(schedule.nextStart(UnixTime(seconds: 5)) == UnixTime(seconds: 5))
        #expect(schedule.end == nil)
    }
}

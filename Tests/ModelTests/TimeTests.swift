import Foundation
import Model
import Testing

struct TimeTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2000-02-29T23:59:59Z", 951_868_799), ("2038-01-19T03:14:08Z", 2_147_483_648),
        ("1969-12-31T23:59:59Z", -1), ("0000-01-01T00:00:00Z", -62_167_219_200),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
        ("1900-02-28T00:00:00Z", -2_203_977_600), ("2024-12-31T12:30:45Z", 1_735_648_245),
    ]) func textAndSecondsAgree(_ text: String, _ seconds: Int64) throws {
        let time = try UnixTime(text)
        #expect(time.seconds == seconds)
        #expect(time.iso8601 == text)
        #expect(time.description == text)
        #expect(try UnixTime(strictISO8601: text) == time)
    }

    @Test func everyDayOfFourCenturiesComesBack() throws {
        var previous: CivilDate?
        for day in stride(from: -719_528, through: 2_932_896, by: 1)
        where day % 7 == 0 || abs(day) < 400 || (10_900..<11_100).contains(day) {
            let date = CivilDate(daysSinceEpoch: day)
            #expect(date.daysSinceEpoch == day)
            if let previous { #expect(previous < date) }
            previous = date
        }
        #expect(try #require(CivilDate(year: 2024, month: 7, day: 1)).weekday == 0)
    }

    @Test(arguments: [
        "", "2024-01-01", "2024-01-01T00:00:00", "2024-01-01T00:00:00+00:00", "2024-01-01t00:00:00z",
        "2024-13-01T00:00:00Z",
        "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:60Z", "2024-01-01T00:00:00.1Z", "2024-01-01T00:00:00.1234Z", "2024-01-01T00:00:00Z ",
        "+024-01-01T00:00:00Z",
        "2024-01-01 00:00:00Z", "2024-01-01T00:00:00.12xZ", "２024-01-01T00:00:00Z", "2024-01-01T00:00:00.123+",
    ]) func refuses(_ text: String) { #expect(throws: ModelError.self) { try UnixTime(text) } }

    @Test func strictFormHasNoMilliseconds() throws {
        #expect(try UnixTime("2024-01-01T00:00:00.250Z").milliseconds == 1_704_067_200_250)
        #expect(try UnixTime("2024-01-01T00:00:00.250Z").description == "2024-01-01T00:00:00.250Z")
        #expect(throws: ModelError.self) { try UnixTime(strictISO8601: "2024-01-01T00:00:00.250Z") }
        #expect(UnixTime(milliseconds: -1).description == "1969-12-31T23:59:59.999Z")
    }

    @Test func arithmeticSaturates() {
        #expect(UnixTime.distantFuture + .seconds(1) == .distantFuture)
        #expect(UnixTime.distantPast - .seconds(1) == .distantPast)
        #expect(UnixTime.zero + .seconds(Int64.max) == .distantFuture)
        #expect(UnixTime.zero + .seconds(Int64.min) == UnixTime(milliseconds: .min))
        #expect(UnixTime.distantFuture - UnixTime.distantPast == .milliseconds(Int64.max))
        #expect(UnixTime.distantPast - UnixTime.distantFuture == .milliseconds(Int64.min))
        #expect(UnixTime(seconds: .max) == .distantFuture)
        #expect(UnixTime.zero + .microseconds(-1) == UnixTime(milliseconds: -1))
        #expect(UnixTime.distantFuture.iso8601 == "9999-12-31T23:59:59Z")
        #expect(UnixTime.distantPast.iso8601 == "0000-01-01T00:00:00Z")
    }

    @Test func spansAreHalfOpen() throws {
        let span = try TimeSpan(start: UnixTime(seconds: 10), end: UnixTime(seconds: 20))
        let next = try TimeSpan(start: UnixTime(seconds: 20), end: UnixTime(seconds: 30))
        #expect(span.contains(UnixTime(seconds: 10)))
        #expect(!span.contains(UnixTime(seconds: 20)))
        #expect(!span.overlaps(next))
        #expect(span.intersection(next) == nil)
        #expect(span.union(next)?.duration == .seconds(20))
        #expect(throws: ModelError.self) { try TimeSpan(start: .zero, end: .zero) }
        let json = Data(#"{"start":"2024-01-02T00:00:00Z","end":"2024-01-01T00:00:00Z"}"#.utf8)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(TimeSpan.self, from: json) }
    }
}

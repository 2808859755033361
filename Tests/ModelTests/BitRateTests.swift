import Model
import Testing

struct BitRateTests {
    @Test(
        arguments: [
            ("20 Mbit/s", 20_000_000, "20 Mbit/s"), ("20Mbit/s", 20_000_000, "20 Mbit/s"),
            ("1.5 Mbit/s", 1_500_000, "1.5 Mbit/s"), ("512 kbit/s", 512_000, "512 kbit/s"),
            ("1500 kbit/s", 1_500_000, "1.5 Mbit/s"), ("8 kbit/s", 8000, "8 kbit/s"),
            ("0.05 Mbit/s", 50_000, "50 kbit/s"),
            ("1000 Gbit/s", 1_000_000_000_000, "1000 Gbit/s"), ("1.001 Gbit/s", 1_001_000_000, "1.001 Gbit/s"),
        ] as [(String, UInt64, String)])
    func aRateIsReadAndShown(text: String, bits: UInt64, shown: String) throws {
        let rate = try BitRate(text)
        #expect(rate.bitsPerSecond == bits)
        #expect(rate.description == shown)
        #expect(try BitRate(shown) == rate)
    }

    @Test(arguments: [
        "", "20", "Mbit/s", "20 MB/s", "20 mbit/s", "-1 Mbit/s", "1e3 kbit/s", "1. Mbit/s", "1.2345 Mbit/s",
        "1.2.3 Mbit/s",
        "7 kbit/s", "7.999 kbit/s", "1001 Gbit/s", "99999999999999999999 Gbit/s", "20 Mbit/s ", "20 Mbit/sec",
    ])
    func whatIsNoRateIsRefused(text: String) {
        #expect(throws: ModelError.self) { try BitRate(text) }
    }

    @Test func timeAndBytesFollowTheRateAndNeverOverflow() throws {
        let rate = try BitRate("8 kbit/s")
        #expect(rate.duration(of: 1000) == .seconds(1))
        #expect(rate.duration(of: .max) > .seconds(1 << 30))
        #expect(rate.duration(of: -1) == .zero)
        #expect(rate.bytes(inMilliseconds: 10) == 10)
        #expect(try BitRate("1000 Gbit/s").bytes(inMilliseconds: .max) == 125_000_000 * Int(UInt32.max))
    }

    @Test func aScheduleHasOneRateAtEveryMoment() throws {
        let (slow, fast) = (try BitRate("1 Mbit/s"), try BitRate("9 Mbit/s"))
        let schedule = RateSchedule([
            .init(start: at(300), rate: nil), .init(start: at(100), rate: slow), .init(start: at(200), rate: slow),
            .init(start: at(250), rate: fast), .init(start: at(250), rate: slow),
        ])
        #expect(schedule.steps.map(\.start) == [at(100), at(300)])
        #expect(schedule.rate(at: at(0)) == (slow, at(300)))
        #expect(schedule.rate(at: at(299)) == (slow, at(300)))
        #expect(schedule.rate(at: at(300)) == (nil, nil))
        #expect(RateSchedule([]).rate(at: at(0)) == (nil, nil))
        let many = RateSchedule((0..<1000).map { .init(start: at($0), rate: $0 % 2 == 0 ? slow : fast) })
        #expect(many.steps.count == RateSchedule.stepLimit)
    }

    private func at(_ seconds: Int64) -> UnixTime { UnixTime(seconds: seconds) }
}

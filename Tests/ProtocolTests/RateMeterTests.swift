import Protocol
import Testing

@Suite("RateMeter: bytes a second over the last seconds")
struct RateMeterTests {
    @Test("a steady stream is shown as what it is, at every moment")
    func steady() {
        var meter = RateMeter(at: .seconds(100))
        for step in 0..<2000 {
            let now = Duration.seconds(100) + .milliseconds(step * 10)
            meter.count(1000, at: now)
            guard step > 100 else { continue }
            #expect((99_000...101_100).contains(meter.rate(at: now)), "\(step): \(meter.rate(at: now))")
        }
    }

    @Test("a stream that has ended is forgotten within two windows, and a pause of any length is none")
    func ends() {
        var meter = RateMeter(at: .zero)
        for step in 0..<1000 { meter.count(1000, at: .milliseconds(step * 10)) }
        #expect(meter.rate(at: .seconds(20)) == 0)
        #expect(meter.rate(at: .seconds(90_000)) == 0)
        meter.count(500, at: .seconds(90_000))
        #expect(meter.rate(at: .seconds(90_000)) == 500)
    }

    @Test("the first packet is no record")
    func begins() {
        var meter = RateMeter(at: .seconds(1))
        meter.count(1 << 20, at: .seconds(1) + .nanoseconds(1))
        #expect(meter.rate(at: .seconds(1) + .nanoseconds(2)) == 1 << 20)
    }
}

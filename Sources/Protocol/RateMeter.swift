/// How fast bytes pass, over the last seconds: three words, no timer.
///
/// Bytes are counted in windows of five seconds; the rate is that of the last whole window and the one that runs. Uptimes never go back.
package struct RateMeter: Sendable {
    package static let window: Duration = .seconds(5)

    private var start: Duration
    private var current: UInt64 = 0
    private var before: UInt64 = 0

    package init(at now: Duration) {
        start = now
    }

    private mutating func move(to now: Duration) {
        guard now - start >= Self.window else { return }
        before = now - start < Self.window + Self.window ? current : 0
        current = 0
        start = before > 0 ? start + Self.window : now
    }

    /// Counts bytes that passed now.
    package mutating func count(_ bytes: Int, at now: Duration) {
        move(to: now)
        current &+= UInt64(max(0, bytes))
    }

    /// Bytes a second, from 5 to 10 seconds back until now.
    package func rate(at now: Duration) -> UInt64 {
        var meter = self
        meter.move(to: now)
        let span = (meter.before > 0 ? Self.window : .zero) + (now - meter.start)
        // At the very beginning a second is assumed, so that the first packet is no record.
        let seconds = max(span, .seconds(1)) / .seconds(1)
        return UInt64(Double(meter.before &+ meter.current) / seconds)
    }
}

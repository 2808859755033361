/// Waits between attempts: exponential, with full jitter, so that a thousand peers do not come back at once.
///
/// Pure: random numbers come in. The n-th wait is drawn evenly from half of to the whole of `first`·2ⁿ, at most `longest`.
package struct Backoff: Sendable {
    package let first: Duration
    package let longest: Duration
    /// How many attempts have failed in a row.
    package private(set) var failures = 0
    /// What the peer asked for at least, used once.
    private var floor: Duration = .zero

    package init(first: Duration = .seconds(1), longest: Duration = .seconds(300)) {
        self.first = first
        self.longest = longest
    }

    /// The next attempt is not made before this, plus up to a tenth of it, since all peers were told the same.
    package mutating func retryAfter(_ wait: Duration) {
        floor = max(floor, min(wait, .seconds(86400)))
    }

    /// How long to wait now, after one more failure.
    package mutating func next(using random: inout some RandomNumberGenerator) -> Duration {
        let exponent = min(failures, 30)
        failures = min(failures, Int.max - 1) + 1
        var ceiling = first
        for _ in 0..<exponent where ceiling < longest { ceiling *= 2 }
        ceiling = min(ceiling, longest)
        let jittered = ceiling / 2 + ceiling / 2 * Double.random(in: 0...1, using: &random)
        defer { floor = .zero }
        guard floor > .zero else { return jittered }
        return max(jittered, floor + floor * Double.random(in: 0...0.1, using: &random))
    }

    /// The peer works again.
    package mutating func reset() {
        failures = 0
        floor = .zero
    }
}

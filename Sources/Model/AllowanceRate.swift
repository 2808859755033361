/// How many at once after a pause, and how long until one more is allowed.
package struct AllowanceRate: Hashable, Sendable {
    package let burst: Int
    package let interval: Duration

    /// A burst of at least 1, refilled by one in each interval of at least 1 ms.
    package init(burst: Int, every interval: Duration) {
        self.burst = max(1, burst)
        self.interval = max(.milliseconds(1), interval)
    }

    /// How long an empty bucket takes to fill.
    package var refill: Duration { interval * burst }
}

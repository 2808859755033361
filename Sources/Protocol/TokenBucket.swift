package import Model

/// Spreads bytes over time, so that no more than a rate goes out: the token bucket as a schedule of when it is full again (GCRA).
///
/// Bytes are reserved in the order of asking, and each reservation says from when on its bytes may go; so many who share a bucket get the same.
/// After a pause at most `burst` goes out at once: no stored-up time is ever more than that.
package struct TokenBucket: Sendable {
    package let rate: BitRate
    /// How many bytes are reserved at a time: what passes in 10 ms, from 2 to 128 KiB. A limited link wakes up at most as often.
    package let quantum: Int
    /// What may go out at once after a pause, as time at the rate: 50 ms, or two reservations where those are longer.
    package let burst: Duration
    /// When all that was reserved has passed at the rate.
    private var end: Duration

    /// A bucket that is full.
    package init(_ rate: BitRate) {
        self.rate = rate
        quantum = min(max(rate.bytes(inMilliseconds: 10), 2 << 10), ProtocolLimits.dataLength)
        burst = max(.milliseconds(50), rate.duration(of: 2 * quantum))
        end = .zero - .seconds(1 << 30)
    }

    /// Reserves `quantum` bytes; gives the uptime from which they may go, which is `now` or later.
    package mutating func reserve(at now: Duration) -> Duration {
        end = max(end, now) + rate.duration(of: quantum)
        return max(now, end - burst)
    }
}

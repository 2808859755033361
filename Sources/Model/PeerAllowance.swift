/// How often each of many peers may do something: a token bucket for each, as a schedule of when it
/// is full again (GCRA).
///
/// A peer that has not been seen has a full bucket, so only the active ones take memory.
package struct PeerAllowance<Peer: Hashable & Sendable>: Sendable {
    private let rate: AllowanceRate
    /// When the bucket of each active peer is full again.
    private var full: [Peer: UnixTime] = [:]
    /// Full buckets are forgotten when there are so many.
    private var sweepAt = 1024

    package init(_ rate: AllowanceRate) {
        self.rate = rate
    }

    /// Takes a token if there is one. A clock that was set back gives no peer less than an empty bucket.
    package mutating func take(_ peer: Peer, at now: UnixTime) -> Bool {
        let start = start(peer, at: now)
        let end = start + rate.interval
        let isThere = end <= now + rate.refill
        full[peer] = isThere ? end : start
        if full.count >= sweepAt { sweep(at: now) }
        return isThere
    }

    /// How many tokens are there.
    package func available(_ peer: Peer, at now: UnixTime) -> Int {
        Int(((now + rate.refill) - start(peer, at: now)) / rate.interval)
    }

    /// When the bucket is full, no further away than an empty one takes.
    private func start(_ peer: Peer, at now: UnixTime) -> UnixTime {
        min(max(full[peer] ?? now, now), now + rate.refill)
    }

    private mutating func sweep(at now: UnixTime) {
        full = full.filter { $0.value > now }
        sweepAt = max(1024, full.count * 2)
    }
}

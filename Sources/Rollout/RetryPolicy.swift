import Model

/// When to try again: delays that double up to a limit, with jitter, for a bounded number of attempts.
package struct RetryPolicy: Hashable, Sendable {
    /// The delay after the first failure, before jitter.
    package let first: Duration
    /// No delay is longer.
    package let longest: Duration
    /// How many failures are followed by another attempt; nil for connections, which are tried for ever.
    package let attempts: Int?

    package init(first: Duration, longest: Duration, attempts: Int?) {
        self.first = max(first, .milliseconds(1))
        self.longest = max(longest, self.first)
        self.attempts = attempts
    }

    /// Reconnection: one second to five minutes, for ever.
    package static let reconnect = RetryPolicy(first: .seconds(1), longest: .seconds(300), attempts: nil)
    /// A transfer from the catalog: two seconds to ten minutes, eight times.
    package static let transfer = RetryPolicy(first: .seconds(2), longest: .seconds(600), attempts: 8)

    /// How long to wait after the `failures`-th failure in a row (from 1 on): between half of the doubled delay and all of
    /// it; nil when there were attempts enough.
    package func delay(afterFailure failures: Int, using generator: inout some RandomNumberGenerator) -> Duration? {
        if let attempts, failures > attempts { return nil }
        var delay = first
        // 64 doublings of a millisecond are longer than any limit.
        for _ in 1..<min(max(failures, 1), 64) where delay < longest { delay = min(delay * 2, longest) }
        let half = max(delay.wholeMilliseconds / 2, 1)
        return .milliseconds(half + Int64.random(in: 0...half, using: &generator))
    }
}

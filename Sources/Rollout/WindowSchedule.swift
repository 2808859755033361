package import Model

/// When installs may run: UTC spans, sorted and joined; none at all means at any time.
///
/// An install may start inside a span only; whether it may end after it is the caller's matter (it is finished, not cut).
package struct WindowSchedule: Hashable, Sendable {
    /// What a moment is to the windows.
    package enum Phase: Hashable, Sendable {
        /// Installs may start until then (exclusive).
        case open(until: UnixTime)
        /// The next window opens then.
        case waiting(until: UnixTime)
        /// No window is left.
        case missed
    }

    /// The spans: sorted, neither overlapping nor touching.
    package let windows: [TimeSpan]

    package init(_ windows: [TimeSpan]) {
        var joined: [TimeSpan] = []
        for window in windows.sorted() {
            if let last = joined.last, let union = last.union(window) {
                joined[joined.count - 1] = union
            } else {
                joined.append(window)
            }
        }
        self.windows = joined
    }

    /// Whether installs may run at any time.
    package var isAlways: Bool { windows.isEmpty }

    /// What the moment is to the windows.
    package func phase(at now: UnixTime) -> Phase {
        guard !isAlways else { return .open(until: .distantFuture) }
        guard let window = windows.first(where: { now < $0.end }) else { return .missed }
        return window.contains(now) ? .open(until: window.end) : .waiting(until: window.start)
    }

    /// Now, or the next moment at which an install may start; nil when all windows have passed.
    package func nextStart(_ now: UnixTime) -> UnixTime? {
        switch phase(at: now) {
        case .open: now
        case .waiting(let start): start
        case .missed: nil
        }
    }

    /// The moment from which the download for the next window may run: `lead` before it, or now; nil when missed.
    package func downloadStart(_ now: UnixTime, lead: Duration) -> UnixTime? {
        guard let start = nextStart(now) else { return nil }
        return max(now, start - max(lead, .zero))
    }

    /// The end of the last window; nil when installs may run at any time.
    package var end: UnixTime? { windows.last?.end }
}

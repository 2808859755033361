import System

/// Keeps an exchange within its time: the longest silence, the whole deadline and the minimum rate.
final class Pace {
    private let settings: HTTPClientSettings
    private let deadline: Duration?
    private var spanStart: Duration
    private var spanBytes: Int64 = 0
    /// Bytes that came for the current response.
    private(set) var received: Int64 = 0

    init(_ settings: HTTPClientSettings) {
        self.settings = settings
        spanStart = SystemClock.uptime
        deadline = settings.deadline.map { SystemClock.uptime + $0 }
    }

    /// A new response is awaited.
    func begin() {
        received = 0
        spanStart = SystemClock.uptime
        spanBytes = 0
    }

    /// Patience for one step of at most `wait`, within the deadline of the whole.
    func patience(_ wait: Duration) -> Patience {
        let end = SystemClock.uptime + wait
        return Patience(deadline: min(end, deadline ?? end), isCancelled: settings.isCancelled)
    }

    /// Patience for the next read: not longer than the silence allowed, the whole, or the span that the rate is
    /// measured over.
    func readPatience() -> Patience {
        var patience = patience(settings.readTimeout)
        if let rate = settings.minimumRate, received > 0 {
            patience.deadline = min(patience.deadline, spanStart + rate.span)
        }
        return patience
    }

    /// Counts bytes that came; throws when a span ended with too few of them or the whole takes too long.
    func count(_ bytes: Int) throws(HTTPError) {
        received += Int64(bytes)
        spanBytes += Int64(bytes)
        let now = SystemClock.uptime
        if let deadline, now > deadline { throw HTTPError(.timedOut, "the whole transfer took too long") }
        guard let rate = settings.minimumRate, now - spanStart >= rate.span else { return }
        guard spanBytes >= rate.bytes else { throw tooSlow(rate) }
        spanStart = now
        spanBytes = 0
    }

    /// Says which of the limits a time-out was.
    func explain(_ error: HTTPError) -> HTTPError {
        guard error.code == .timedOut else { return error }
        let now = SystemClock.uptime
        if let deadline, now >= deadline { return HTTPError(.timedOut, "the whole transfer took too long") }
        if let rate = settings.minimumRate, received > 0, now - spanStart >= rate.span, spanBytes < rate.bytes {
            return tooSlow(rate)
        }
        return error
    }

    private func tooSlow(_ rate: HTTPClientSettings.MinimumRate) -> HTTPError {
        HTTPError(.tooSlow, "slower than \(rate.bytes) bytes in \(rate.span)")
    }
}

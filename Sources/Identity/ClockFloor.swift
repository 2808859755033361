package import Model
internal import System

/// The time that a daemon believes: the system's, but never before the last signed time that it has seen, and set right by a
/// fresh signed time where the system's clock is wrong, either way.
///
/// A clock that was set back then makes no expired metadata, order or certificate valid again; one that runs ahead makes nothing
/// expire. Between signed times the machine's own uptime counts. Safe from any thread; who raises it also persists it.
package final class ClockFloor: Sendable {
    /// How far the system's clock may be off without being called wrong.
    package static let tolerance = Duration.seconds(300)
    /// The end of the year 9999: no signed time is believed beyond it.
    private static let latest: Int64 = 253_402_300_799_000

    private struct State {
        /// Milliseconds since 1970: the last signed time, and the uptime when it was seen.
        var floor: Int64
        var floorSeen: Duration
        /// The last fresh signed time, which says what the time is and not only what it is at least.
        var fresh: (time: Int64, seen: Duration)?
        var corrections: UInt64 = 0
    }

    private let state: NativeLock<State>
    private let system: @Sendable () -> Int64
    private let uptime: @Sendable () -> Duration

    /// `seconds` since 1970: what is known at the start, such as the beginning of the own certificate. The clocks are the
    /// system's, in milliseconds since 1970 and since its start, unless a test hands in others.
    package init(
        seconds: Int64, system: @escaping @Sendable () -> Int64 = { SystemClock.nowMilliseconds },
        uptime: @escaping @Sendable () -> Duration = { SystemClock.uptime }
    ) {
        self.system = system
        self.uptime = uptime
        state = NativeLock(State(floor: Self.milliseconds(seconds), floorSeen: uptime()))
    }

    /// What the system's clock shows, right or wrong.
    package var shown: UnixTime { UnixTime(milliseconds: system()) }

    /// The time that is believed.
    package var now: UnixTime {
        let (wall, up) = (system(), uptime())
        return state.withLock { state in
            var believed = wall
            if let fresh = state.fresh {
                let expected = fresh.time + Self.milliseconds(up - fresh.seen)
                if (wall - expected).magnitude > UInt64(Self.milliseconds(Self.tolerance)) { believed = expected }
            }
            return UnixTime(milliseconds: max(believed, state.floor + Self.milliseconds(up - state.floorSeen)))
        }
    }

    /// `now` in seconds: the moment by which certificates are judged.
    package var certificateTime: Int64 { now.seconds }

    /// How far the system's clock is ahead of what is believed (negative: behind); nil if that is within the tolerance.
    package var error: Duration? {
        let error = shown - now
        return error > Self.tolerance || error < .zero - Self.tolerance ? error : nil
    }

    /// A signed time was seen: it is at least that late.
    package func raise(toSeconds seconds: Int64) {
        raise(to: Self.milliseconds(seconds))
    }

    /// A signed time came that was made just now: it is that late.
    package func set(fresh time: UnixTime) {
        let milliseconds = min(max(0, time.milliseconds), Self.latest)
        let (before, up) = (now, uptime())
        state.withLock { $0.fresh = (milliseconds, up) }
        raise(to: milliseconds)
        if before - now > .seconds(1) { state.withLock { $0.corrections += 1 } }
    }

    /// How often the believed time was set back by a fresh signed time: what was planned by the wrong one is planned anew.
    package var corrections: UInt64 { state.withLock { $0.corrections } }

    private func raise(to milliseconds: Int64) {
        let up = uptime()
        state.withLock { state in
            guard milliseconds > state.floor + Self.milliseconds(up - state.floorSeen) else { return }
            state.floor = milliseconds
            state.floorSeen = up
        }
    }

    private static func milliseconds(_ seconds: Int64) -> Int64 {
        min(max(0, seconds), latest / 1000) * 1000
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return min(max(0, seconds), latest / 1000) * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

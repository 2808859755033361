package import Model
internal import System

/// The time that a daemon believes: the system's, but never before the last signed time that it has seen, and set right by a
/// fresh signed time where the system's clock is wrong, either way.
///
/// A clock that was set back then makes no expired metadata, order or certificate valid again; one that runs ahead makes nothing
/// expire. The floor rests on signed times only, never on this machine's clock. A fresh signed time is the
/// signer's newest word and replaces its earlier ones, so that a signer whose clock was ahead once can take
/// that back (docs/adr/0011-wrong-clocks.md). Between signed times the machine's own uptime counts. Safe
/// from any thread; who raises it also persists it.
package final class ClockFloor: Sendable {
    /// How far the system's clock may be off without being called wrong.
    package static let tolerance = Duration.seconds(300)
    /// The end of the year 9999: no signed time is believed beyond it.
    private static let lastTime: Int64 = 253_402_300_799_000

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

    /// The earliest that it can be: the last signed time, and the uptime since it was seen.
    package var earliest: UnixTime {
        let up = uptime()
        return state.withLock { UnixTime(milliseconds: $0.floor + Self.milliseconds(up - $0.floorSeen)) }
    }

    /// The latest that a signed time is believed to be: a fresh one says what the time is, and what the same
    /// signer dates later was signed while its clock was wrong. Nil where no fresh time has come.
    package var latest: UnixTime? {
        let up = uptime()
        return state.withLock { state in
            state.fresh.map {
                UnixTime(milliseconds: $0.time + Self.milliseconds(up - $0.seen) + Self.milliseconds(Self.tolerance))
            }
        }
    }

    /// `now` in seconds: the moment by which certificates are judged.
    package var certificateTime: Int64 { now.seconds }

    /// How far the system's clock is ahead of what is believed (negative: behind); nil if that is within the tolerance.
    package var error: Duration? {
        let error = shown - now
        return error > Self.tolerance || error < .zero - Self.tolerance ? error : nil
    }

    /// A signed time was seen: it is at least that late. One that is later than a fresh one allows changes nothing.
    package func raise(toSeconds seconds: Int64) {
        let milliseconds = Self.milliseconds(seconds)
        if let latest, milliseconds > latest.milliseconds { return }
        raise(to: milliseconds)
    }

    /// A signed time came that was made just now: it is that late, whatever its signer said before.
    package func set(fresh time: UnixTime) {
        let milliseconds = min(max(0, time.milliseconds), Self.lastTime)
        let (before, up) = (now, uptime())
        state.withLock { state in
            state.fresh = (milliseconds, up)
            let floor = state.floor + Self.milliseconds(up - state.floorSeen)
            // Within the tolerance two answers have only crossed on the way.
            guard milliseconds < floor - Self.milliseconds(Self.tolerance) else { return }
            state.floor = milliseconds
            state.floorSeen = up
        }
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
        min(max(0, seconds), lastTime / 1000) * 1000
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return min(max(0, seconds), lastTime / 1000) * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

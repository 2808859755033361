internal import Glibc

/// The machine's two clocks. Read only at the edge: decisions get their time handed in.
package enum SystemClock {
    /// Wall clock: milliseconds since 1970 in UTC. It may jump; see DESIGN.md on the floor of signed time.
    package static var nowMilliseconds: Int64 {
        let time = read(CLOCK_REALTIME)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Time since boot without suspension: for deadlines and time-outs; never goes back.
    package static var uptime: Duration {
        let time = read(CLOCK_MONOTONIC)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }

    /// `uptime` in whole nanoseconds, for hot paths.
    package static var uptimeNanoseconds: Int64 {
        let time = read(CLOCK_MONOTONIC)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        clock_gettime(clock, &time)
        return time
    }
}

/// A wait for poll(2) and epoll_wait(2): whole milliseconds rounded up, between 0 and a day.
func milliseconds(_ wait: Duration) -> Int32 {
    let clamped = min(max(wait, .zero), .seconds(86400))
    let (seconds, attoseconds) = clamped.components
    return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
}

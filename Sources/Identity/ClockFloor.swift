package import Model
internal import Synchronization
internal import System

/// The time that a daemon believes: the system's, but never before the last signed time that it has seen.
///
/// A clock that was set back then freezes instead of making expired metadata, orders or certificates valid again. Safe from
/// any thread; who raises it also persists it.
package final class ClockFloor: Sendable {
    private let floor: Mutex<Int64>

    /// `seconds` since 1970: what is known at the start, such as the beginning of the own certificate.
    package init(seconds: Int64) {
        floor = Mutex(Self.milliseconds(seconds))
    }

    /// Now, or the floor where the system's clock is behind it.
    package var now: UnixTime {
        UnixTime(milliseconds: max(SystemClock.nowMilliseconds, floor.withLock { $0 }))
    }

    /// `now` in seconds if the system's clock is behind the floor, else nil: for certificate checks.
    package var secondsIfBehind: Int64? {
        let floor = floor.withLock { $0 }
        return SystemClock.nowMilliseconds < floor ? floor / 1000 : nil
    }

    /// A signed time was seen.
    package func raise(toSeconds seconds: Int64) {
        let milliseconds = Self.milliseconds(seconds)
        floor.withLock { $0 = max($0, milliseconds) }
    }

    private static func milliseconds(_ seconds: Int64) -> Int64 {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? 0 : max(0, product)
    }
}

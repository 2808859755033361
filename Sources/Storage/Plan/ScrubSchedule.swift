package import Model

/// When which part of a pool is read again; a pure value that its owner keeps and asks.
///
/// Every part is read once in a period, in the order of `scrubUnits()`, evenly spread; reading is held to a rate, so that it disturbs nobody. A part that is due
/// and was missed (the machine was off) is read next; nothing is read twice to catch up.
package struct ScrubSchedule: Hashable, Sendable {
    /// How often everything is read.
    package let period: Duration
    /// Bytes a second at the most.
    package let rate: ByteCount
    /// When the round began, and how many of its units are done.
    package private(set) var began: UnixTime
    package private(set) var done: Int

    /// Once in thirty days, 20 MB a second.
    package static let standardPeriod = Duration.seconds(30 * 86_400)
    package static let standardRate = ByteCount(20_000_000)

    package init(
        began: UnixTime, done: Int = 0, period: Duration = standardPeriod, rate: ByteCount = standardRate
    ) {
        self.began = began
        self.done = done
        self.period = max(period, .seconds(1))
        self.rate = max(rate, ByteCount(1))
    }

    /// What to do now.
    package enum Step: Hashable, Sendable {
        case wait(until: UnixTime)
        case read(ScrubUnit)
    }

    /// The unit that is due, or when the next one will be.
    package func next(of units: [ScrubUnit], at now: UnixTime) -> Step {
        guard !units.isEmpty else { return .wait(until: now + period) }
        // A pool that shrank may have fewer units than were done.
        guard done < units.count else { return .wait(until: began + period) }
        let due = began + period / units.count * done
        return due <= now ? .read(units[done]) : .wait(until: due)
    }

    /// Notes that a unit was read, or could not be; begins the next round after the last one.
    package mutating func finished(of units: [ScrubUnit], at now: UnixTime) {
        done += 1
        if done >= units.count, now >= began + period { restart(at: now) }
    }

    /// Begins a new round where the old one is over.
    package mutating func renew(of units: [ScrubUnit], at now: UnixTime) {
        if done >= units.count, now >= began + period { restart(at: now) }
    }

    private mutating func restart(at now: UnixTime) {
        began = now
        done = 0
    }

    /// How long the reader has to pause after so many bytes that took so long, to stay below the rate.
    package func pause(after bytes: ByteCount, taking time: Duration) -> Duration {
        let wanted = Duration.milliseconds(
            Int64(clamping: bytes.bytes.multipliedReportingOverflow(by: 1000).partialValue / rate.bytes))
        return max(.zero, wanted - time)
    }
}

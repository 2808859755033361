package import Model

/// A place's time zone as a function: how far its wall clock is ahead of UTC at a moment.
///
/// The hub reads them from the machine's tzdata (`ZoneFile`); tests make their own. Must be pure.
package protocol ZoneRules {
    /// Seconds east of UTC, daylight saving included.
    func utcOffset(at time: UnixTime) -> Int
}

/// No daylight saving, always the same distance from UTC.
package struct FixedZone: ZoneRules, Sendable {
    package let seconds: Int
    package init(seconds: Int) { self.seconds = seconds }
    package func utcOffset(at time: UnixTime) -> Int { seconds }
    package static let utc = FixedZone(seconds: 0)
}

/// A day of the week; raw values count from Monday = 0.
package enum Weekday: Int, CaseIterable, Sendable, Hashable {
    case mon, tue, wed, thu, fri, sat, sun
}

/// When installs may run, as a person writes it.
package enum WindowRule: Codable, Hashable, Sendable {
    /// At any time.
    case anyTime
    /// One span of UTC.
    case span(TimeSpan)
    /// Wall-clock times `HH:MM` of a time zone on days `mon` … `sun` (none means every day).
    case daily(from: String, to: String, days: [String], timeZone: String)

    /// The UTC spans that are not over at a moment; empty means any time.
    ///
    /// Wall-clock windows are expanded for the time of the horizon. Refuses a window that never
    /// opens in it.
    package func spans(
        from start: UnixTime, horizon: Duration, zones: ZoneLookup
    ) throws(RolloutError) -> [TimeSpan] {
        switch self {
        case .anyTime: return []
        case .span(let span):
            guard span.end > start else { throw .window("is over before the rollout starts") }
            return [span]
        case .daily(let from, let to, let days, let timeZone):
            let zone: any ZoneRules
            do throws(ZoneError) {
                zone = try zones(timeZone)
            } catch {
                throw .specification(
                    "the time zone \(Event.singleLine(timeZone, limit: 64)) cannot be used: \(error)")
            }
            guard from != to else {
                throw .window(
                    "begins and ends at the same time; for whole days write from: \"00:00\", to: \"23:59\", "
                        + "and for any time leave the window out")
            }
            let window = try DailyWindow(from: from, to: to, days: days)
            let time: TimeSpan
            do { time = try TimeSpan(start: start, end: start + horizon) } catch {
                throw .window("is asked for no time at all")
            }
            let spans = try window.spans(in: time, zone: zone)
            guard !spans.isEmpty else {
                throw .window("does not open within \(horizon.components.seconds / 86_400) days")
            }
            return spans
        }
    }
}

/// A window that comes again: wall-clock minutes of a place, beginning on given weekdays.
package struct DailyWindow: Hashable, Sendable {
    /// Minutes since midnight, 0 to 1,439.
    package let from: Int
    /// Minutes since midnight, 0 to 1,439; at or before `from` it is on the next day.
    package let to: Int
    /// The weekdays on which it begins; not empty.
    package let days: Set<Weekday>

    package init(from: Int, to: Int, days: Set<Weekday> = Set(Weekday.allCases)) throws(RolloutError) {
        guard (0..<1440).contains(from), (0..<1440).contains(to) else {
            throw .window("must have times from 00:00 to 23:59")
        }
        guard !days.isEmpty else { throw .window("has no day") }
        self.from = from
        self.to = to
        self.days = days
    }

    /// Reads `HH:MM` times and day names `mon` … `sun`; no days means every day.
    package init(from: String, to: String, days: [String]) throws(RolloutError) {
        var set: Set<Weekday> = []
        for name in days {
            guard let day = Weekday.allCases.first(where: { "\($0)" == name }) else {
                throw .window("has a day that is none of mon, tue, wed, thu, fri, sat, sun")
            }
            set.insert(day)
        }
        try self.init(
            from: try Self.minutes(from), to: try Self.minutes(to), days: days.isEmpty ? Set(Weekday.allCases) : set)
    }

    private static func minutes(_ text: String) throws(RolloutError) -> Int {
        let bytes = Array(text.utf8.prefix(6))
        guard bytes.count == 5, bytes[2] == 0x3A, let hour = ASCII.number(bytes[0..<2]),
            let minute = ASCII.number(bytes[3..<5]), hour < 24, minute < 60
        else { throw .window("must have times as HH:MM") }
        return Int(hour * 60 + minute)
    }

    /// The UTC spans of the window within a horizon, sorted and joined.
    ///
    /// A moment belongs to the window exactly when the place's wall clock shows a time of it. So a window that lies in a
    /// gap of the wall clock (spring) is shortened or left out, and one that lies in an overlap (autumn) comes twice or is
    /// longer; a span is cut where the clock jumps, and parts that touch are joined.
    /// The horizon is at most 400 days, so that the work is bounded; zones change at most once within any hour.
    package func spans(in horizon: TimeSpan, zone: any ZoneRules) throws(RolloutError) -> [TimeSpan] {
        let (first, last) = (horizon.start.seconds, horizon.end.seconds)
        guard last - first <= 400 * 86_400, first > -62_000_000_000, last < 253_000_000_000 else {
            throw .window("is asked for more than 400 days")
        }
        var spans: [TimeSpan] = []
        var start = first
        while start < last {
            let offset = Int64(zone.utcOffset(at: UnixTime(seconds: start)))
            let end = Self.endOfOffset(from: start, to: last, offset, zone)
            for (low, high) in wallClock(from: start + offset, to: end + offset) {
                let low = UnixTime(seconds: max(low, start + offset) - offset)
                let high = UnixTime(seconds: min(high, end + offset) - offset)
                guard let span = try? TimeSpan(start: low, end: high) else { continue }  // empty after the cut
                spans.append(span)
            }
            start = end
        }
        let inside = spans.compactMap { $0.intersection(horizon) }
        return WindowSchedule(inside).windows
    }

    /// The first second from `start` on that has another offset, at most `end`: by the hour, then by halves.
    private static func endOfOffset(from start: Int64, to end: Int64, _ offset: Int64, _ zone: any ZoneRules) -> Int64 {
        var same = start
        while same < end {
            var other = min(same + 3600, end)
            guard Int64(zone.utcOffset(at: UnixTime(seconds: other))) != offset else {
                same = other
                continue
            }
            while other - same > 1 {
                let middle = same + (other - same) / 2
                if Int64(zone.utcOffset(at: UnixTime(seconds: middle))) == offset {
                    same = middle
                } else {
                    other = middle
                }
            }
            return other
        }
        return end
    }

    /// The windows on the wall clock that touch a stretch of it, in seconds of a calendar without zone.
    private func wallClock(from start: Int64, to end: Int64) -> [(Int64, Int64)] {
        let length = Int64(to > from ? to - from : to - from + 1440) * 60
        let firstDay = Self.day(start) - 1
        let lastDay = Self.day(end)
        return (firstDay...max(firstDay, lastDay)).compactMap { day in
            guard let weekday = Weekday(rawValue: CivilDate(daysSinceEpoch: Int(day)).weekday), days.contains(weekday)
            else { return nil }
            let opening = day * 86_400 + Int64(from) * 60
            return opening + length > start && opening < end ? (opening, opening + length) : nil
        }
    }

    private static func day(_ seconds: Int64) -> Int64 {
        seconds >= 0 ? seconds / 86_400 : (seconds + 1) / 86_400 - 1
    }
}

import Model

/// The rule that a TZif file has for all time after its last transition: a POSIX TZ string with the extension of
/// RFC 8536, 3.3.1, such as `CET-1CEST,M3.5.0,M10.5.0/3` or `<+0330>-3:30`.
///
/// Names have at least 3 characters. Hours of offsets go to 24, hours of changes from -167 to 167. A zone with daylight
/// saving time says when it begins and ends.
struct ZoneRule: Hashable, Sendable {
    /// A day of every year.
    private enum Day: Hashable, Sendable {
        /// `Jn`: 1 to 365, 29 February not counted.
        case julian(Int)
        /// `n`: 0 to 365, 29 February counted.
        case ordinal(Int)
        /// `Mm.w.d`: the week's (5: the last) weekday (0: Sunday) of a month.
        case weekday(month: Int, week: Int, day: Int)
    }

    private struct Change: Hashable, Sendable {
        let day: Day
        /// Seconds after the day's midnight by the clock that holds until then.
        let seconds: Int
    }

    private struct Daylight: Hashable, Sendable {
        let offset: Int
        let start: Change
        let end: Change
    }

    /// Seconds east of UTC.
    private let standard: Int
    private let daylight: Daylight?

    /// Reads the whole text; nil if it is not such a rule.
    init?(_ text: [UInt8]) {
        var parser = Parser(rest: text[...])
        guard text.count <= 128, parser.name(), let offset = parser.time(hours: 24) else { return nil }
        standard = -offset
        guard !parser.rest.isEmpty else {
            daylight = nil
            return
        }
        guard parser.name() else { return nil }
        var summer = standard + 3600
        if parser.rest.first != 0x2C {
            guard let offset = parser.time(hours: 24) else { return nil }
            summer = -offset
        }
        guard let start = parser.change(), let end = parser.change(), parser.rest.isEmpty else { return nil }
        daylight = Daylight(offset: summer, start: start, end: end)
    }

    /// Seconds east of UTC at a moment, in seconds since 1970.
    func utcOffset(at seconds: Int64) -> Int {
        guard let daylight else { return standard }
        // The calendar repeats itself after 400 years, weekdays included.
        let (epoch, cycle): (Int64, Int64) = (946_684_800, 146_097 * 86_400)
        let inCycle = (seconds - epoch) % cycle
        let moment = Int(inCycle < 0 ? inCycle + cycle : inCycle) + Int(epoch)
        let year = CivilDate(daysSinceEpoch: moment / 86_400).year
        var latest: (time: Int, isDaylight: Bool)?
        for year in (year - 1)...(year + 1) {
            let changes = [
                (Self.time(of: daylight.end, in: year) - daylight.offset, false),
                (Self.time(of: daylight.start, in: year) - standard, true),
            ]
            // At one and the same moment the beginning counts: daylight saving time lasts all year.
            for (time, isDaylight) in changes where time <= moment && latest.map({ time >= $0.time }) ?? true {
                if latest?.time == time, latest?.isDaylight == true { continue }
                latest = (time, isDaylight)
            }
        }
        return latest?.isDaylight == true ? daylight.offset : standard
    }

    /// Seconds since 1970 by the wall clock.
    private static func time(of change: Change, in year: Int) -> Int {
        let january = days(year, 1)
        let day: Int
        switch change.day {
        case .julian(let number):
            let isLeap = days(year + 1, 1) - january == 366
            day = january + number - (isLeap && number >= 60 ? 0 : 1)
        case .ordinal(let number): day = january + number
        case .weekday(let month, let week, let weekday):
            let first = days(year, month)
            let next = month == 12 ? days(year + 1, 1) : days(year, month + 1)
            // 1970-01-01 was a Thursday.
            let before = (weekday - (first + 4) % 7 + 7) % 7
            let found = first + before + (week - 1) * 7
            day = found < next ? found : found - 7
        }
        return day * 86_400 + change.seconds
    }

    /// The first day of a month, in days since 1970; years 1999 to 2401 only.
    private static func days(_ year: Int, _ month: Int) -> Int {
        CivilDate(year: year, month: month, day: 1)?.daysSinceEpoch ?? 0
    }

    private struct Parser {
        var rest: ArraySlice<UInt8>

        /// A zone's abbreviation: letters, or letters, digits and signs in `<>`; at least 3.
        mutating func name() -> Bool {
            if take(0x3C) {
                let name = rest.prefix { ASCII.isAlphanumeric($0) || $0 == 0x2B || $0 == 0x2D }
                rest = rest.dropFirst(name.count)
                return take(0x3E) && name.count >= 3
            }
            let name = rest.prefix { ASCII.isLetter($0) }
            rest = rest.dropFirst(name.count)
            return name.count >= 3
        }

        /// `[+-]h[h[h]][:mm[:ss]]`, in seconds.
        mutating func time(hours limit: Int) -> Int? {
            let isNegative = take(0x2D)
            if !isNegative { _ = take(0x2B) }
            guard let hours = number(digits: 3), hours <= limit else { return nil }
            var seconds = hours * 3600
            for unit in [60, 1] {
                guard take(0x3A) else { break }
                guard let part = number(digits: 2), part < 60 else { return nil }
                seconds += part * unit
            }
            return isNegative ? -seconds : seconds
        }

        /// `,date[/time]`.
        mutating func change() -> Change? {
            guard take(0x2C), let day = day() else { return nil }
            guard take(0x2F) else { return Change(day: day, seconds: 7200) }
            return time(hours: 167).map { Change(day: day, seconds: $0) }
        }

        private mutating func day() -> Day? {
            if take(0x4A) {
                return number(digits: 3).flatMap { (1...365).contains($0) ? .julian($0) : nil }
            }
            guard take(0x4D) else {
                return number(digits: 3).flatMap { $0 <= 365 ? .ordinal($0) : nil }
            }
            guard let month = number(digits: 2), (1...12).contains(month), take(0x2E),
                let week = number(digits: 1), (1...5).contains(week), take(0x2E),
                let day = number(digits: 1), day <= 6
            else { return nil }
            return .weekday(month: month, week: week, day: day)
        }

        private mutating func number(digits: Int) -> Int? {
            let text = rest.prefix(digits).prefix { ASCII.isDigit($0) }
            rest = rest.dropFirst(text.count)
            return ASCII.number(text).map { Int($0) }
        }

        private mutating func take(_ byte: UInt8) -> Bool {
            guard rest.first == byte else { return false }
            rest = rest.dropFirst()
            return true
        }
    }
}

extension DefaultStringInterpolation {
    /// A time in a sentence is written in whole seconds; `description` keeps the milliseconds.
    package mutating func appendInterpolation(_ time: UnixTime) { appendLiteral(time.iso8601) }
}

/// A moment: milliseconds since 1970-01-01T00:00:00Z without leap seconds; arithmetic saturates and never traps.
///
/// Its text is ISO 8601 in UTC, `YYYY-MM-DDTHH:MM:SSZ`, with `.mmm` before the `Z` when it is not on a whole second.
package struct UnixTime: TextForm {
    /// Milliseconds since the epoch; negative before it.
    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// A moment on a whole second; saturates.
    package init(seconds: Int64) {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        milliseconds = overflow ? (seconds < 0 ? .min : .max) : product
    }

    /// The epoch.
    package static let zero = UnixTime(milliseconds: 0)
    /// Further than any moment that is written down.
    package static let distantFuture = UnixTime(milliseconds: .max)
    /// Earlier than any moment that is written down.
    package static let distantPast = UnixTime(milliseconds: .min)

    /// Reads `YYYY-MM-DDTHH:MM:SSZ` or, with milliseconds, `YYYY-MM-DDTHH:MM:SS.mmmZ`; years 0000 to 9999.
    package init(_ text: String) throws(ModelError) {
        let bytes = Array(text.utf8.prefix(25))
        if bytes.count == 24, bytes[19] == 0x2E, let fraction = ASCII.number(bytes[20..<23]) {
            let whole = try Self(iso8601: bytes[0..<19] + [0x5A], of: text)
            self = whole + .milliseconds(Int64(fraction))
            guard bytes[23] == 0x5A else { throw Self.refusal(text) }
        } else {
            self = try Self(iso8601: bytes[...], of: text)
        }
    }

    /// Reads exactly `YYYY-MM-DDTHH:MM:SSZ` (TUF 1.0.34 §4.2.1) and nothing else.
    package init(strictISO8601 text: String) throws(ModelError) {
        try self.init(iso8601: Array(text.utf8.prefix(21))[...], of: text)
    }

    private static func refusal(_ text: String) -> ModelError {
        ModelError("time", text, "must be YYYY-MM-DDTHH:MM:SSZ")
    }

    private init(iso8601 slice: ArraySlice<UInt8>, of text: String) throws(ModelError) {
        let bytes = Array(slice)
        guard bytes.count == 20, bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[10] == 0x54, bytes[13] == 0x3A,
            bytes[16] == 0x3A, bytes[19] == 0x5A,
            let year = ASCII.number(bytes[0..<4]), let month = ASCII.number(bytes[5..<7]),
            let day = ASCII.number(bytes[8..<10]), let hour = ASCII.number(bytes[11..<13]),
            let minute = ASCII.number(bytes[14..<16]), let second = ASCII.number(bytes[17..<19])
        else { throw Self.refusal(text) }
        guard let date = CivilDate(year: Int(year), month: Int(month), day: Int(day)) else {
            throw ModelError("time", text, "names a day that is in no calendar")
        }
        guard hour < 24, minute < 60, second < 60 else {
            throw ModelError("time", text, "names an hour, minute or second that does not exist")
        }
        self.init(
            seconds: Int64(date.daysSinceEpoch) * 86_400 + Int64(hour) * 3600 + Int64(minute) * 60 + Int64(second))
    }

    /// The whole seconds since the epoch, rounded down.
    package var seconds: Int64 {
        milliseconds >= 0 ? milliseconds / 1000 : -((-(milliseconds + 1)) / 1000) - 1
    }

    /// `YYYY-MM-DDTHH:MM:SSZ`, rounded down to the second; clamped to the years 0000 to 9999.
    package var iso8601: String {
        let clamped = Swift.min(Swift.max(seconds, -62_167_219_200), 253_402_300_799)
        let days = clamped >= 0 ? clamped / 86_400 : (clamped + 1) / 86_400 - 1
        let rest = clamped - days * 86_400
        let date = CivilDate(daysSinceEpoch: Int(days))
        let clock = [rest / 3600, rest / 60 % 60, rest % 60].map { CivilDate.digits(Int($0), 2) }
        return "\(date)T\(clock.joined(separator: ":"))Z"
    }

    package var description: String {
        let whole = iso8601
        let fraction = Int((milliseconds % 1000 + 1000) % 1000)
        return fraction == 0 ? whole : "\(whole.dropLast()).\(CivilDate.digits(fraction, 3))Z"
    }

    package static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }

    /// Later by the duration (rounded down to milliseconds); saturates.
    package static func + (time: Self, duration: Duration) -> Self {
        let (sum, overflow) = time.milliseconds.addingReportingOverflow(duration.wholeMilliseconds)
        guard overflow else { return Self(milliseconds: sum) }
        return time.milliseconds < 0 ? .distantPast : .distantFuture
    }

    /// Earlier by the duration; saturates.
    package static func - (time: Self, duration: Duration) -> Self {
        let (difference, overflow) = time.milliseconds.subtractingReportingOverflow(duration.wholeMilliseconds)
        guard overflow else { return Self(milliseconds: difference) }
        return time.milliseconds < 0 ? .distantPast : .distantFuture
    }

    /// The time from `right` to `left`; saturates at what 64 bits of milliseconds hold.
    package static func - (left: Self, right: Self) -> Duration {
        let (difference, overflow) = left.milliseconds.subtractingReportingOverflow(right.milliseconds)
        guard overflow else { return .milliseconds(difference) }
        return .milliseconds(left.milliseconds < 0 ? Int64.min : Int64.max)
    }
}

extension Duration {
    /// For a sentence: in seconds with one digit after the point, such as `0.7 s`; never negative.
    package var tenths: String {
        let tenths = max(0, wholeMilliseconds) / 100
        return "\(tenths / 10).\(tenths % 10) s"
    }

    /// Milliseconds, rounded down, saturated to 64 bits.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        var part = attoseconds / 1_000_000_000_000_000
        if attoseconds % 1_000_000_000_000_000 < 0 { part -= 1 }
        let (sum, overflow2) = product.addingReportingOverflow(part)
        guard !overflow2 else { return seconds < 0 ? .min : .max }
        return sum
    }
}

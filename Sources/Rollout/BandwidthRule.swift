package import Model

/// How fast a link may be used, as a person writes it: rates with hours of a place, and a rate for the rest of the time.
///
/// Text: `20 Mbit/s mon-fri 08:00-18:00 Europe/Berlin, else 100 Mbit/s`. A part is a rate or `none`, days (none means every day), hours and a time
/// zone; of several parts the first that holds counts. `else` has the rate for the rest of the time, `none` where it is missing. A rate alone
/// holds always, and `none` is no limit.
package struct BandwidthRule: Hashable, Sendable, CustomStringConvertible {
    /// A rate that holds in a window that comes again.
    package struct Part: Hashable, Sendable {
        package let rate: BitRate?
        package let window: DailyWindow
        /// A name such as `Europe/Berlin`, which the hub looks up.
        package let zone: String
    }

    package static let partLimit = 8
    package static let textLimit = 1000

    package let parts: [Part]
    /// What holds where no part does; nil is no limit.
    package let rest: BitRate?

    /// Reads the text; says what is wrong with it.
    package init(_ text: String) throws(RolloutError) {
        guard text.utf8.count <= Self.textLimit else { throw .limit("is longer than \(Self.textLimit) bytes") }
        // A dash from a text editor is as good.
        let plain = String(text.map { $0 == "–" ? "-" : $0 })
        let clauses = plain.split(separator: ",", omittingEmptySubsequences: false).map { clause in
            clause.split(separator: " ").map(String.init)
        }
        guard clauses.count <= Self.partLimit + 1 else { throw .limit("has more than \(Self.partLimit) parts") }
        var parts: [Part] = []
        var rest: BitRate?
        for (index, clause) in clauses.enumerated() {
            var words = clause[...]
            let isElse = words.first == "else"
            if isElse { words = words.dropFirst() }
            let rate = try Self.rate(&words)
            if words.isEmpty {
                guard index == clauses.count - 1 else { throw .limit("says what holds for the rest before its end") }
                rest = rate
            } else if isElse {
                throw .limit("has hours behind else, which stands for all other hours")
            } else {
                parts.append(try Self.part(rate, words))
            }
        }
        self.parts = parts
        self.rest = rest
    }

    private static func rate(_ words: inout ArraySlice<String>) throws(RolloutError) -> BitRate? {
        guard let first = words.popFirst() else {
            throw .limit("has an empty part; write it as '20 Mbit/s mon-fri 08:00-18:00 Europe/Berlin, else none'")
        }
        if first == "none" { return nil }
        var text = first
        if first.utf8.allSatisfy({ ASCII.isDigit($0) || $0 == 0x2E }), let unit = words.popFirst() {
            text += " " + unit
        }
        do { return try BitRate(text) } catch { throw .limit("has a bad \(error.description)") }
    }

    private static func part(_ rate: BitRate?, _ rest: ArraySlice<String>) throws(RolloutError) -> Part {
        var words = rest
        var days: Set<Weekday> = []
        if let first = words.first, let byte = first.utf8.first, !ASCII.isDigit(byte) {
            days = try self.days(first)
            words = words.dropFirst()
        }
        let hours = words.popFirst()?.split(separator: "-", omittingEmptySubsequences: false).map(String.init) ?? []
        guard hours.count == 2 else { throw .limit("must have hours as 08:00-18:00") }
        guard let zone = words.popFirst() else {
            throw .limit("must say in which time zone its hours are, such as Europe/Berlin or UTC")
        }
        guard words.isEmpty, zone.utf8.count <= 64 else { throw .limit("has something behind its time zone") }
        let window = try DailyWindow(
            from: hours[0], to: hours[1], days: days.sorted { $0.rawValue < $1.rawValue }.map { "\($0)" })
        return Part(rate: rate, window: window, zone: zone)
    }

    /// Reads `mon-fri`, `sat`, `fri-mon`.
    private static func days(_ text: String) throws(RolloutError) -> Set<Weekday> {
        let names = text.lowercased().split(separator: "-", omittingEmptySubsequences: false)
        let days = names.compactMap { name in Weekday.allCases.first { "\($0)" == name } }
        guard days.count == names.count, (1...2).contains(days.count), let first = days.first, let last = days.last
        else {
            throw .limit("has days that are not as mon or mon-fri")
        }
        let count = (last.rawValue - first.rawValue + 7) % 7
        return Set((0...count).compactMap { Weekday(rawValue: (first.rawValue + $0) % 7) })
    }

    /// The lowest rate that it has for any hour; nil where it has none.
    package var lowest: BitRate? {
        (parts.map(\.rate) + [rest]).compactMap { $0 }.min { $0.bitsPerSecond < $1.bitsPerSecond }
    }

    /// The steps from now on for `days` days, at most 400; a zone whose rules cannot be had is refused.
    ///
    /// The windows are those of the place's wall clock, as `DailyWindow.spans` makes them.
    package func schedule(
        from now: UnixTime, days: Int64, zones: ZoneLookup
    ) throws(RolloutError) -> RateSchedule {
        guard !parts.isEmpty else { return RateSchedule([.init(start: now, rate: rest)]) }
        let horizon: TimeSpan
        do {
            horizon = try TimeSpan(start: now, end: now + .seconds(days * 86_400))
        } catch {
            throw .limit("is asked for no time at all")
        }
        var spans: [[TimeSpan]] = []
        var moments: Set<UnixTime> = [now]
        for part in parts {
            let zone: any ZoneRules
            do throws(ZoneError) {
                zone = try zones(part.zone)
            } catch {
                throw .limit("names the time zone \(part.zone), which cannot be used: \(error)")
            }
            let found = try part.window.spans(in: horizon, zone: zone)
            spans.append(found)
            for span in found { moments.formUnion([span.start, span.end]) }
        }
        return RateSchedule(
            moments.filter { $0 < horizon.end }.map { moment in
                let part = spans.firstIndex { $0.contains { $0.contains(moment) } }
                return RateSchedule.Step(start: moment, rate: part.map { parts[$0].rate } ?? rest)
            })
    }

    /// The same as a text that reads back, in one spelling.
    package var description: String {
        let rest = self.rest?.description ?? "none"
        guard !parts.isEmpty else { return rest }
        return (parts.map(\.description) + ["else \(rest)"]).joined(separator: ", ")
    }
}

extension BandwidthRule.Part: CustomStringConvertible {
    package var description: String {
        let days = Weekday.allCases.filter { window.days.contains($0) }
        var names = ""
        if days.count < 7,
            let first = Weekday.allCases.first(where: { day in
                let before = Weekday(rawValue: (day.rawValue + 6) % 7)
                return window.days.contains(day) && !(before.map { window.days.contains($0) } ?? false)
            }), let last = Weekday(rawValue: (first.rawValue + days.count - 1) % 7)
        {
            names = first == last ? "\(first) " : "\(first)-\(last) "
        }
        let rate = self.rate?.description ?? "none"
        return "\(rate) \(names)\(Self.clock(window.from))-\(Self.clock(window.to)) \(zone)"
    }

    private static func clock(_ minutes: Int) -> String {
        "\(CivilDate.digits(minutes / 60, 2)):\(CivilDate.digits(minutes % 60, 2))"
    }
}

package import Model

/// A window as a person writes it: `{from: "22:00", to: "05:00", days: ["mon", …], timeZone: "Europe/Berlin"}`, which comes
/// again, or `{start: TIME, end: TIME}` in UTC, once.
package enum WindowFile: Codable, Hashable, Sendable {
    /// Wall-clock times `HH:MM`; no days means every day; the time zone is UTC when nil. The hub checks the values.
    case daily(from: String, to: String, days: [String], timeZone: String?)
    case once(TimeSpan)

    private enum CodingKeys: String, CodingKey, CaseIterable { case from, to, days, timeZone, start, end }
    private enum OnceKeys: String, CodingKey, CaseIterable { case start, end }

    package init(from decoder: any Decoder) throws {
        try StrictKeys.check(CodingKeys.self, in: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if container.contains(.start) || container.contains(.end) {
            try StrictKeys.check(OnceKeys.self, in: decoder)
            self = .once(try TimeSpan(from: decoder))
            return
        }
        self = .daily(
            from: try container.decode(String.self, forKey: .from), to: try container.decode(String.self, forKey: .to),
            days: try container.decodeIfPresent([String].self, forKey: .days) ?? [],
            timeZone: try container.decodeIfPresent(String.self, forKey: .timeZone))
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .once(let span): try span.encode(to: encoder)
        case .daily(let from, let to, let days, let timeZone):
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(from, forKey: .from)
            try container.encode(to, forKey: .to)
            if !days.isEmpty { try container.encode(days, forKey: .days) }
            try container.encodeIfPresent(timeZone, forKey: .timeZone)
        }
    }
}

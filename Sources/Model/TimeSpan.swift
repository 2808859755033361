/// A half-open span of time: `start` belongs to it, `end` does not; never empty.
package struct TimeSpan: Codable, Hashable, Sendable, Comparable, CustomStringConvertible {
    package let start: UnixTime
    package let end: UnixTime

    /// A span; refuses an end that is not after the start.
    package init(start: UnixTime, end: UnixTime) throws(ModelError) {
        guard start < end else { throw ModelError("time span", "\(start)/\(end)", "must end after its start") }
        self.start = start
        self.end = end
    }

    /// Every moment that can be written down.
    package static let always = TimeSpan(unchecked: .distantPast, .distantFuture)

    private init(unchecked start: UnixTime, _ end: UnixTime) {
        self.start = start
        self.end = end
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let start = try container.decode(UnixTime.self, forKey: .start)
        let end = try container.decode(UnixTime.self, forKey: .end)
        do {
            self = try TimeSpan(start: start, end: end)
        } catch {
            throw DecodingError.dataCorruptedError(forKey: .end, in: container, debugDescription: error.description)
        }
    }

    /// Whether the moment lies in the span.
    package func contains(_ time: UnixTime) -> Bool { start <= time && time < end }
    /// Whether the two share a moment.
    package func overlaps(_ other: TimeSpan) -> Bool { start < other.end && other.start < end }
    /// The shared part, else nil.
    package func intersection(_ other: TimeSpan) -> TimeSpan? {
        guard overlaps(other) else { return nil }
        return TimeSpan(unchecked: max(start, other.start), min(end, other.end))
    }
    /// Both as one, if they overlap or touch, else nil.
    package func union(_ other: TimeSpan) -> TimeSpan? {
        guard start <= other.end, other.start <= end else { return nil }
        return TimeSpan(unchecked: min(start, other.start), max(end, other.end))
    }
    /// From start to end; saturates.
    package var duration: Duration { end - start }
    package var description: String { "\(start)/\(end)" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.start, left.end) < (right.start, right.end)
    }
}

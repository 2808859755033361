/// What a limit is over time, in UTC: steps, each of which holds until the next one begins.
///
/// Made by the hub, which knows time zones; obeyed by whoever sends. The first step holds before its start too, the last one for ever.
package struct RateSchedule: Hashable, Sendable {
    /// From a moment on, this rate; nil is no limit.
    package struct Step: Hashable, Sendable {
        package let start: UnixTime
        package let rate: BitRate?

        package init(start: UnixTime, rate: BitRate?) {
            self.start = start
            self.rate = rate
        }
    }

    /// The most steps that there are.
    package static let stepLimit = 400

    /// In the order of their starts; not empty, at most `stepLimit`, no two neighbours with the same rate.
    package let steps: [Step]

    /// Sorts and joins; what is beyond `stepLimit` is left out. No steps is no limit.
    package init(_ steps: [Step]) {
        var joined: [Step] = []
        for step in steps.sorted(by: { $0.start < $1.start }) {
            if let last = joined.last, last.start == step.start { joined.removeLast() }
            if joined.last?.rate != step.rate || joined.isEmpty { joined.append(step) }
            if joined.count == Self.stepLimit { break }
        }
        self.steps = joined.isEmpty ? [Step(start: .distantPast, rate: nil)] : joined
    }

    /// The rate at a moment, and when the next one begins; nil when there is none after it.
    package func rate(at now: UnixTime) -> (rate: BitRate?, until: UnixTime?) {
        let next = steps.dropFirst().first { $0.start > now }
        let current = steps.last { $0.start <= now } ?? steps.first
        return (current?.rate, next?.start)
    }
}

/// How an action may end badly, as rules of a rollout name it.
package enum ErrorClass: String, Codable, CaseIterable, Hashable, Sendable {
    /// The install failed and the previous release still runs.
    case failed
    case rolledBack
    case rollbackFailed
    case refused
    /// Nothing was heard: missed or uncertain.
    case silent

    /// The states that it stands for.
    package var states: [ActionState] {
        switch self {
        case .failed: [.failed]
        case .rolledBack: [.rolledBack]
        case .rollbackFailed: [.rollbackFailed]
        case .refused: [.refused]
        case .silent: [.missed, .uncertain]
        }
    }
}

/// How many clients of a wave may end badly before its rollout pauses.
///
/// Either `count`, or `percent` of those that answered once `minimum` have answered.
package struct ErrorRule: Codable, Hashable, Sendable {
    package var of: [ErrorClass]
    /// The rule is crossed by so many.
    package var count: Int?
    /// The rule is crossed by so many per cent of the clients that answered.
    package var percent: Int?
    /// Clients that must have answered before `percent` counts; 1 when nil.
    package var minimum: Int?

    package init(of: [ErrorClass], count: Int? = nil, percent: Int? = nil, minimum: Int? = nil) {
        self.of = of
        self.count = count
        self.percent = percent
        self.minimum = minimum
    }

    /// Rules of a rollout at the most.
    package static let limit = 16

    /// The rules of a rollout that names none: one client that failed or rolled back pauses it.
    package static let standard = [ErrorRule(of: [.failed, .rolledBack, .rollbackFailed], count: 1)]

    /// What is wrong with it, as a clause; nil where it makes sense.
    package var problem: String? {
        if of.isEmpty { return "names no error class" }
        if Set(of).count != of.count { return "names an error class twice" }
        switch (count, percent) {
        case (nil, nil): return "needs count or percent"
        case (.some, .some): return "has count and percent, and only one of them may be given"
        case (.some(let count), nil):
            if minimum != nil { return "has a minimum, which goes with percent only" }
            return (1...1_000_000).contains(count) ? nil : "has a count that is not 1 to 1000000"
        case (nil, .some(let percent)):
            guard (1...100).contains(percent) else { return "has a percent that is not 1 to 100" }
            return (1...1_000_000).contains(minimum ?? 1) ? nil : "has a minimum that is not 1 to 1000000"
        }
    }

    /// How many of the counted clients ended as the rule names, if that is as many as it takes; else nil.
    package func crossing(_ counts: [ActionState: Int]) -> Int? {
        let bad = of.flatMap(\.states).reduce(0) { $0 + max(0, counts[$1, default: 0]) }
        guard bad > 0 else { return nil }
        if let count { return bad >= count ? bad : nil }
        guard let percent else { return nil }
        let answered = counts.reduce(0) { $0 + ($1.key.isAnswer ? max(0, $1.value) : 0) }
        // A silent client has not answered, but a rule that names it counts it.
        let base =
            of.contains(.silent) ? answered + counts[.missed, default: 0] + counts[.uncertain, default: 0] : answered
        guard base >= minimum ?? 1 else { return nil }
        return bad * 100 >= percent * base ? bad : nil
    }

    /// For people: `1 failed, rolledBack or rollbackFailed`.
    package var text: String {
        let names = of.map(\.rawValue)
        let list =
            names.count > 1 ? names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "") : names.first ?? ""
        return count.map { "\($0) \(list)" } ?? "\(percent ?? 0) per cent \(list)"
    }
}

/// Why a rollout is paused, as a stable code.
package enum PauseCause: String, CaseIterable, Sendable {
    /// A rule for errors was crossed.
    case threshold
    /// No client of a wave succeeded.
    case nothingProved

    /// What it means, for a person; one clause without a full stop.
    package var meaning: String {
        switch self {
        case .threshold: "more clients of a wave ended badly than the rollout allows"
        case .nothingProved: "no client of a wave succeeded, so the release is not proved"
        }
    }
}

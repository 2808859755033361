/// The bounds of a rollout's values, for the file that a person writes and for the hub; a rule for
/// errors has its own in `ErrorRule`.
package enum RolloutLimits {
    /// How long before a window downloads may begin, in minutes: up to seven days.
    package static let leadMinutes = 0...10_080
    /// The lead of a file that names none, in minutes.
    package static let standardLead = 60
    package static let waves = 1...64
    /// How long a wave may be watched, in seconds: up to a year.
    package static let soakSeconds = 0...31_536_000

    /// What is wrong with a lead; nil where it makes sense.
    package static func problem(ofLead minutes: Int) -> String? {
        leadMinutes.contains(minutes)
            ? nil : "leadMinutes must be \(leadMinutes.lowerBound) to \(leadMinutes.upperBound) (7 days)"
    }

    /// What is wrong with rules for errors; nil where they make sense.
    package static func problem(of rules: [ErrorRule]) -> String? {
        guard rules.count <= ErrorRule.limit else { return "errors must have at most \(ErrorRule.limit) rules" }
        for (index, rule) in rules.enumerated() {
            if let problem = rule.problem { return "errors[\(index)] \(problem)" }
        }
        return nil
    }
}

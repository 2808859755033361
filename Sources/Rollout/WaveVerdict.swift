package import Model

/// Whether a wave may go on or pass, by what its clients answered.
package enum WaveVerdict: Hashable, Sendable {
    /// Actions are under way and no rule is crossed.
    case open
    /// All is over, no rule is crossed and at least one client succeeded.
    case passed
    /// All is over and no client succeeded.
    case nothingProved
    /// So many clients ended as a rule names, which is as many as it takes.
    case crossed(ErrorRule, Int)

    /// Judges the actions of a wave by state.
    ///
    /// `accepted` are those that a person accepted by resuming the rollout: rules count what came after them.
    package init(_ counts: [ActionState: Int], accepted: [ActionState: Int] = [:], rules: [ErrorRule]) {
        var fresh = counts
        for (state, count) in accepted { fresh[state] = max(0, fresh[state, default: 0] - max(0, count)) }
        for rule in rules {
            if let bad = rule.crossing(fresh) {
                self = .crossed(rule, bad)
                return
            }
        }
        let result = RolloutResult(counts)
        if !result.isSettled {
            self = .open
        } else {
            // A wave without clients has nothing to prove.
            self = result.succeeded > 0 || result.total == 0 ? .passed : .nothingProved
        }
    }

    /// Why the rollout pauses; nil where it does not.
    package var cause: PauseCause? {
        switch self {
        case .open, .passed: nil
        case .nothingProved: .nothingProved
        case .crossed: .threshold
        }
    }

    /// The same for a person, about the wave of that number; nil where nothing is wrong.
    package func text(wave: Int) -> String? {
        switch self {
        case .open, .passed: nil
        case .nothingProved: "no client of wave \(wave) succeeded"
        case .crossed(let rule, let bad):
            "\(bad) \(bad == 1 ? "client" : "clients") of wave \(wave) ended badly; the rule is \(rule.text)"
        }
    }
}

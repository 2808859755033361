package import Model

/// What happens to a wave.
package enum WaveEvent: String, CaseIterable, Hashable, Sendable {
    case begin
    /// Every action is final and the threshold is met.
    case meetThreshold
    /// It was watched for its soak time without further failures.
    case finishSoak
    /// A rule for errors was crossed or nothing succeeded, also while it soaks and by late reports.
    case exceedErrors
    /// Late reports proved it after it had failed.
    case correct
    /// A person leaves it out, or the rollout stopped before it was over.
    case skip
}

/// What a wave does, as a table; it begins at `scheduled`.
package enum WaveMachine {
    package static let initial = WaveState.scheduled

    private static let table = TransitionTable<WaveState, WaveEvent>([
        ([.scheduled], .begin, .running),
        ([.running], .meetThreshold, .soaking),
        ([.soaking], .finishSoak, .succeeded),
        ([.running, .soaking, .succeeded], .exceedErrors, .failed),
        ([.failed], .correct, .succeeded),
        ([.scheduled, .running, .soaking], .skip, .skipped),
    ])

    /// The state that follows, or nil when the event is refused in that state.
    package static func next(_ state: WaveState, _ event: WaveEvent) -> WaveState? { table.next(state, event) }
}

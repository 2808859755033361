package import Model

/// What happens to a rollout.
package enum RolloutEvent: String, CaseIterable, Hashable, Sendable {
    /// A person starts it: its packages are imported and replicated.
    case start
    /// Its packages are in the hub's pool; clients follow as their spokes hold verified replicas.
    case prepared
    /// A package that it needs cannot be had.
    case failPreparation
    /// Its start time has come.
    case begin
    case pause
    case resume
    /// A person stops it.
    case stop
    /// Every action is final or uncertain.
    case settle
    /// A wave failed and nothing is left to do, or a late report says so after the end.
    case exceedErrors
    /// Late reports proved every wave after the rollout had failed.
    case correct
    case rollBack
    case finishRollback
    case failRollback
}

/// What a rollout does, as a table; it begins at `draft`.
package enum RolloutMachine {
    package static let initial = RolloutState.draft

    private static let table = TransitionTable<RolloutState, RolloutEvent>([
        ([.draft], .start, .preparing),
        ([.preparing], .prepared, .ready),
        ([.preparing], .failPreparation, .failed),
        ([.ready], .begin, .running),
        ([.running], .pause, .paused),
        ([.paused], .resume, .running),
        // No order has been given before it runs, so nothing has to be called back.
        ([.draft, .preparing, .ready], .stop, .stopped),
        ([.running, .paused], .stop, .stopping),
        ([.stopping], .settle, .stopped),
        ([.running], .settle, .completed),
        ([.running, .paused, .completed], .exceedErrors, .failed),
        ([.failed], .correct, .completed),
        ([.running, .paused, .stopped, .completed, .failed], .rollBack, .rollingBack),
        ([.rollingBack], .finishRollback, .rolledBack),
        ([.rollingBack], .failRollback, .failed),
    ])

    /// The state that follows, or nil when the event is refused in that state.
    package static func next(_ state: RolloutState, _ event: RolloutEvent) -> RolloutState? {
        table.next(state, event)
    }
}

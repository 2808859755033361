package import Model

/// What happens to an action at the agent.
package enum AgentActionEvent: String, CaseIterable, Hashable, Sendable {
    /// The checks of order, trust or eligibility say no, also when asked again right before the install.
    case refuse
    case startDownload
    case finishDownload
    /// No window is open, so the agent waits for the next.
    case waitForWindow
    case drain
    case startInstall
    case restart
    case verify
    case succeed
    /// A step failed and the old release still runs.
    case fail
    /// A step failed after the switch began: the old release is put back.
    case rollBack
    case finishRollback
    case failRollback
    /// A cancel order came in time; once the install has begun it is refused and the action is accounted for.
    case cancel
    case finishCancel
}

/// What an agent does with one action, as a table; it begins at `offered`, when the order is in the journal.
package enum AgentActionMachine {
    /// The state of a journalled order.
    package static let initial = ActionState.offered

    private static let table = TransitionTable<ActionState, AgentActionEvent>([
        ([.offered, .downloading, .downloaded, .waitingForWindow, .draining], .refuse, .refused),
        ([.offered], .startDownload, .downloading),
        ([.downloading], .finishDownload, .downloaded),
        ([.downloaded], .waitForWindow, .waitingForWindow),
        ([.downloaded, .waitingForWindow], .drain, .draining),
        // Drained too late: the window closed, so the machine is given back and waits for the next one.
        ([.draining], .waitForWindow, .waitingForWindow),
        ([.downloaded, .waitingForWindow, .draining], .startInstall, .installing),
        ([.installing], .restart, .restarting),
        ([.installing, .restarting], .verify, .verifying),
        ([.verifying], .succeed, .succeeded),
        ([.offered, .downloading, .downloaded, .waitingForWindow, .draining, .installing], .fail, .failed),
        ([.installing, .restarting, .verifying], .rollBack, .rollingBack),
        ([.rollingBack], .finishRollback, .rolledBack),
        ([.rollingBack], .failRollback, .rollbackFailed),
        ([.offered, .downloading, .downloaded, .waitingForWindow, .draining], .cancel, .cancelling),
        ([.cancelling], .finishCancel, .cancelled),
    ])

    /// The state that follows, or nil when the event is refused in that state.
    package static func next(_ state: ActionState, _ event: AgentActionEvent) -> ActionState? {
        table.next(state, event)
    }

    /// Every state that an agent may report after this one, for each state.
    static let later: [ActionState: Set<ActionState>] = Dictionary(
        uniqueKeysWithValues: ActionState.allCases.map { ($0, table.reachable(from: $0)) })
}

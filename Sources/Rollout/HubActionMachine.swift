package import Model

/// What happens to an action at the hub.
package enum HubActionEvent: Hashable, Sendable {
    /// The spoke has stored the order.
    case offerAcknowledged
    /// All slots of the group are taken.
    case waitForSlot
    /// A slot came free: the order may go.
    case slotGranted
    /// The agent's signed report says so.
    case reported(ActionState)
    /// A person stops the rollout or this action.
    case cancel
    /// All windows have passed, or the order expired, and nothing was heard of a start.
    case windowsPassed
    /// Begun, and longer than the longest allowed run plus skew without a word.
    case runTimeExceeded
    /// The client, or the spoke that it joined through, was revoked.
    case clientRevoked
    /// Two machines use the client's identity: which of them did what is not known.
    case identityShared
    /// A person says that an uncertain action is over.
    case settle

    /// Every event, for tests of all pairs.
    package static let all: [HubActionEvent] =
        [
            .offerAcknowledged, .waitForSlot, .slotGranted, .cancel, .windowsPassed, .runTimeExceeded, .clientRevoked,
            .identityShared, .settle,
        ] + ActionState.allCases.map { .reported($0) }
}

/// What the hub knows of one action, as a table; it begins at `pending`.
///
/// Reports are applied in the order of their counters, each once. A report may skip states (an agent that was cut off sends
/// what it did last), so a reported state is taken when the agent's own machine can come to it from the state known here.
package enum HubActionMachine {
    /// The state of a planned action.
    package static let initial = ActionState.pending

    private static func states(in phase: ActionState.Phase) -> [ActionState] {
        ActionState.all { $0.phase == phase }
    }

    private static let planned = states(in: .planned)
    private static let beforeInstall = states(in: .preparing)
    private static let changing = states(in: .changing)

    private static let table = TransitionTable<ActionState, HubActionEvent>(
        [
            (planned, .offerAcknowledged, .offered),
            ([.pending], .waitForSlot, .waitingForSlot),
            ([.waitingForSlot], .slotGranted, .pending),
            // Nothing was sent yet, so nothing has to be called back.
            (planned, .cancel, .cancelled),
            (beforeInstall + [.draining], .cancel, .cancelling),
            (planned + beforeInstall, .windowsPassed, .missed),
            // An order that cannot be obeyed any more is as good as cancelled.
            ([.cancelling], .windowsPassed, .cancelled),
            (changing, .runTimeExceeded, .uncertain),
            (planned, .clientRevoked, .cancelled),
            (beforeInstall + changing + [.cancelling], .clientRevoked, .uncertain),
            // A success that either machine may have had is none until the identity is one machine's again.
            (
                planned + [.missed] + beforeInstall + changing + [.cancelling, .succeeded],
                .identityShared,
                .uncertain
            ),
            ([.uncertain], .settle, .failed),
        ] + reports)

    /// The rows of every state that an agent can report.
    private static var reports: [(from: [ActionState], event: HubActionEvent, to: ActionState)] {
        let reportable = ActionState.allCases.filter { !$0.isHubOnly }
        var rows: [(from: [ActionState], event: HubActionEvent, to: ActionState)] = []
        for state in reportable {
            // The hub's own states know nothing of the agent's, and a late report corrects `missed` and `uncertain`.
            rows.append((planned + [.missed, .uncertain], .reported(state), state))
            for known in reportable where known != .cancelling && known != state {
                if AgentActionMachine.later[known, default: []].contains(state) {
                    rows.append(([known], .reported(state), state))
                }
            }
            // A cancel is under way: what the agent did before it heard of it changes nothing, a started install does.
            if state != .cancelling {
                let isBefore = beforeInstall.contains(state) || state == .draining
                rows.append(([.cancelling], .reported(state), isBefore ? .cancelling : state))
            }
            // Said again: no change.
            rows.append(([state], .reported(state), state))
        }
        return rows
    }

    /// The state that follows, or nil when the event is refused in that state.
    package static func next(_ state: ActionState, _ event: HubActionEvent) -> ActionState? {
        table.next(state, event)
    }
}

/// The transitions of a state machine as data: which event leads from which state to which; all other pairs are refused.
package struct TransitionTable<State: Hashable & Sendable, Event: Hashable & Sendable>: Sendable {
    private struct Pair: Hashable, Sendable {
        let state: State
        let event: Event
    }

    private let transitions: [Pair: State]

    /// Rows of states, the event and the state that follows; a pair that two rows name is a mistake of the program.
    package init(_ rows: [(from: [State], event: Event, to: State)]) {
        var transitions: [Pair: State] = [:]
        for row in rows {
            for state in row.from {
                let previous = transitions.updateValue(row.to, forKey: Pair(state: state, event: row.event))
                precondition(previous == nil, "two transitions from \(state) on \(row.event)")
            }
        }
        self.transitions = transitions
    }

    /// The state that follows, or nil when the event is refused in that state.
    package func next(_ state: State, _ event: Event) -> State? { transitions[Pair(state: state, event: event)] }

    /// Every state that some row of events leads to from the state, without itself unless a way leads back.
    package func reachable(from state: State) -> Set<State> {
        var found: Set<State> = []
        var open = [state]
        while let current = open.popLast() {
            for (pair, next) in transitions where pair.state == current && found.insert(next).inserted {
                open.append(next)
            }
        }
        return found
    }
}

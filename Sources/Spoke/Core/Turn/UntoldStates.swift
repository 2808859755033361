import Model
import Protocol

/// States that a peer could not take, at most one for each subject: each is told again when its
/// time has come, unless a newer state of the same subject is told first.
struct UntoldStates {
    struct State {
        let link: LinkID
        let message: Message
        let due: UnixTime
        /// How often telling it has failed in a row.
        let failures: Int
    }

    /// With the number by which they are told in the order of their failures.
    private var states: [Errand: (state: State, number: UInt64)] = [:]
    private var lastNumber: UInt64 = 0
    /// Subjects whose time has come, the next one last; those that are told meanwhile are skipped.
    private var ready: [Errand] = []
    /// No state outside `ready` is due before; nil where there is none.
    private(set) var nextDue: UnixTime?

    mutating func add(_ errand: Errand, _ state: State) {
        lastNumber += 1
        states[errand] = (state, lastNumber)
        nextDue = min(nextDue ?? state.due, state.due)
    }

    mutating func remove(_ errand: Errand) {
        guard !states.isEmpty else { return }
        states[errand] = nil
    }

    /// Everything is told anew over the next link.
    mutating func forget(_ link: LinkID) {
        guard !states.isEmpty else { return }
        states = states.filter { $0.value.state.link != link }
    }

    /// Takes out a state whose time has come. `states` is looked through once for each due time,
    /// not for each state.
    mutating func next(at now: UnixTime) -> (Errand, State)? {
        if ready.isEmpty, let due = nextDue, due <= now {
            let found = states.filter { $0.value.state.due <= now }
            ready = found.sorted { $0.value.number > $1.value.number }.map(\.key)
            nextDue = states.values.lazy.map(\.state.due).filter { $0 > now }.min()
        }
        while let errand = ready.popLast() {
            if let state = states[errand]?.state, state.due <= now {
                states[errand] = nil
                return (errand, state)
            }
        }
        return nil
    }
}

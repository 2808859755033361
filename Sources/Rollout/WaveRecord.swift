package import Model

/// A wave of a rollout.
package struct WaveRecord: Hashable, Sendable {
    package var rollout: RolloutID
    /// 0 is the canary.
    package var index: Int
    package var state: WaveState
    /// How long it is watched after its last success.
    package var soak: Duration
    package var began: UnixTime?
    /// When time alone moves it on, in a state with a timer (`WaveState.isTimed`).
    package var stateEnds: UnixTime?
    /// Actions that were over when a person resumed the rollout, by state: rules for errors count
    /// what comes after them.
    package var accepted: [ActionState: Int]

    package init(
        rollout: RolloutID, index: Int, state: WaveState, soak: Duration = .zero, began: UnixTime? = nil,
        stateEnds: UnixTime? = nil, accepted: [ActionState: Int] = [:]
    ) {
        self.rollout = rollout
        self.index = index
        self.state = state
        self.soak = soak
        self.began = began
        self.stateEnds = stateEnds
        self.accepted = accepted
    }
}

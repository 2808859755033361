package import Model

/// A rollout: what was asked for, and where it stands.
package struct RolloutRecord: Hashable, Sendable {
    package var id: RolloutID
    /// Given by the store: rises with every rollout.
    package var ordinal: Int64
    package var specification: RolloutSpecification
    package var state: RolloutState
    /// The windows as UTC spans, expanded when it was started; empty means any time.
    package var windows: [TimeSpan]
    package var created: UnixTime
    package var started: UnixTime?
    package var ended: UnixTime?
    /// Why it failed, or what it waits for, for people.
    package var text: String?
    /// Why it is paused; nil in every other state, and where a newer release paused it for a cause of its own.
    package var cause: PauseCause?
    /// The approval that an operator has signed (COSE_Sign1).
    package var approval: [UInt8]?

    package init(
        id: RolloutID, specification: RolloutSpecification, state: RolloutState, windows: [TimeSpan] = [],
        created: UnixTime, started: UnixTime? = nil, ended: UnixTime? = nil, text: String? = nil,
        cause: PauseCause? = nil, approval: [UInt8]? = nil, ordinal: Int64 = 0
    ) {
        self.id = id
        self.ordinal = ordinal
        self.specification = specification
        self.state = state
        self.windows = windows
        self.created = created
        self.started = started
        self.ended = ended
        self.text = text
        self.cause = cause
        self.approval = approval
    }
}

/// A wave of a rollout.
package struct WaveRecord: Hashable, Sendable {
    package var rollout: RolloutID
    /// 0 is the canary.
    package var index: Int
    package var state: WaveState
    /// How long it is watched after its last success.
    package var soak: Duration
    package var began: UnixTime?
    /// When the soak ends, while it soaks.
    package var soakEnds: UnixTime?
    /// Actions that were over when a person resumed the rollout, by state: rules for errors count what comes after them.
    package var accepted: [ActionState: Int]

    package init(
        rollout: RolloutID, index: Int, state: WaveState, soak: Duration = .zero, began: UnixTime? = nil,
        soakEnds: UnixTime? = nil, accepted: [ActionState: Int] = [:]
    ) {
        self.rollout = rollout
        self.index = index
        self.state = state
        self.soak = soak
        self.began = began
        self.soakEnds = soakEnds
        self.accepted = accepted
    }
}

/// Rollouts and their waves.
package protocol RolloutStore: AnyObject {
    /// Keeps a new rollout and gives its ordinal; refuses an id that is there.
    @discardableResult
    func insertRollout(_ rollout: RolloutRecord) throws -> Int64
    /// Replaces a rollout's state, windows, times and text.
    func updateRollout(_ rollout: RolloutRecord) throws
    func rollout(_ id: RolloutID) throws -> RolloutRecord?
    /// The rollouts of a name, oldest first: one, but for those that an earlier release has made.
    func rollouts(named name: String) throws -> [RolloutRecord]
    /// Forgets a rollout with its waves and actions.
    func removeRollout(_ id: RolloutID) throws
    /// Rollouts, oldest first, behind an ordinal.
    func rollouts(after ordinal: Int64, limit: Int) throws -> [RolloutRecord]
    /// The rollouts in any of the states, oldest first.
    func rollouts(in states: [RolloutState]) throws -> [RolloutRecord]
    /// The rollouts of a product in any of the states, oldest first.
    func rollouts(of product: ProductName, in states: [RolloutState]) throws -> [RolloutRecord]
    /// Keeps or replaces a wave.
    func putWave(_ wave: WaveRecord) throws
    /// A rollout's waves in order.
    func waves(of rollout: RolloutID) throws -> [WaveRecord]
    /// The waves that soak, by the end of the soak.
    func soakingWaves() throws -> [WaveRecord]
}

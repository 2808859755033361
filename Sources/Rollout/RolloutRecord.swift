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
    /// Why it is paused; nil in every other state, and where a newer release paused it for a cause
    /// of its own.
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

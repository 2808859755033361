package import Model
package import Rollout

/// One client's work in a rollout, as the hub knows it.
package struct ActionRecord: Hashable, Sendable {
    package var id: ActionID
    /// Given by the store: rises with every action.
    package var ordinal: Int64
    package var rollout: RolloutID
    package var wave: Int
    package var client: NodeID
    package var spoke: NodeID
    package var path: TargetPath
    package var digest: SHA256Digest
    package var state: ActionState
    /// Why the agent refused, all of them.
    package var reasons: [Reason]
    package var notes: [Note]
    /// What happened last, for people.
    package var detail: String
    /// The sequence number of its latest order; nil before the first.
    package var sequence: Int64?
    /// When that order expires.
    package var expires: UnixTime?
    /// When the hub decides by time (missed, uncertain); nil when only a report or a person moves it.
    package var deadline: UnixTime?
    package var created: UnixTime
    package var changed: UnixTime

    package init(
        id: ActionID, rollout: RolloutID, wave: Int, client: NodeID, spoke: NodeID, path: TargetPath,
        digest: SHA256Digest, state: ActionState, reasons: [Reason] = [], notes: [Note] = [], detail: String = "",
        sequence: Int64? = nil, expires: UnixTime? = nil, deadline: UnixTime? = nil, created: UnixTime,
        changed: UnixTime? = nil, ordinal: Int64 = 0
    ) {
        self.id = id
        self.ordinal = ordinal
        self.rollout = rollout
        self.wave = wave
        self.client = client
        self.spoke = spoke
        self.path = path
        self.digest = digest
        self.state = state
        self.reasons = reasons
        self.notes = notes
        self.detail = detail
        self.sequence = sequence
        self.expires = expires
        self.deadline = deadline
        self.created = created
        self.changed = changed ?? created
    }
}

/// Actions.
package protocol ActionStore: AnyObject {
    /// Keeps a new action and gives its ordinal; refuses an id that is there.
    @discardableResult
    func insertAction(_ action: ActionRecord) throws -> Int64
    /// Replaces an action's record.
    func updateAction(_ action: ActionRecord) throws
    func action(_ id: ActionID) throws -> ActionRecord?
    /// A rollout's actions, oldest first, behind an ordinal.
    func actions(of rollout: RolloutID, after ordinal: Int64, limit: Int) throws -> [ActionRecord]
    /// A client's actions, newest first.
    func actions(of client: NodeID, limit: Int) throws -> [ActionRecord]
    /// The pending actions without an order, of running waves of running rollouts, for a package (nil: any) at a spoke, oldest first.
    func pendingActions(spoke: NodeID, path: TargetPath?, limit: Int) throws -> [ActionRecord]
    /// How many actions of a rollout are in each state, by wave.
    func actionCounts(of rollout: RolloutID) throws -> ActionCounts
    /// The actions whose deadline has come, earliest first.
    func dueActions(at time: UnixTime, limit: Int) throws -> [ActionRecord]
    /// The earliest deadline.
    func nextActionDeadline() throws -> UnixTime?
}

extension ActionStore {
    /// All actions of a rollout, oldest first.
    package func actions(of rollout: RolloutID) throws -> [ActionRecord] {
        try actions(of: rollout, after: 0, limit: .max)
    }
}

package import Model
package import Rollout

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
    /// The waves in a state with a timer, by its end.
    func timedWaves() throws -> [WaveRecord]
}

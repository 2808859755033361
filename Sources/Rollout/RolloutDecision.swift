package import Model

/// What `RolloutStep` decides; carried out in order.
package enum RolloutDecision: Hashable, Sendable {
    /// The rollout moves on by the event; the text says why, for people, and replaces the one
    /// before.
    case moveRollout(RolloutEvent, text: String?, cause: PauseCause? = nil)
    /// The wave moves on by the event, and time alone moves it on again at `until`.
    case moveWave(Int, WaveEvent, until: UnixTime? = nil)
    /// The actions of the wave that are not ordered yet are ordered.
    case orderWave(Int)
    /// The actions of the rollout are stopped as far as they can be.
    case cancelActions(String)
    /// The rollout stays where it is, and says so with a new text.
    case setText(String)
}

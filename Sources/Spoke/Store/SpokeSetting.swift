/// The spoke's own settings that outlive a restart.
package enum SpokeSetting: String, CaseIterable, Sendable {
    /// The pool's quota in bytes, decimal; absent until the hub sets one.
    case quota
    /// What may be done with the pool, by its name; absent until the hub sets it.
    case access
    /// What the hub has set for the other pools, see `PoolSettings`.
    case pools
    /// The newest revocation list from the hub, as signed.
    case revocations
    /// The order that came last from the hub, as signed; shown to the hub on every connection.
    case newestOrder
    /// The newest anchor set from the hub, as signed, for the agents.
    case anchors
    /// How fast packages may go to the agents, as the hub last said: a `setLimit` message.
    case agentLimit
    /// Which releases rollouts completed, as the hub last said: a `completedReleases` message.
    case completedReleases
    /// What the last check of a pool has found: a `poolChecked` message.
    case lastCheck
    /// The last signed time seen, milliseconds since 1970, decimal: no earlier time is believed.
    case clockFloor
}

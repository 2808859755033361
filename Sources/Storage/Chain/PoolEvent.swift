package import Model

/// What a daemon's core hears of its pools.
package enum PoolEvent: Equatable, Sendable {
    /// What the pools hold together, and each.
    case changed(PoolFigures)
    /// Where objects are, where there are several pools; told before what makes them held.
    case placed([SHA256Digest: PoolPlace])
    /// A pool's disk is gone or has come back: what is no longer held, and what is again.
    case moved(went: Set<SHA256Digest>, came: Set<SHA256Digest>, text: String)
    /// A pool that is to be emptied is empty, or why it is not.
    case drained(String, isEmpty: Bool)
    /// The disk has damaged these; the pool withholds them.
    case damaged(Set<SHA256Digest>)
}

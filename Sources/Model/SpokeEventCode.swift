/// The codes of the events that a spoke may bring into the hub's activity log. Every other code is the
/// hub's own: a spoke in the wrong hands cannot write that a token was created or a member revoked.
package enum SpokeEventCode: String, CaseIterable, Sendable {
    case actionChanged
    case attackSeen
    case catalogRefused
    case confinementMissing
    case eventFailed
    case linesLeftOut
    case machineCloned
    case poolAvailability
    case poolDrained
    case quotaExceeded
    case replicaCorrupt
    case replicaEvicted
    case replicaFailed
    case replicaRepaired
    case replicaVerified
    case reportRefused
    case revocationsStale
    case shareFailed
    case sharePublished
    case storeNewer

    /// The code as the log has it.
    package var code: EventCode { EventCode(known: rawValue) }
}

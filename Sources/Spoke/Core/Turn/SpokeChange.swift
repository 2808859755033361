import Model

/// What the parts of a spoke's core tell each other. A part notes a change in the turn; the part
/// that it concerns takes it when the turn settles.
enum SpokeChange: Hashable {
    // Taken by `Replicas`.
    /// An attempt at a replica may start: one is wanted, an attempt has ended, or a wait has.
    case replicasChanged
    /// Room may be there: replicas that wait try again at once.
    case roomMade
    /// Objects have left the pool, which is room for replicas that found none.
    case objectsGone
    /// A published file is needed that is here as its content only.
    case publishedFileWanted(SHA256Digest)

    // Taken by `Plans`.
    /// An attempt at this replica has brought what it was to bring.
    case attemptSucceeded(SHA256Digest)

    // Taken by `MissingPackages`.
    /// A package is here that was not.
    case packageArrived(SHA256Digest)

    // Taken by `Contents`.
    /// What is kept beside the published files is to be reviewed.
    case contentsDue

    // Taken by `MachineShares`.
    /// The catalog is to be asked what the shares should show.
    case sharesDue

    // Taken by `Orders`.
    /// An agent may have orders to be sent.
    case ordersDue(NodeID)
    /// An agent has a new link.
    case agentOpened(NodeID)
}

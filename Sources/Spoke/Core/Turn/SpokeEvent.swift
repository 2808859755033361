package import Model
package import Protocol
package import Storage

/// What the trusted catalog says about a path.
package enum TargetFinding: Equatable, Sendable {
    case listed(length: UInt64, sha256: SHA256Digest, content: PackageContent)
    /// The metadata is in order and does not name it.
    case absent
    /// The metadata breaks a rule: an attack, or a publisher's mistake; never a reason to go on.
    case refused(String)
    /// The metadata could not be had now.
    case unreachable(String)
}

/// How a transfer into the pool ended.
package enum TransferOutcome: Equatable, Sendable {
    /// The bytes are in the pool, hashed and on disk.
    case verified
    /// The quota or the disk has no room for it; nothing was transferred.
    case noRoom(String, lacking: ByteCount = .zero, pool: NodeName? = nil)
    /// What came has another hash than the catalog signs; it was removed.
    case hashMismatch
    /// A content or a patch was planned and could not be used, whatever the reason; the published
    /// file is taken next.
    case planFailed(String)
    /// The transfer broke; what arrived is kept and the next attempt goes on from there.
    case interrupted(String)
    /// What was damaged was fetched again and no more: the package is whole.
    case repaired(fetched: ByteCount)
}

/// How unpacking a published file ended.
package enum UnpackOutcome: Equatable, Sendable {
    /// Its content is in the pool, hashed and on disk.
    case done
    /// It was to make way for a transfer; it goes on from there later.
    case cancelled
    /// The quota or the disk has no room; so many bytes lack where it is the quota.
    case noRoom(String, lacking: ByteCount = .zero)
    /// It cannot be unpacked here: no library, or bytes that are not what was signed.
    case failed(String)
}

/// What the shell made of a revocation list from the hub.
package enum RevocationOutcome: Equatable, Sendable {
    /// Signed by this fleet's hub and not older than the one before; with those of this spoke's
    /// agents that are revoked.
    case accepted(revoked: Set<NodeID>)
    case refused(String)
    /// It could not be kept now.
    case failed(String)
}

/// What happens to a spoke; the shell or the simulation tells it to the core.
package enum SpokeEvent: PeerCausedEvent, Equatable {
    /// First of all: what the pool really holds and how full it is.
    case started(held: Set<SHA256Digest>, PoolFigures)
    case link(LinkEvent)
    /// An event of a peer could not be handled; told in its place.
    case faulted(PeerFault)
    /// A peer without a certificate asks to join; the core relays it to the hub.
    case joinAsked(JoinID, Message)
    case targetFound(TargetPath, TargetFinding)
    case transferProgressed(SHA256Digest, held: UInt64)
    case transferEnded(SHA256Digest, TransferOutcome)
    /// The spoke's pools.
    case pool(PoolEvent)
    /// Told after the start where this machine's kernel lacks a part of the confinement of
    /// children; a sentence that says which.
    case confinementMissing(String)
    /// The answer to `unpack`, for the published file of this hash.
    case unpacked(SHA256Digest, UnpackOutcome)
    /// The answer to `evict`: those of the objects that are gone.
    case evicted([SHA256Digest])
    /// What the hub told to go is gone, or why it is not.
    case evictionEnded(SHA256Digest, refusal: String?)
    /// How a check that the hub asked for goes.
    case poolChecked(PoolChecked)
    /// The answer to `verify`, behind `objectsDamaged` where it is damaged. An object that could
    /// not be read to its end is neither.
    case verified(SHA256Digest, isWhole: Bool)
    /// A package of the trusted catalog was brought on a medium; it is in the pool, verified.
    case packageBrought(TargetPath, SHA256Digest, length: UInt64)
    /// What was brought on a medium was refused, and why.
    case bundleRefused(String)
    case revocationsChecked(LinkID, RequestID, signed: [UInt8], RevocationOutcome)
    /// Agents of this spoke are revoked by a segment that came after its list, or were let in
    /// before that.
    case agentsRevoked(Set<NodeID>)
    /// The set is kept, or why not.
    case anchorsChecked(LinkID, RequestID, signed: [UInt8], refusal: String?)
    /// A newer catalog is trusted here.
    case catalogRefreshed(timestampVersion: UInt64)
    /// The shares of this machine, at the start and when they were changed.
    case sharesSet([Share])
    /// The answer to `surveyCatalog`; nil where no catalog is trusted that is in date.
    case catalogSurveyed([Package]?)
    case shareTended(Share, ShareOutcome)
    /// The time asked for by `SpokeEffect.wake` has come.
    case woke
}

extension SpokeEvent {
    package func fault(_ reason: String) -> PeerFault? {
        switch self {
        case .link(let event): PeerFault(event, reason)
        case .joinAsked(let join, let message): PeerFault(.join(join), event: message.name, reason: reason)
        case .revocationsChecked(let link, let request, _, _):
            PeerFault(.request(link, request), event: "a revocation list", reason: reason)
        case .anchorsChecked(let link, let request, _, _):
            PeerFault(.request(link, request), event: "an anchor set", reason: reason)
        case .started, .faulted, .targetFound, .transferProgressed, .transferEnded, .pool,
            .confinementMissing, .unpacked, .evicted, .evictionEnded, .poolChecked, .verified, .packageBrought,
            .bundleRefused, .agentsRevoked, .catalogRefreshed,
            .sharesSet, .catalogSurveyed, .shareTended, .woke:
            nil
        }
    }
}

extension SpokeEvent {
    /// Whose input an event is.
    enum Origin {
        /// What came over a link, from this peer where it is known.
        case link(LinkID, PeerIdentity?)
        case member(NodeID)
    }

    /// Nil for an event of the spoke itself, and for a peer that has no identity yet.
    var origin: Origin? {
        switch self {
        case .link(.opened(let link, let peer, _)): .link(link, peer)
        case .link(let event): .link(event.link, nil)
        case .faulted(let fault):
            switch fault.origin {
            case .request(let link, _), .link(let link): .link(link, fault.peer)
            case .member(let node): .member(node)
            case .join: nil
            }
        case .started, .joinAsked, .targetFound, .transferProgressed, .transferEnded, .pool, .confinementMissing,
            .unpacked, .evicted, .evictionEnded, .poolChecked, .verified, .packageBrought, .bundleRefused,
            .revocationsChecked, .agentsRevoked,
            .anchorsChecked, .catalogRefreshed, .sharesSet, .catalogSurveyed, .shareTended, .woke:
            nil
        }
    }
}

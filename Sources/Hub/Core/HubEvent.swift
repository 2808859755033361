package import Model
package import Protocol
package import Storage

/// What the trusted catalog holds after a refresh.
package struct CatalogContents: Equatable, Sendable {
    package var timestampVersion: UInt64
    /// When the timestamp expires.
    package var expires: UnixTime
    /// Every package that the targets name.
    package var packages: [Package]

    package init(timestampVersion: UInt64, expires: UnixTime, packages: [Package]) {
        self.timestampVersion = timestampVersion
        self.expires = expires
        self.packages = packages
    }
}

/// How an import into the hub's pool ended.
package enum ImportOutcome: Equatable, Sendable {
    /// The bytes are in the pool, hashed and on the disk.
    case imported
    /// What was damaged was fetched again and no more; the package is whole, as `imported` says.
    case repaired(fetched: ByteCount)
    /// The quota or the disk has no room.
    case noRoom(String, lacking: ByteCount = .zero, pool: NodeName? = nil)
    /// What came has another hash or length than the catalog signs; it was removed.
    case mismatch(String)
    /// The transfer broke; what arrived is kept. The server may have said when to come back.
    case interrupted(String, retryAfter: Duration? = nil)
}

/// What comes of looking at the vendor's catalog.
package enum CatalogEvent: Equatable, Sendable {
    /// The catalog was refreshed and is trusted.
    case refreshed(CatalogContents)
    /// The catalog breaks a rule of trust: what was trusted before stays.
    case refused(String)
    /// The catalog could not be had now.
    case unreachable(String, retryAfter: Duration? = nil)
}

/// How an import into the hub's pool goes.
package enum ImportEvent: Equatable, Sendable {
    case progressed(TargetPath, bytesHeld: UInt64)
    case ended(TargetPath, SHA256Digest, ImportOutcome)
}

/// What happens to patches and their pool.
package enum PatchEvent: Equatable, Sendable {
    /// A patch was made, or why not.
    case ended(PatchResult)
    /// A patch is damaged or not there, and is gone.
    case lost(SHA256Digest, String)
    case poolChanged(PoolFigures)
}

/// What happens to a hub; the shell or the simulation tells it to the core.
package enum HubEvent: PeerCausedEvent, Equatable {
    /// First of all: what the hub's pool really holds and how full it is, and the same of the pool of patches where there is one.
    case started(held: Set<SHA256Digest>, PoolFigures, patches: HubPatchPool? = nil)
    /// A spoke's session.
    case link(LinkEvent)
    /// An event of a peer could not be handled; told in its place.
    case faulted(PeerFault)
    /// So many bytes have passed over a spoke's link since this was told last.
    case linkUsed(LinkID, sent: UInt64, received: UInt64)
    /// So many bytes of what a spoke fetched have gone to it, from the offset that it named on, and no more will.
    case objectSent(FetchPackage, to: NodeID, bytes: UInt64)
    /// A peer without a certificate asks to join at the hub's own listener.
    case joinAsked(JoinID, Message)
    case catalog(CatalogEvent)
    case packageImport(ImportEvent)
    /// The hub's own pools.
    case pool(PoolEvent)
    /// Told after the start where this machine's kernel lacks a part of the confinement of
    /// children; a sentence that says which.
    case confinementMissing(String)
    /// What the plan took from the pool is gone, or why it is not.
    case packageEvicted(SHA256Digest, refusal: String?)
    /// How a check of the hub's own pool goes.
    case poolChecked(PoolChecked)
    case patches(PatchEvent)
    /// The time asked for by `HubEffect.wake` has come.
    case woke
}

extension HubEvent {
    package func fault(_ reason: String) -> PeerFault? {
        switch self {
        case .link(let event): PeerFault(event, reason)
        case .linkUsed(let link, _, _): PeerFault(.link(link), event: "the traffic of a link", reason: reason)
        case .objectSent(_, let spoke, _):
            PeerFault(.member(spoke), event: "the end of a transfer", reason: reason)
        case .joinAsked(let join, let message): PeerFault(.join(join), event: message.name, reason: reason)
        case .started, .faulted, .catalog, .packageImport, .pool, .confinementMissing, .packageEvicted, .poolChecked,
            .patches, .woke:
            nil
        }
    }
}

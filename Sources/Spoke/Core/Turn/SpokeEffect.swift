package import Model
package import Protocol

/// What a spoke's core wants done, after its transaction is on disk.
package enum SpokeEffect: Equatable, Sendable {
    case link(LinkEffect)
    case answerJoin(JoinID, Message)
    /// Bring the trusted catalog up to date through the hub and say what it says about the path.
    case findTarget(TargetPath)
    /// Bring the trusted catalog up to date, for the agents' sake.
    case refreshCatalog
    /// Reserve room, fetch what is missing from the hub by this plan, make of it what is wanted, check the hash, publish.
    case transfer(WantedReplica, TransferPlan)
    /// Unpack the replica's published file into its content, in the background.
    case unpack(WantedReplica)
    /// Make way for a transfer: end the unpacking that is under way.
    case stopUnpacking
    /// Remove these objects from the pool, those that nobody reads now.
    case evict([SHA256Digest])
    /// Fetch what is damaged of a published file that is here, and no more; then tell `transferEnded`.
    case repair(WantedReplica)
    /// Read an object again and compare it with its hash; tell `objectsDamaged` if it differs, then `verified`.
    case verify(SHA256Digest)
    /// Say which packages of these products the trusted catalog names: `catalogSurveyed`.
    case surveyCatalog(Set<ProductName>)
    /// Have the share's folder show the package, or with nil what it shows already, and tidy it up; then tell `shareTended`.
    case tendShare(Share, Package?)
    /// Answer with the metadata file of that name, as it was received, or with `notFound`.
    case serveMetadata(LinkID, RequestID, name: String)
    /// Answer with the package's bytes from the offset on.
    case servePackage(LinkID, RequestID, SHA256Digest, length: UInt64, offset: UInt64)
    /// Give the pool of that name another quota, then tell `poolChanged`.
    case setQuota(NodeName, ByteCount)
    /// Let packages go to all agents together no faster than this from now on; nil lifts the limit.
    case limitAgents(BitRate?)
    /// Say what may be done with the pool, then tell `poolChanged`.
    case setAccess(NodeName, PoolAccess)
    /// Remove these objects of a package from the pool, unless they are being read; then tell `evicted` and `evictionEnded`. Behind transfers and before those that are asked for later.
    case prune(SHA256Digest, content: SHA256Digest?)
    /// Check the pool and tell `poolChecked` meanwhile and at the end.
    case checkPool(CheckPool)
    /// Check the signature and the number of the list, then tell `revocationsChecked`.
    case checkRevocations(LinkID, RequestID, signed: [UInt8])
    /// Check the signature and the number of the set and keep it, then tell `anchorsChecked`.
    case checkAnchors(LinkID, RequestID, signed: [UInt8])
    /// Tell `woke` at this time; a later `wake` replaces an earlier one.
    case wake(at: UnixTime)
}

package import Model
package import Protocol
package import Trust

/// What a hub's core wants done, after its transaction is on disk.
package enum HubEffect: Equatable, Sendable {
    case link(LinkEffect)
    case answerJoin(JoinID, Message)
    /// Fetch the catalog from its URL, verify it, then tell `catalogRefreshed`, `catalogRefused` or `catalogUnreachable`.
    case refreshCatalog(url: String, root: [UInt8])
    /// Reserve room, fetch what is missing from the catalog's URL, check the hash, publish; then tell `importEnded`.
    case importPackage(Package)
    /// Fetch what is damaged of a package that is in the pool, and no more, from the catalog's URL; then tell `importEnded`.
    case repairPackage(Package)
    /// Answer with the metadata file of that name, as it was received, or with `notFound`.
    case serveMetadata(LinkID, RequestID, name: String)
    /// Answer this spoke with the bytes of a published file or content from the offset on; tell `objectSent` when no more of them go.
    case servePackage(LinkID, RequestID, FetchPackage, to: NodeID)
    /// Unpack what is packed into the hub's pool, make the patch into the pool of patches, then tell `patchEnded`; one at a time.
    case makePatch(PatchJob)
    /// The same with a patch's bytes; tell `patchLost` if it is not there.
    case servePatch(LinkID, RequestID, FetchPackage, to: NodeID)
    /// Read the patch again; where it differs from its hash, remove it and tell `patchLost`.
    case checkPatch(SHA256Digest)
    /// Remove these patches, then tell `patchPoolChanged`; one that is being read stays until the next start.
    case dropPatches([SHA256Digest])
    /// Remove these unpacked contents from the hub's pool, then tell `poolChanged`; one that is being read stays.
    case dropContents([SHA256Digest])
    /// Give the pool of patches another quota, then tell `patchPoolChanged`.
    case setPatchQuota(ByteCount)
    /// Let packages go to a spoke no faster than this from now on; nil lifts the limit.
    case limit(LinkID, BitRate?)
    /// Give one of the hub's own pools another quota, then tell `poolChanged`.
    case setQuota(NodeName, ByteCount)
    /// Say what may be done with one of the hub's own pools.
    case setAccess(NodeName, PoolAccess)
    /// Remove a package's objects from the hub's own pool, the published file first, unless they are being read; then tell `packageEvicted`.
    case evict([SHA256Digest])
    /// Check the hub's own pool and tell `poolChecked` meanwhile and at the end.
    case checkPool(CheckPool)
    /// Renew the hub's own certificates where that is due, show them, and believe the roots of this set.
    case useAuthorities(AnchorSet)
    /// Another's clock agrees that it is at least this late: believe no earlier time.
    case raiseClock(UnixTime)
    /// Tell `woke` at this time; a later `wake` replaces an earlier one.
    case wake(at: UnixTime)
}

package import Model
package import Protocol
package import Trust

/// What a hub's core wants done, after its transaction is on disk.
package enum HubEffect: Equatable, Sendable {
    case link(LinkEffect)
    case answerJoin(HubJoinID, Message)
    /// Fetch the catalog from its URL, verify it, then tell `catalogRefreshed`, `catalogRefused` or `catalogUnreachable`.
    case refreshCatalog(url: String, root: [UInt8])
    /// Reserve room, fetch what is missing from the catalog's URL, check the hash, publish; then tell `importEnded`.
    case importPackage(Package)
    /// Answer with the metadata file of that name, as it was received, or with `notFound`.
    case serveMetadata(LinkID, RequestID, name: String)
    /// Answer with the package's bytes from the offset on.
    case servePackage(LinkID, RequestID, SHA256Digest, length: UInt64, offset: UInt64)
    /// Give the hub's own pool another quota, then tell `poolChanged`.
    case setQuota(ByteCount)
    /// Renew the hub's own certificates where that is due, show them, and believe the roots of this set.
    case useAuthorities(AnchorSet)
    /// Tell `woke` at this time; a later `wake` replaces an earlier one.
    case wake(at: UnixTime)
}

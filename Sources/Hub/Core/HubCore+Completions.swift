import Model
import Protocol

/// What spokes with shares that follow rollouts are told: which releases of their products a rollout completed.
///
/// A spoke is answered when it says its shares, and told again when that changes. The answer for a product is kept
/// until a rollout of it ends, is corrected or is deleted, so that a spoke that connects costs no look at old rollouts.
/// Products without a rollout cost nothing, whatever a spoke asks for.
extension HubCore {
    /// What the spoke is to know; nil when none of its shares follows rollouts.
    mutating func completedReleases(for spoke: NodeID) throws -> CompletedReleases? {
        guard let followed = shares[spoke]?.followed, !followed.isEmpty else { return nil }
        var products: [ProductName: [LineName: ReleaseName]] = [:]
        for product in followed { products[product] = try completedReleases(of: product) }
        return CompletedReleases(products)
    }

    private mutating func completedReleases(of product: ProductName) throws -> [LineName: ReleaseName] {
        if let known = completions[product] { return known }
        let ended: Set<ProductName>
        if let productsRolledOut {
            ended = productsRolledOut
        } else {
            ended = Set(try store.rollouts(in: HubQueries.ended).map(\.specification.product))
            productsRolledOut = ended
        }
        guard ended.contains(product) else { return [:] }
        let found = try HubQueries(store: store, zones: configuration.zones).completedReleases(of: product)
        completions[product] = found
        return found
    }

    /// A rollout of the product is over, was corrected or was deleted.
    mutating func rolloutsEnded(of product: ProductName) {
        completions[product] = nil
        productsRolledOut?.insert(product)
        for (spoke, told) in shares where told.followed.contains(product) { dirtySpokes.insert(spoke) }
    }

    /// Tells a spoke what changed since it was told last.
    mutating func sendCompletions(_ link: LinkID, _ spoke: NodeID) throws {
        guard let releases = try completedReleases(for: spoke), let open = links[link],
            open.completedReleases != releases, !open.underWay.contains(.completedReleases),
            !isHeld(.completedReleases, link)
        else { return }
        links[link]?.completedReleases = releases
        ask(link, .completedReleases(releases), .completedReleases)
    }

    mutating func sharesTold(_ told: Shares, _ spoke: NodeID, _ link: LinkID, _ request: RequestID) throws {
        shares[spoke] = told.items.isEmpty ? nil : told
        guard let releases = try completedReleases(for: spoke) else { return reply(link, request, .ok(OK())) }
        links[link]?.completedReleases = releases
        reply(link, request, .completedReleases(releases))
    }
}

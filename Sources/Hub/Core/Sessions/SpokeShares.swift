import Model
import Protocol
import Rollout

/// What spokes said of the folders that they show releases in, and what those that follow rollouts
/// are told: which releases of their products a rollout completed.
///
/// A spoke is answered when it says its shares, and told again when that changes. The answer for a
/// product is kept until a rollout of it ends, is corrected or is deleted, so that a spoke that
/// connects costs no look at old rollouts. Products without a rollout cost nothing, whatever a
/// spoke asks for. It takes `rolloutsEnded` and `spokeRemoved`.
struct SpokeShares: HubPart {
    /// As each spoke said last; told anew with every connection.
    private var shares: [NodeID: Shares] = [:]
    /// Which completed releases each connected spoke was told last.
    private var told: [NodeID: CompletedReleases] = [:]
    /// Releases that rollouts completed, of the products that were asked about since a rollout of
    /// theirs ended.
    private var completions: [ProductName: [LineName: ReleaseName]] = [:]
    /// The products that a rollout of has ended; nil until it is looked up.
    private var productsRolledOut: Set<ProductName>?

    /// The shares of a spoke, as it said last.
    func shares(of spoke: NodeID) -> Shares? { shares[spoke] }

    // MARK: - Sessions

    /// A spoke has connected: it tells its shares anew, unless it has none any more.
    mutating func opened(_ spoke: NodeID) {
        shares[spoke] = nil
        told[spoke] = nil
    }

    /// A spoke's session is over, or what it was told did not arrive.
    mutating func untold(_ spoke: NodeID) { told[spoke] = nil }

    /// A spoke says its shares.
    mutating func said(
        _ said: Shares, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, _ turn: inout HubTurn
    ) throws {
        shares[spoke] = said.items.isEmpty ? nil : said
        guard let releases = try completedReleases(for: spoke, turn) else {
            return turn.reply(link, request, .ok(OK()))
        }
        told[spoke] = releases
        turn.reply(link, request, .completedReleases(releases))
    }

    /// Tells a spoke what changed since it was told last.
    mutating func send(to delivery: SpokeDelivery, _ turn: inout HubTurn) throws {
        let spoke = delivery.spoke
        guard let releases = try completedReleases(for: spoke, turn), told[spoke] != releases,
            delivery.isFree(.completedReleases)
        else { return }
        told[spoke] = releases
        turn.ask(spoke, .completedReleases(releases), .completedReleases)
    }

    // MARK: - Completions

    /// What the spoke is to know; nil when none of its shares follows rollouts.
    private mutating func completedReleases(for spoke: NodeID, _ turn: HubTurn) throws -> CompletedReleases? {
        guard let followed = shares[spoke]?.followed, !followed.isEmpty else { return nil }
        var products: [ProductName: [LineName: ReleaseName]] = [:]
        for product in followed { products[product] = try completedReleases(of: product, turn) }
        return CompletedReleases(products)
    }

    private mutating func completedReleases(
        of product: ProductName, _ turn: HubTurn
    ) throws -> [LineName: ReleaseName] {
        if let known = completions[product] { return known }
        let ended: Set<ProductName>
        if let productsRolledOut {
            ended = productsRolledOut
        } else {
            ended = Set(try turn.store.rollouts(in: RolloutState.all(where: \.isFinal)).map(\.specification.product))
            productsRolledOut = ended
        }
        guard ended.contains(product) else { return [:] }
        let found = try turn.queries.completedReleases(of: product)
        completions[product] = found
        return found
    }

    mutating func settle(_ turn: inout HubTurn) throws {
        let products = turn.take { change in
            if case .rolloutsEnded(let product) = change { product } else { nil }
        }
        let removed = turn.take { change in
            if case .spokeRemoved(let spoke) = change { spoke } else { nil }
        }
        for spoke in removed { shares[spoke] = nil }
        for product in Set(products) {
            completions[product] = nil
            productsRolledOut?.insert(product)
            for (spoke, said) in shares where said.followed.contains(product) { turn.note(.spokeNeedsDelivery(spoke)) }
        }
    }

    func nextDue(_ turn: HubTurn) throws -> UnixTime? { nil }

    func invariantViolation(_ store: any HubStore, _ configuration: HubConfiguration) throws -> String? {
        for spoke in told.keys where try store.spoke(spoke)?.isConnected != true {
            return "spoke \(spoke) is not connected and counts as told of completed releases"
        }
        for spoke in shares.keys where try store.spoke(spoke) == nil {
            return "shares are kept of spoke \(spoke), which is not known"
        }
        return nil
    }
}

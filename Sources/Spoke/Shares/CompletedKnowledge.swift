internal import Model
package import Protocol

/// What a spoke knows of the releases that rollouts completed.
package struct CompletedKnowledge: Equatable, Sendable {
    /// What the hub said last, which outlives a restart; nil before it said anything.
    package var told: CompletedReleases?
    /// The hub answers and does not say it: it is of an earlier release.
    package var isUntold: Bool

    package init(told: CompletedReleases? = nil, isUntold: Bool = false) {
        self.told = told
        self.isUntold = isUntold
    }

    /// The releases of a product by their lines; nil when the hub has not said it.
    func releases(of product: ProductName) -> [LineName: ReleaseName]? { told?.products[product] }
}

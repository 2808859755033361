package import Model

/// What a daemon's pools hold together, and each of them where there are several.
package struct PoolFigures: Hashable, Sendable {
    package var account: PoolAccount
    /// In their order; empty where there is one pool, and its disk is there.
    package var pools: [PoolChain.Standing]

    package init(_ account: PoolAccount, pools: [PoolChain.Standing] = []) {
        self.account = account
        self.pools = pools
    }

    package init(_ chain: PoolChain) {
        let standings = chain.standings()
        let isOne = standings.count == 1 && standings.allSatisfy { $0.problem == nil }
        self.init(chain.account(), pools: isOne ? [] : standings)
    }

    /// Each of them; a pool that is the only one is called by the first one's name.
    package func each(first: NodeName) -> [PoolChain.Standing] {
        pools.isEmpty ? [PoolChain.Standing(name: first, account: account)] : pools
    }
}

internal import Model
internal import Storage
internal import System

/// Several pools: their disks are looked at by and by, and the core hears where packages are.
extension HubShell {
    /// How often disks and the list of pools are looked at.
    private static let lookEvery = Duration.seconds(15)

    /// Looks for as long as this lives.
    nonisolated func watchPools() -> Task<Void, Never> {
        Task { [weak self] in
            // Only cancelled with the process.
            while (try? await Task.sleep(for: Self.lookEvery)) != nil {
                guard let self else { return }
                await lookAtPools()
            }
        }
    }

    /// Closes what is gone, opens what is there, and says so.
    nonisolated func lookAtPools() async {
        let change = await looking.run { [pools] in pools.look() }
        drainPools()
        guard !change.isEmpty else { return }
        for message in change.messages { messages(message) }
        tellPlaces()
        // The figures first: they say which pool it is.
        tell(.poolChanged(HubPoolFigures(pool)))
        tell(.poolsMoved(went: change.went, came: change.came, text: change.messages.joined(separator: "; ")))
    }

    /// Goes on emptying what is to be emptied.
    nonisolated func drainPools() {
        drainer.look { [weak self] news in
            guard let self else { return }
            switch news {
            case .moved(let package): tellPlace(of: package)
            case .damaged(let packages): tell(.packagesDamaged(packages))
            case .said(let text, let isEmpty):
                messages(text)
                tell(.poolDrained(text, isEmpty: isEmpty))
            }
            tell(.poolChanged(HubPoolFigures(pool)))
        }
    }

    /// Tells where everything is.
    nonisolated func tellPlaces() {
        let places = pools.places()
        if !places.isEmpty { tell(.placed(places.mapValues { HubPlace(pool: $0) })) }
    }

    /// Tells where a package has come to lie, and why.
    nonisolated func tellPlace(of package: SHA256Digest) {
        guard pool.names.count > 1, let place = pool.place(of: package) else { return }
        tell(.placed([package: HubPlace(pool: place.pool, reason: place.reason)]))
    }
}

extension HubPoolFigures {
    /// What the hub's pools hold, together and each where there are several.
    init(_ chain: PoolChain) {
        self.init(chain.account())
        let standings = chain.standings()
        guard standings.count > 1 || standings.contains(where: { $0.problem != nil }) else { return }
        pools = standings.map { standing in
            let account = standing.account
            return HubPool(
                name: standing.name, quota: account.quota, used: account.used, reserved: account.reserved,
                freeOnDisk: account.freeOnDisk, problem: standing.problem)
        }
    }
}

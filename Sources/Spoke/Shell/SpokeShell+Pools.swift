internal import Model
internal import Storage
internal import System

/// Several pools: their disks are looked at by and by, and the core hears where packages are.
extension SpokeShell {
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
        tell(.poolChanged(PoolFigures(pool)))
        tell(.poolsMoved(went: change.went, came: change.came, text: change.messages.joined(separator: "; ")))
    }

    /// Goes on emptying what is to be emptied.
    nonisolated func drainPools() {
        drainer.look { [weak self] news in
            guard let self else { return }
            switch news {
            case .moved(let package): tellPlace(of: [package])
            case .damaged(let packages): tell(.replicasDamaged(packages))
            case .said(let text, let isEmpty):
                messages(text)
                tell(.poolDrained(text, isEmpty: isEmpty))
            }
            tell(.poolChanged(PoolFigures(pool)))
        }
    }

    /// Tells where everything is.
    nonisolated func tellPlaces() {
        let places = pools.places()
        if !places.isEmpty { tell(.placed(places.mapValues { PoolPlace(pool: $0) })) }
    }

    /// Tells where a replica has come to lie, and why.
    nonisolated func tellPlace(of replica: WantedReplica) { tellPlace(of: [replica.sha256, replica.packed?.sha256]) }

    nonisolated func tellPlace(of objects: [SHA256Digest?]) {
        guard pool.names.count > 1 else { return }
        var places: [SHA256Digest: PoolPlace] = [:]
        for object in objects.compactMap({ $0 }) {
            places[object] = pool.place(of: object).map { PoolPlace(pool: $0.pool, reason: $0.reason) }
        }
        tell(.placed(places))
    }
}

extension PoolFigures {
    /// What the pools hold, together and each where there are several.
    init(_ chain: PoolChain) {
        let account = chain.account()
        let standings = chain.standings()
        self.init(
            quota: account.quota, used: account.used, reserved: account.reserved, freeOnDisk: account.freeOnDisk,
            access: account.access, pools: standings.count > 1 ? standings.map { SpokePool($0) } : [])
    }
}

extension SpokePool {
    init(_ standing: PoolChain.Standing) {
        let account = standing.account
        self.init(
            name: standing.name, quota: account.quota, used: account.used, reserved: account.reserved,
            freeOnDisk: account.freeOnDisk, access: account.access, problem: standing.problem)
    }
}

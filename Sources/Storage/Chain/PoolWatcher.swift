package import Model
package import System

/// A daemon with several pools: their disks are looked at periodically, and its core hears where
/// objects are.
package protocol PoolWatcher: AnyObject, Sendable {
    var pools: PoolSet { get }
    /// Empties those that are to be emptied.
    var drainer: PoolDrainer { get }
    /// Looks at the pools' disks, which may not answer.
    var looking: NamedQueue { get }
    /// Lines for the operator or the journal.
    var messages: @Sendable (String) -> Void { get }
    /// Puts an event on the core's queue, behind those that wait.
    func tell(_ event: PoolEvent)
}

/// How often disks and the list of pools are looked at.
private let lookEvery = Duration.seconds(15)

extension PoolWatcher {
    /// All pools as one.
    package var pool: PoolChain { pools.chain }

    /// Looks for as long as this lives.
    package func watchPools() -> Task<Void, Never> {
        Task { [weak self] in
            // Only cancelled with the process.
            while (try? await Task.sleep(for: lookEvery)) != nil {
                guard let self else { return }
                await lookAtPools()
            }
        }
    }

    /// Closes what is gone, opens what is there, and says so.
    package func lookAtPools() async {
        let change = await looking.run { [pools] in pools.look() }
        drainPools()
        guard !change.isEmpty else { return }
        for message in change.messages { messages(message) }
        tellPlaces()
        // The figures first: they say which pool it is.
        tell(.changed(PoolFigures(pool)))
        tell(.moved(went: change.went, came: change.came, text: change.messages.joined(separator: "; ")))
    }

    /// Goes on emptying what is to be emptied.
    package func drainPools() {
        drainer.look { [weak self] news in
            guard let self else { return }
            switch news {
            case .moved(let object): tellPlaces(of: [object])
            case .damaged(let objects): tell(.damaged(objects))
            case .said(let text, let isEmpty):
                messages(text)
                tell(.drained(text, isEmpty: isEmpty))
            }
            tell(.changed(PoolFigures(pool)))
        }
    }

    /// Tells where everything is.
    package func tellPlaces() {
        let places = pools.places()
        if !places.isEmpty { tell(.placed(places)) }
    }

    /// Tells where objects have come to lie, and why.
    package func tellPlaces(of objects: [SHA256Digest]) {
        guard pool.names.count > 1 else { return }
        var places: [SHA256Digest: PoolPlace] = [:]
        for object in objects { places[object] = pool.place(of: object) }
        if !places.isEmpty { tell(.placed(places)) }
    }

    /// Changes a pool's quota, and tells what it holds; does nothing where there is none of that name. Blocks on the disk.
    package func setQuota(_ quota: ByteCount, of name: NodeName) {
        do {
            guard try pools.setQuota(quota, of: name) else { return }
        } catch {
            messages("the quota \(quota) could not be set: \(error)")
        }
        tell(.changed(PoolFigures(pool)))
    }
}

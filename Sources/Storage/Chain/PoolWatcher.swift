package import Model
package import System

/// What a daemon's core hears of its pools; cases of its events.
package protocol PoolEvent: Sendable {
    /// What the pools hold together, and each.
    static func poolChanged(_ figures: PoolFigures) -> Self
    /// Where objects are, where there are several pools; told before what makes them held.
    static func placed(_ places: [SHA256Digest: PoolPlace]) -> Self
    /// A pool's disk is gone or has come back: what is no longer held, and what is again.
    static func poolsMoved(went: Set<SHA256Digest>, came: Set<SHA256Digest>, text: String) -> Self
    /// A pool that is to be emptied is empty, or why it is not.
    static func poolDrained(_ text: String, isEmpty: Bool) -> Self
    /// The disk has damaged these; the pool withholds them.
    static func objectsDamaged(_ objects: Set<SHA256Digest>) -> Self
}

/// A daemon with several pools: their disks are looked at by and by, and its core hears where objects are.
package protocol PoolWatcher: AnyObject, Sendable {
    associatedtype Event: PoolEvent

    var pools: PoolSet { get }
    /// Empties those that are to be emptied.
    var drainer: PoolDrainer { get }
    /// Looks at the pools' disks, which may not answer.
    var looking: NamedQueue { get }
    /// Lines for the person or the journal.
    var messages: @Sendable (String) -> Void { get }
    /// Puts an event on the core's queue, behind those that wait.
    func tell(_ event: Event)
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
        tell(.poolChanged(PoolFigures(pool)))
        tell(.poolsMoved(went: change.went, came: change.came, text: change.messages.joined(separator: "; ")))
    }

    /// Goes on emptying what is to be emptied.
    package func drainPools() {
        drainer.look { [weak self] news in
            guard let self else { return }
            switch news {
            case .moved(let object): tellPlaces(of: [object])
            case .damaged(let objects): tell(.objectsDamaged(objects))
            case .said(let text, let isEmpty):
                messages(text)
                tell(.poolDrained(text, isEmpty: isEmpty))
            }
            tell(.poolChanged(PoolFigures(pool)))
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
        tell(.poolChanged(PoolFigures(pool)))
    }
}

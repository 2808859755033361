import Model
import Protocol
import Storage

/// What the spoke's pools hold, and how full they are, as the shell last said.
///
/// Keeps the objects that are held, which of them the disk has damaged and where they are. Notes
/// that the holdings have changed.
struct PoolContents {
    /// The first pool's name as the hub knows it.
    let firstName: NodeName
    /// What the pool holds, by hash: published files, contents and patches.
    private(set) var held: Set<SHA256Digest> = []
    private(set) var figures = PoolFigures(
        PoolAccount(quota: .zero, used: .zero, reserved: .zero, freeOnDisk: .zero))
    /// Published files in the pool that the disk has damaged and that are to be repaired.
    private var damagedFiles: Set<SHA256Digest> = []
    /// Where objects are, as long as there are several pools.
    private var places: [SHA256Digest: PoolPlace] = [:]

    init(firstName: NodeName) { self.firstName = firstName }

    // MARK: - What is here

    func holds(_ object: SHA256Digest) -> Bool { held.contains(object) }

    func isDamaged(_ file: SHA256Digest) -> Bool { damagedFiles.contains(file) }

    /// Each pool.
    var pools: [PoolChain.Standing] { figures.each(first: firstName) }

    /// Whether there is a pool of that name.
    func has(_ name: NodeName) -> Bool { pools.contains { $0.name == name } }

    /// A pool whose disk is gone.
    var absentPool: PoolChain.Standing? { figures.pools.first { $0.problem != nil } }
    var isEveryPoolHere: Bool { absentPool == nil }

    /// Where a replica is: its published file, else its content.
    func place(of replica: WantedReplica) -> PoolPlace? {
        guard figures.pools.count > 1 else { return nil }
        if holds(replica.sha256), let place = places[replica.sha256] { return place }
        return replica.packed.flatMap { holds($0.sha256) ? places[$0.sha256] : nil }
    }

    func placeText(of replica: WantedReplica) -> String {
        place(of: replica).map { "; \($0)" } ?? ""
    }

    /// Forgets the patches that are not here. What a pool holds whose disk is gone is not
    /// forgotten.
    func forgetLostPatches(_ turn: SpokeTurn) throws {
        for patch in try turn.store.patches() where isEveryPoolHere && !holds(patch.sha256) {
            try turn.store.removePatch(patch.sha256)
        }
    }

    // MARK: - Changes

    mutating func start(_ held: Set<SHA256Digest>, _ figures: PoolFigures) {
        self.held = held
        self.figures = figures
    }

    /// An object is here, hashed and on disk.
    mutating func add(_ object: SHA256Digest, _ turn: inout SpokeTurn) {
        held.insert(object)
        turn.noteHoldings()
    }

    /// A published file is whole again.
    mutating func repaired(_ file: SHA256Digest, _ turn: inout SpokeTurn) {
        damagedFiles.remove(file)
        add(file, &turn)
    }

    /// The pool withholds these objects: the disk has damaged them.
    mutating func withhold(_ objects: Set<SHA256Digest>, _ turn: inout SpokeTurn) {
        held.subtract(objects)
        turn.noteHoldings()
    }

    /// A published file that is withheld is to be repaired.
    mutating func noteDamage(of file: SHA256Digest) { damagedFiles.insert(file) }

    /// A damaged file is not repaired; it is fetched as a whole.
    mutating func forgetDamage(of file: SHA256Digest) { damagedFiles.remove(file) }

    /// Objects are gone; what is read just now stays, and is looked at again with the next change.
    mutating func evicted(_ objects: [SHA256Digest], _ turn: inout SpokeTurn) throws {
        guard !objects.isEmpty else { return }
        held.subtract(objects)
        damagedFiles.subtract(objects)
        for object in objects { try turn.store.removePatch(object) }
        turn.noteHoldings()
        turn.note(.objectsGone)
    }

    /// A pool's disk is gone, or is here again.
    mutating func moved(went: Set<SHA256Digest>, came: Set<SHA256Digest>, _ turn: inout SpokeTurn) {
        held.subtract(went)
        held.formUnion(came)
        turn.noteHoldings()
    }

    mutating func changed(_ figures: PoolFigures, _ replicas: Replicas, _ turn: inout SpokeTurn) throws {
        guard figures != self.figures else { return }
        let before = pools
        self.figures = figures
        turn.noteHoldings()
        tell(except: before, &turn)
        // Where packages are is said from the first moment at which there are several pools.
        guard before.count < figures.pools.count else { return }
        for replica in try turn.store.replicas() where replica.state == .verified {
            replicas.tell(replica, self, &turn)
        }
    }

    /// Where objects are; the hub hears of replicas that are in another pool than before.
    mutating func placed(
        _ news: [SHA256Digest: PoolPlace], _ replicas: Replicas, _ turn: inout SpokeTurn
    ) throws {
        let moved = news.filter { places[$0.key]?.pool != $0.value.pool }
        places.merge(news) { _, new in new }
        guard turn.hub != nil, !moved.isEmpty else { return }
        for replica in try turn.store.replicas() where replica.state == .verified {
            if replica.objects.contains(where: { moved[$0] != nil }) { replicas.tell(replica, self, &turn) }
        }
    }

    // MARK: - Telling the hub

    /// Tells the hub of every pool, except those that are as they were.
    func tell(except known: [PoolChain.Standing] = [], _ turn: inout SpokeTurn) {
        let isAnother = pools.map(\.name) != known.map(\.name)
        for pool in pools where isAnother || !known.contains(pool) {
            let account = pool.account
            let message = PoolStatus(
                pool: pool.name, quota: account.quota.bytes, used: account.used.bytes,
                reserved: account.reserved.bytes, freeOnDisk: account.freeOnDisk.bytes, access: account.access,
                problem: pool.problem, pools: figures.pools.prefix(PoolStatus.limit).map(\.name))
            turn.tellHub(.poolStatus(message), .poolStatus(pool.name))
        }
    }
}

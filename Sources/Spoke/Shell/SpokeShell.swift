internal import Content
internal import Identity
internal import Model
internal import Network
internal import Protocol
internal import SQLite
internal import Storage
internal import System
internal import TLS
import Transport
internal import Trust

/// A running spoke: carries events to the core and its effects out again.
///
/// The core and its store live on one named queue. Events that wait are handled together in one transaction (one fsync
/// for all of them), and effects are executed only after the commit. Links live on event loops, the pool and the
/// metadata on a queue of their own; nothing blocks the cooperative pool.
actor SpokeShell: LinkHandler, PoolWatcher {
    /// How long a spoke whose store refuses to write waits before it begins anew.
    private static let storePause = Duration.seconds(5)

    nonisolated let queue = NamedQueue("spoke")
    nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    nonisolated let links = Links()
    nonisolated let pools: PoolSet
    /// Writes into the pool and the metadata folder.
    nonisolated let disk = NamedQueue("spoke.disk")
    /// Reads for agents, so that serving does not wait for writing.
    nonisolated let reading = NamedQueue("spoke.read")
    /// Repairs, which wait for the hub.
    nonisolated let repairing = NamedQueue("spoke.repair")
    nonisolated let verifying = NamedQueue("spoke.verify")
    /// Reads the pool again by and by.
    nonisolated let scrub: ScrubRounds
    /// Empties those that are to be emptied.
    nonisolated let drainer: PoolDrainer
    /// Looks at the pools' disks.
    nonisolated let looking = NamedQueue("spoke.look")
    /// Reads from media, which are slow.
    nonisolated let importing = NamedQueue("spoke.import")
    /// Unpacks and patches, which takes long.
    nonisolated let making = NamedQueue("spoke.content")
    nonisolated let intake: ContentIntake
    /// Writes into shares, whose disks may be slow.
    nonisolated let sharing = NamedQueue("spoke.share")
    nonisolated let shareSettings: ShareSettings
    nonisolated let worker: ContentWorker
    nonisolated let scratch: String
    nonisolated let catalog: SpokeCatalog
    /// As it was at the start; what changes is asked of the keeper.
    nonisolated let identity: MemberIdentity
    nonisolated let keeper: IdentityKeeper
    nonisolated let upkeep: IdentityUpkeep
    nonisolated let clock: ClockFloor
    nonisolated let messages: @Sendable (String) -> Void
    /// Called with the reason when this spoke cannot go on.
    private let fatal: @Sendable (String) -> Void
    private let database: String
    private nonisolated let inbox = EventInbox<SpokeEvent, LinkID>()
    nonisolated let revoked: RevocationKeeper
    nonisolated let segments: SegmentFetcher
    nonisolated let joins = JoinDesk()

    private let store: SQLiteSpokeStore
    /// The believed time of the last turn.
    private var lastTurn = UnixTime.zero
    private var core: SpokeCore
    private let poolName: NodeName
    private var watch: Task<Void, Never>?
    private nonisolated let segmentsCame: AsyncStream<Void>
    var hub: LinkID?
    private var alarm: Task<Void, Never>?
    /// The unpacking that is under way, or was last.
    var unpacking: Cancellation?
    var tasks: [SHA256Digest: Task<Void, Never>] = [:]

    /// Opens everything in the folder; nothing listens or dials yet. `child` is the path of a program of Axle that is started as a limited child; `messages` gets lines for the person or the journal.
    init(
        folder: StateFolder, keeper: IdentityKeeper, clock: ClockFloor, group: EventLoopGroup, program: String,
        child: String, messages: @escaping @Sendable (String) -> Void, fatal: @escaping @Sendable (String) -> Void
    ) throws {
        self.fatal = fatal
        database = SpokeState.database(folder)
        let identity = keeper.identity
        guard let upstream = Endpoint(identity.member.upstream) else {
            throw UsageError("\(folder.path) names no hub; join again with a new token")
        }
        let store = try SQLiteSpokeStore(existing: database, now: clock.now)
        poolName = try NodeName("main")
        pools = try PoolSet(
            first: .init(name: poolName, folder: SpokeState.pool(folder), isOwn: true),
            list: SpokeState.pools(folder.path),
            owner: identity.member.id, quota: Self.defaultQuota, settings: try Self.settings(store, first: poolName))
        worker = ContentWorker(program: child)
        scratch = SpokeState.pool(folder)
        intake = ContentIntake(worker: worker, scratch: scratch)
        shareSettings = ShareSettings(state: folder.path)
        drainer = PoolDrainer(pools.chain, program: "axle-spoke")
        scrub = ScrubRounds(pool: pools.chain, file: SpokeState.scrub(folder), now: { clock.now })
        catalog = SpokeCatalog(
            folder: try MetadataFolder(SpokeState.trust(folder)), disk: disk, links: links,
            state: folder.path, now: { clock.now })
        core = SpokeCore(
            store: store, poolName: poolName, verifier: OpenSSLVerifier(), random: SystemRandom(), accepts: Self.accepts
        )
        self.store = store
        self.identity = identity
        self.clock = clock
        self.keeper = keeper
        upkeep = IdentityUpkeep(
            keeper: keeper, clock: clock, links: links,
            place: IdentityUpkeep.Place(
                endpoint: upstream, group: group, role: .spoke, upstream: .hub, program: program),
            messages: { severity, text in messages(severity >= .warning ? "\(severity.name): \(text)" : text) })
        self.messages = messages
        let list = try store.setting(.revocations).map {
            try RevocationList.open($0, keys: [identity.hubOrderKey.der], verifier: OpenSSLVerifier())
        }
        if let list { clock.raise(toSeconds: list.issued.seconds) }
        revoked = try RevocationKeeper(folder: SpokeState.revocations(folder), role: nil, list: list)
        let (came, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        segments = SegmentFetcher(
            keeper: revoked, links: links, queue: disk, messages: messages, changed: { continuation.yield() })
        segmentsCame = came
    }

    /// What the hub has set for each pool.
    static func settings(_ store: SQLiteSpokeStore, first: NodeName) throws -> [NodeName: PoolSet.Setting] {
        func text(_ setting: SpokeSetting) throws -> String? {
            try store.setting(setting).map { String(decoding: $0, as: UTF8.self) }
        }
        var settings = try PoolSettings(store).settings.mapValues {
            PoolSet.Setting(quota: $0.quota, access: $0.access)
        }
        settings[first] = PoolSet.Setting(
            quota: try text(.quota).flatMap { UInt64($0) }.map { ByteCount($0) },
            access: try text(.access).flatMap { PoolAccess(name: $0) })
        return settings
    }

    /// What this machine can make use of: patches and compressed chunks need libzstd.
    static let accepts: [TransferMeans] =
        [.content] + (ContentWorker.canPatch ? TransferMeans.fromBase : [.plainChunks])

    /// What a pool holds until the hub sets a quota.
    static let defaultQuota = ByteCount(40_000_000_000)

    /// Why a peer is not let in although its certificate is in order; asked on every session, full or resumed.
    nonisolated func refusal(_ peer: PeerIdentity, serial: [UInt8]) -> String? {
        revoked.revokes(peer.id, serial: serial) ? "the certificate of \(peer) has been revoked" : nil
    }

    /// Finds out whether children are held as they should be; what is missing is told to people,
    /// and work goes on.
    private func checkConfinement() async {
        do {
            let worker = self.worker
            guard let lack = try await disk.run({ try worker.confinementLack() }) else { return }
            messages("warning: \(lack)")
            tell(.confinementMissing(lack))
        } catch {
            messages("warning: whether children are confined is not known: \(error)")
        }
    }

    // MARK: - Events

    /// Takes up what is on disk and begins to handle events.
    func start() async {
        do {
            try await catalog.loadStored()
        } catch {
            messages("no catalog to serve yet: \(error)")
        }
        for line in revoked.damage { messages("warning: \(line)") }
        begin()
        Task { [weak self] in await self?.checkConfinement() }
        scrub.start { [weak self, messages] outcome in
            for failure in outcome.failures { messages("scrub: \(failure)") }
            if !outcome.corrupt.isEmpty { self?.tell(.pool(.damaged(Set(outcome.corrupt)))) }
        }
        watch = watchPools()
        Task { [weak self, segmentsCame] in
            for await _ in segmentsCame { await self?.dropRevoked() }
        }
    }

    private func begin() {
        let damaged = Set(pool.marks().filter { $0.value == .corrupt }.keys)
        tellPlaces()
        tell(.started(held: damaged.union(pool.list().map(\.digest)), PoolFigures(pool)))
        if !damaged.isEmpty { tell(.pool(.damaged(damaged))) }
        takeShares()
        Task {
            if let version = await catalog.timestampVersion { tell(.catalogRefreshed(timestampVersion: version)) }
        }
    }

    nonisolated func tell(_ event: PoolEvent) { tell(.pool(event)) }

    nonisolated func linkEvent(_ event: LinkEvent) { tell(.link(event)) }

    nonisolated func linkEvent(_ event: LinkEvent, bytes: Int) -> Bool {
        let (isFirst, mayGoOn) = inbox.put(event, bytes: bytes, over: links) { .link($0) }
        if isFirst { queue.submit { self.assumeIsolated { $0.drain() } } }
        return mayGoOn
    }

    nonisolated func joinRequest(_ link: LinkID, _ request: RequestID, _ message: Message) {
        guard let join = joins.enter(link, request, over: links) else { return }
        tell(.joinAsked(join, message))
    }

    /// Puts an event on the core's queue, behind those that wait.
    nonisolated func tell(_ event: SpokeEvent) {
        if inbox.put(event) { queue.submit { self.assumeIsolated { $0.drain() } } }
    }

    /// Handles what waits, in one transaction; then executes the effects.
    private func drain() {
        if wasSetBack() { return beginAnewInTime() }
        let batch = inbox.take()
        for link in batch.resumed { links.resumeReading(link) }
        do {
            try EventIsolation.run(batch.events) { events in
                try commit(Array(events))
            } isolate: { event, error in
                try commit([try event.replacement(after: error, messages)])
            }
        } catch {
            beginAnew(after: error)
        }
        if batch.isMore { queue.submit { self.assumeIsolated { $0.drain() } } }
    }

    /// Handles events in one transaction, then executes the effects; on the disk when it returns.
    func commit(_ events: [SpokeEvent]) throws {
        let now = clock.now
        let before = core
        do {
            let effects = try store.transaction {
                var effects: [SpokeEffect] = []
                for event in events { effects += try core.handle(event, at: now) }
                return effects
            }
            follow(events)
            for effect in effects { execute(effect) }
        } catch {
            core = before
            throw error
        }
    }

    /// Which link is the hub's, for the effects that need it.
    private func follow(_ events: [SpokeEvent]) {
        for case .link(let event) in events {
            switch event {
            case .opened(let link, let peer, let hello) where peer.role == .hub:
                hub = link
                upkeep.opened(link, peerTime: hello.time)
                messages("connected to the hub")
            case .closed(let link, let why) where link == hub:
                hub = nil
                upkeep.closed(link)
                messages("the connection to the hub is gone: \(why.text)")
            // Its session began while the list was on its way.
            case .opened(_, let peer, _) where peer.role == .agent && revoked.revokes(peer.id):
                tell(.agentsRevoked([peer.id]))
            default: break
            }
        }
        for case .revocationsChecked(let link, _, _, .accepted) in events {
            // The list is on the disk: what only earlier ones named may go.
            disk.submit { [revoked, messages] in
                do { try revoked.sweep() } catch {
                    messages("old segments of revocations could not be removed: \(error)")
                }
            }
            Task { [segments] in await segments.fetch(over: link) }
        }
    }

    /// The store could not commit, for a full disk perhaps. Nothing of the batch was acknowledged: the links are closed, so
    /// that every peer repeats what it had to say, and a new core begins with what is on disk.
    private func beginAnew(after error: any Error) {
        if let loss = DatabaseLoss(error, path: database, advice: SQLiteSpokeStore.advice) {
            links.closeAll(.internalFault, "this spoke's database is damaged", retryAfterSeconds: 300)
            return fatal("\(loss)")
        }
        messages("the database refused to write, trying again: \(error)")
        links.closeAll(
            .internalFault, "this spoke cannot write to its disk", retryAfterSeconds: 30)
        forgetSessions()
        Task {
            // Only cancelled with the process.
            try? await Task.sleep(for: Self.storePause)
            begin()
        }
    }

    /// Whether the believed time went back since the last turn, by more than clocks are adjusted by themselves.
    private func wasSetBack() -> Bool {
        let now = clock.now
        defer { lastTurn = now }
        return lastTurn - now > ClockFloor.tolerance
    }

    /// The clock was ahead and has been set right: what this core has put off by it would wait for that future, so a
    /// new core begins with what is on disk. Peers come back at once and repeat what they had to say.
    private func beginAnewInTime() {
        messages("the clock was set back to \(clock.now); the spoke begins anew with that time")
        links.closeAll(.leaving, "this spoke's clock was set", retryAfterSeconds: 1)
        forgetSessions()
        begin()
    }

    private func forgetSessions() {
        core = SpokeCore(
            store: store, poolName: poolName, verifier: OpenSSLVerifier(), random: SystemRandom(), accepts: Self.accepts
        )
        hub = nil
        inbox.clear()
        joins.clear()
    }

    /// Leaves the database in one file, at the end of the work.
    func close() {
        do {
            try store.close()
        } catch {
            messages("the database's log could not be copied into its file, which needs it from now on: \(error)")
        }
    }

    // MARK: - Time

    func setAlarm(at time: UnixTime) {
        alarm?.cancel()
        let wait = max(time - clock.now, .milliseconds(1))
        alarm = Task { [weak self] in
            do { try await Task.sleep(for: min(wait, .seconds(86_400))) } catch { return }
            self?.tell(.woke)
        }
    }

    // MARK: - Revocation

    /// Checks a list from the hub; from then on no revoked peer opens a session.
    func check(_ signed: [UInt8]) -> RevocationOutcome {
        do {
            let keys = [identity.hubOrderKey.der]
            let list = try RevocationList.open(signed, keys: keys, verifier: OpenSSLVerifier())
            guard list.fleet == identity.member.fleet else {
                return .refused("it is of fleet \(list.fleet)")
            }
            if let known = revoked.list, list.number < known.number {
                return .refused("list \(list.number) is older than \(known.number), which is here")
            }
            try revoked.take(list)
            clock.raise(toSeconds: list.issued.seconds)
            return .accepted(revoked: try revokedHere())
        } catch let error as RecordError {
            return .refused("\(error)")
        } catch {
            return .failed("\(error)")
        }
    }

    /// Those of this spoke's agents that are revoked: a look at each of them, not at each of the revoked.
    private func revokedHere() throws -> Set<NodeID> {
        try store.knownAgents().union(core.connectedAgents).filter { revoked.revokes($0) }
    }

    /// A segment has come.
    private func dropRevoked() {
        do {
            let agents = try revokedHere()
            if !agents.isEmpty { tell(.agentsRevoked(agents)) }
        } catch {
            messages("the agents of this spoke cannot be read: \(error)")
        }
    }
}

internal import API
internal import Content
internal import Identity
internal import Model
internal import Protocol
internal import SQLite
internal import Storage
internal import System
internal import Transport
internal import Trust

/// A running hub: carries events to the core and its effects out again.
///
/// The core and its store live on one named queue. Events that wait are handled together in one transaction, and effects
/// are executed after the commit. Commands of operators take their turn on the same queue.
actor HubShell: LinkHandler, PoolWatcher {
    /// How long a hub whose store refuses to write waits before it begins anew.
    private static let storePause = Duration.seconds(5)

    nonisolated let queue = NamedQueue("hub")
    nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    nonisolated let links = Links()
    nonisolated let pools: PoolSet
    /// Empties those that are to be emptied.
    nonisolated let drainer: PoolDrainer
    /// Looks at the pools' disks.
    nonisolated let looking = NamedQueue("hub.look")
    nonisolated let disk = NamedQueue("hub.disk")
    nonisolated let reading = NamedQueue("hub.read")
    private nonisolated let checking = NamedQueue("hub.check")
    nonisolated let catalog: HubCatalogClient
    /// Reads the pool again by and by.
    nonisolated let scrub: ScrubRounds
    /// Packages that operators bring.
    nonisolated let uploads: PackageUploads
    /// Nil where no patches can be made or kept.
    nonisolated let patches: PatchMaker?
    nonisolated let clock: ClockFloor
    nonisolated let contexts: HubContexts
    nonisolated let messages: @Sendable (String) -> Void
    /// Called with the reason when this hub cannot go on.
    private nonisolated let fatal: @Sendable (String) -> Void
    private nonisolated let database: String
    private nonisolated let inbox = EventInbox<HubEvent, LinkID>()
    nonisolated let joins = JoinDesk()
    /// The revoked spokes; no other role opens sessions here.
    private nonisolated let revoked = NativeLock<Set<NodeID>>([])
    /// What this machine's kernel lacks for the children that make patches; nil for nothing, or
    /// before it is known.
    nonisolated let confinementLack = NativeLock<String?>(nil)
    /// Woken after every commit: long polls of the activity log wait on it.
    nonisolated let changes = ChangeSignal()

    /// Starts children; nil where there is no program for them.
    private nonisolated let worker: ContentWorker?
    private let store: SQLiteHubStore
    private let fleet: FleetName
    private var core: HubCore
    private let makeCore: () -> HubCore
    /// The time of the last turn.
    private var lastTurn = UnixTime.zero
    private var alarm: Task<Void, Never>?
    private var watch: Task<Void, Never>?
    private var certificatesWatch: Task<Void, Never>?
    private var securing: Task<Void, Never>?

    /// `poolFolder` is where the first pool is, nil for the one in the state folder.
    init(
        folder: String, poolFolder: String?, store: SQLiteHubStore, downloads: DownloadRules,
        cryptography: OpenSSLHubCryptography, configuration: HubConfiguration, clock: ClockFloor, contexts: HubContexts,
        executable: String?,
        messages: @escaping @Sendable (String) -> Void, fatal: @escaping @Sendable (String) -> Void
    ) throws {
        self.fatal = fatal
        database = store.path
        let hubID = configuration.hub
        pools = try PoolSet(
            first: .init(
                name: configuration.poolName, folder: poolFolder ?? HubState.pool(folder), isOwn: poolFolder == nil),
            list: HubState.pools(folder), owner: hubID, quota: Self.defaultQuota,
            settings: try Self.settings(store, hub: hubID))
        let pool = pools.chain
        drainer = PoolDrainer(pools.chain, program: "axle-hub")
        scrub = ScrubRounds(pool: pool, file: HubState.scrub(folder), now: { clock.now })
        catalog = HubCatalogClient(
            folder: try MetadataFolder(HubState.trust(folder)), incoming: HubState.incoming(folder), disk: disk,
            pool: pool, rules: downloads,
            unpacking: executable.map { PackedAnswers(worker: ContentWorker(program: $0), scratch: folder) })
        uploads = PackageUploads(pool: pool)
        let patchQuota = try store.pool(node: hubID, name: configuration.patchPoolName)?.quota
        do {
            patches = try executable.map { program in
                try PatchMaker(
                    folder: HubState.patches(folder), quota: patchQuota ?? PatchMaker.defaultQuota, packages: pool,
                    program: program, scratch: folder)
            }
        } catch {
            // Spokes get files instead.
            patches = nil
            messages("no patches are made: their pool cannot be opened: \(error)")
        }
        worker = executable.map { ContentWorker(program: $0) }
        self.store = store
        self.clock = clock
        fleet = configuration.fleet
        self.contexts = contexts
        self.messages = messages
        let make = {
            HubCore(store: store, cryptography: cryptography, configuration: configuration, random: SystemRandom())
        }
        makeCore = make
        core = make()
        let spokes = try store.revokedSpokes()
        revoked.withLock { $0 = Set(spokes) }
    }

    /// What operators have set for each of the hub's pools.
    static func settings(_ store: SQLiteHubStore, hub: NodeID) throws -> [NodeName: PoolSet.Setting] {
        var settings: [NodeName: PoolSet.Setting] = [:]
        for pool in try store.pools(of: hub) {
            settings[pool.name] = PoolSet.Setting(quota: pool.quota, access: pool.access)
        }
        return settings
    }

    /// What the hub's pool holds until an operator sets a quota.
    static let defaultQuota = ByteCount(40_000_000_000)

    /// Why a peer is not let in although its certificate is in order; asked on every session, full or resumed.
    nonisolated func refusal(_ peer: PeerIdentity) -> String? {
        revoked.withLock { $0.contains(peer.id) } ? "the certificate of \(peer) has been revoked" : nil
    }

    // MARK: - Events

    /// Takes up what is on disk and begins to handle events.
    func start() async {
        if let known = try? store.catalog() {  // a store that cannot be read says so at its first event
            do {
                try await catalog.loadStored(root: known.root, now: clock.now)
            } catch {
                messages("the stored catalog cannot be served: \(error)")
            }
        }
        begin()
        Task { [weak self] in await self?.checkConfinement() }
        scrub.start { [weak self, messages] outcome in
            for failure in outcome.failures { messages("scrub: \(failure)") }
            if !outcome.corrupt.isEmpty { self?.tell(.pool(.damaged(Set(outcome.corrupt)))) }
        }
        watch = watchPools()
        certificatesWatch = watchCertificates()
        if !store.isChecked { checkDatabase() }
    }

    /// Reads a long database whole beside the work.
    private func checkDatabase() {
        let now = clock.now
        checking.submit { [database, messages] in
            do {
                try SQLiteHubStore(path: database, mode: .readOnly, now: now).check()
            } catch {
                if !self.endIfLost(error) { messages("the database could not be checked: \(error)") }
            }
        }
    }

    /// Ends the hub if the failure means that its database is damaged; nothing that it writes then can be relied on.
    @discardableResult
    nonisolated func endIfLost(_ error: any Error) -> Bool {
        guard let loss = DatabaseLoss(error, path: database, advice: SQLiteHubStore.advice) else { return false }
        links.closeAll(.internalFault, "this hub's database is damaged", retryAfterSeconds: 300)
        fatal("\(loss)")
        return true
    }

    /// Looks every second whether the names of the API were changed by `axle-hub names`, and once a minute
    /// whether a certificate has to be renewed, by age or because the clock was set; shows another
    /// one then.
    private func watchCertificates() -> Task<Void, Never> {
        // A file that cannot be asked about has not changed.
        @Sendable func mark(_ path: String) -> FileStatus? { (try? File.status(path)) ?? nil }
        let path = contexts.namesFile
        let first = mark(path)
        return Task { [weak self, looking] in
            var known = first
            var rounds = 0
            // Only cancelled with the process.
            while (try? await Task.sleep(for: .seconds(1))) != nil {
                let now = await looking.run { mark(path) }
                guard let self else { return }
                rounds += 1
                guard now != known || rounds.isMultiple(of: 60) else { continue }
                known = now
                await self.renewCertificates()
            }
        }
    }

    private func renewCertificates() {
        do {
            guard let bytes = try store.setting(.anchorSet).flatMap({ ASCII.bytes(hex: $0) }) else { return }
            if try contexts.use(try AnchorSet.readUnverified(bytes)) {
                messages("the API shows a new certificate, with its current names")
            }
        } catch {
            messages("the API's certificate could not be renewed: \(error)")
        }
    }

    private func begin() {
        let damaged = Set(pool.marks().filter { $0.value == .corrupt }.keys)
        tellPlaces()
        tell(
            .started(
                held: damaged.union(pool.list().map(\.digest)), PoolFigures(pool),
                patches: patches?.contents))
        if !damaged.isEmpty { tell(.pool(.damaged(damaged))) }
    }

    /// Finds out whether children are held as they should be; what is missing is told to people,
    /// and work goes on.
    private func checkConfinement() async {
        guard let worker else { return }
        do {
            guard let lack = try await looking.run({ try worker.confinementLack() }) else { return }
            confinementLack.withLock { $0 = lack }
            messages("warning: \(lack)")
            tell(.confinementMissing(lack))
        } catch {
            messages("warning: whether children are confined is not known: \(error)")
        }
    }

    nonisolated func tell(_ event: PoolEvent) { tell(.pool(event)) }

    nonisolated func linkEvent(_ event: LinkEvent) { tell(.link(event)) }

    nonisolated func linkEvent(_ event: LinkEvent, bytes: Int) -> Bool {
        let (isFirst, mayGoOn) = inbox.put(event, bytes: bytes, over: links) { .link($0) }
        if isFirst { queue.submit { self.assumeIsolated { $0.drain() } } }
        return mayGoOn
    }

    nonisolated func linkUsed(_ link: LinkID, sent: UInt64, received: UInt64) {
        tell(.linkUsed(link, sent: sent, received: received))
    }

    /// What passes over a spoke's link now; nil when it is not connected.
    func figures(of spoke: NodeID) async -> LinkFigures? {
        guard let link = core.link(of: spoke) else { return nil }
        return await links.figures(of: link)
    }

    nonisolated func joinRequest(_ link: LinkID, _ request: RequestID, _ message: Message) {
        guard let join = joins.enter(link, request, over: links) else { return }
        tell(.joinAsked(join, message))
    }

    /// Puts an event on the core's queue, behind those that wait.
    nonisolated func tell(_ event: HubEvent) {
        if inbox.put(event) { queue.submit { self.assumeIsolated { $0.drain() } } }
    }

    /// Handles what waits, in one transaction; then executes the effects.
    private func drain() {
        if wasSetBack() { return beginAnewInTime() }
        let batch = inbox.take()
        for link in batch.resumed { links.resumeReading(link) }
        do {
            try EventIsolation.run(batch.events) { events in
                finish(try core.perform(Array(events), at: clock.now))
                if events.contains(where: Self.isJoin) { secureSoon() }
            } isolate: { event, error in
                finish(try core.perform([try event.replacement(after: error, messages)], at: clock.now))
            }
        } catch {
            beginAnew(after: error)
        }
        if batch.isMore { queue.submit { self.assumeIsolated { $0.drain() } } }
    }

    /// Does an operator's command once: with a key that was used before it gives the answer of then. What it throws says why
    /// nothing was done. `mark` tells requests apart, `render` makes the answer's body.
    func command(
        _ command: HubCommand, key: String?, mark: [UInt8], status: Int,
        render: @Sendable (HubAnswer, SQLiteHubStore) throws -> [UInt8]
    ) throws -> (status: Int, body: [UInt8]) {
        let store = self.store
        if let key, let known = try store.answer(for: key) {
            guard known.request == mark else { throw Problem(.keyReused, "the key was used for another request") }
            return (known.status, known.body)
        }
        let now = clock.now
        var body: [UInt8] = []
        let (_, effects) = try core.execute(command, at: now) { answer in
            body = try render(answer, store)
            guard let key else { return }
            try store.insertAnswer(
                IdempotencyRecord(key: key, request: mark, status: status, body: body, created: now))
        }
        switch command {
        case .members(.revokeSpoke(let id)): revoked.withLock { _ = $0.insert(id) }
        default: break
        }
        finish(effects)
        secureSoon()
        return (status, body)
    }

    /// Puts a new CA into the hub's folder, its own or the operator's; nothing uses it before the core has added it.
    func makeAuthority(chain: String?, key: String?) throws -> SHA256Digest {
        let keys = contexts.keys
        let believed =
            try store.setting(.anchorSet).flatMap { ASCII.bytes(hex: $0) }
            .map { try AnchorSet.readUnverified($0).roots } ?? []
        guard believed.count < 2 else {
            throw HubRefusal.conflict("a change of CA is under way; finish it with 'axle ca retire' first")
        }
        let now = clock.now.seconds
        if let chain, let key {
            return try keys.add {
                try HubAuthority.adopt($0, chain: Array(chain.utf8), key: Array(key.utf8), fleet: fleet, now: now)
            }.pin
        }
        return try keys.add { try HubAuthority.create($0, fleet: fleet, now: now) }.pin
    }

    /// How far a check is that is under way.
    func progress(ofCheck number: UInt64) -> PoolChecked? { core.progress(ofCheck: number) }

    /// The folders that a spoke's machine shows releases in.
    func shares(of node: NodeID) -> Shares? { core.shares(of: node) }

    /// Runs a piece of work with the hub's store, in the queue's turn.
    func withStore<Value: Sendable>(_ body: @Sendable (SQLiteHubStore) throws -> Value) throws -> Value {
        try body(store)
    }

    /// Copies the database's log into its file within a second of a change that must not be lost with the log: a join or
    /// an operator's command. Many share one copy.
    private func secureSoon() {
        guard securing == nil else { return }
        securing = Task { [weak self] in
            // Cancelled only with the process.
            try? await Task.sleep(for: .seconds(1))
            await self?.secure()
        }
    }

    private static func isJoin(_ event: HubEvent) -> Bool {
        if case .joinAsked = event { return true }
        return false
    }

    private func secure() {
        securing = nil
        // What was committed holds without it, and a disk that fails is told by the next commit.
        _ = try? store.secure()
    }

    /// Leaves the database in one file, at the end of the work.
    func close() {
        do {
            try store.close()
        } catch {
            messages("the database's log could not be copied into its file, which needs it from now on: \(error)")
        }
    }

    private func finish(_ effects: [HubEffect]) {
        for effect in effects { execute(effect) }
        changes.signal()
    }

    /// The store could not commit, for a full disk perhaps. Nothing of the batch was acknowledged: the links are closed, so
    /// that every spoke repeats what it had to say, and a new core begins with what is on disk.
    private func beginAnew(after error: any Error) {
        guard !endIfLost(error) else { return }
        messages("the database refused to write, trying again: \(error)")
        links.closeAll(.internalFault, "this hub cannot write to its disk", retryAfterSeconds: 30)
        forgetSessions()
        Task {
            // Only cancelled with the process.
            try? await Task.sleep(for: Self.storePause)
            begin()
        }
    }

    /// Whether the clock was set back since the last turn, by more than clocks are adjusted by themselves.
    private func wasSetBack() -> Bool {
        let now = clock.now
        defer { lastTurn = now }
        return lastTurn - now > ClockFloor.tolerance
    }

    /// The clock was ahead and has been set: what this core has put off by it would wait for that future, so a new
    /// core begins with what is on disk. Peers come back at once and repeat what they had to say.
    private func beginAnewInTime() {
        messages("this machine's clock was set back to \(clock.now); the hub begins anew with that time")
        links.closeAll(.leaving, "this hub's clock was set", retryAfterSeconds: 1)
        forgetSessions()
        begin()
        renewCertificates()
    }

    private func forgetSessions() {
        core = makeCore()
        inbox.clear()
        joins.clear()
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
}

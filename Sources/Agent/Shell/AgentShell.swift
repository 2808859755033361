internal import Content
internal import Identity
internal import Model
internal import Network
internal import Protocol
internal import SQLite
internal import System
internal import TLS
internal import Transport
internal import Trust

/// A running agent: carries events to the core and its effects out again.
///
/// The core and its store live on one named queue. Events that wait are handled together in one transaction, and effects are executed only after its
/// commit. Installs, downloads, facts and metadata have queues of their own; nothing blocks the cooperative pool.
actor AgentShell: LinkHandler {
    /// How long an agent whose store refuses to write waits before it begins anew.
    private static let storePause: Duration = .seconds(5)

    private nonisolated let queue = NamedQueue("agent")
    nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    nonisolated let links = Links()
    /// As it was at the start; what changes is asked of the keeper.
    nonisolated let identity: MemberIdentity
    nonisolated let keeper: IdentityKeeper
    nonisolated let upkeep: IdentityUpkeep
    nonisolated let revoked: RevocationKeeper
    nonisolated let segments: SegmentFetcher
    nonisolated let clock: ClockFloor
    nonisolated let messages: @Sendable (EventSeverity, String) -> Void
    nonisolated let restart: @Sendable () -> Void
    /// Called with the reason when this agent cannot go on.
    private let fatal: @Sendable (String) -> Void
    private let database: String
    nonisolated let installing = NamedQueue("agent.install")
    nonisolated let downloading = NamedQueue("agent.download")
    nonisolated let asking = NamedQueue("agent.facts")
    nonisolated let catalog: AgentCatalog
    nonisolated let executor: InstallExecutor
    nonisolated let gatherer: FactsGatherer
    nonisolated let trial: TrialFile
    nonisolated let downloads: String
    nonisolated let bases: ReleaseBases
    nonisolated let worker: ContentWorker
    /// What this machine's kernel lacks for the confinement of children.
    nonisolated let confinementLack = NativeLock<String?>(nil)
    private nonisolated let inbox = EventInbox<AgentEvent, LinkID>(batch: 64)
    /// Set from a failure of the store to the new beginning.
    private var isWaitingForStore = false

    private let store: SQLiteAgentStore
    private let coreIdentity: AgentCore.Identity
    private let cryptography: AgentCryptography
    private var start: AgentStart
    private var core: AgentCore
    /// Corrections of the clock that the core has heard of.
    private var corrections: UInt64 = 0
    var link: LinkID?
    var alarm: Task<Void, Never>?
    var transfers: [ActionID: Task<Void, Never>] = [:]
    /// The download of these bytes that was begun last.
    var lastDownloads: [SHA256Digest: Task<Void, Never>] = [:]

    /// The product that is the agent itself.
    static let selfProduct = "axle-agent"

    /// Opens everything in the folder; nothing dials yet. `program` is the path of this program, `child` that of limited children; `messages` gets lines for the journal; `restart` is
    /// called when the process is to be ended so that the supervisor starts the current release.
    init(
        folder: StateFolder, program: String, child: String, group: EventLoopGroup,
        system: @escaping @Sendable () -> Int64,
        messages: @escaping @Sendable (EventSeverity, String) -> Void, restart: @escaping @Sendable () -> Void,
        fatal: @escaping @Sendable (String) -> Void
    ) throws {
        let state = folder.path
        self.fatal = fatal
        database = AgentState.database(state)
        let configuration = try AgentConfiguration.read(AgentState.configuration(state))
        let keeper = try IdentityKeeper(folder: AgentState.identity(state))
        self.keeper = keeper
        identity = keeper.identity
        clock = ClockFloor(seconds: keeper.signedTime, system: system)
        guard let upstream = Endpoint(identity.member.upstream) else {
            throw AgentError(.stateFolder, "\(state) names no spoke; join again with a new token")
        }
        upkeep = IdentityUpkeep(
            keeper: keeper, clock: clock, links: links,
            place: IdentityUpkeep.Place(
                endpoint: upstream, group: group, role: .agent, upstream: .spoke,
                program: "axle-agent/\(AgentProgram.version)"), messages: messages)
        // An agent opens sessions with spokes only.
        let revoked = try RevocationKeeper(
            folder: AgentState.revocations(state), role: .spoke, list: keeper.revocations)
        self.revoked = revoked
        segments = SegmentFetcher(
            keeper: revoked, links: links, queue: NamedQueue("agent.revocations"),
            messages: { messages(.warning, $0) },
            changed: { [links, peer = identity.member.upstreamID] in
                if revoked.revokes(peer) { links.closeAll(.refused, "this spoke has been revoked") }
            })
        guard let reportKey = identity.reportKey else {
            throw AgentError(.stateFolder, "\(state) has no report key; join again with a new token")
        }
        let product = try ProductName(Self.selfProduct)
        try AgentState.keepProducts(state, configuration)
        let installer = TreeInstaller(
            products: AgentState.products(state, configuration), child: UnpackChild(command: [child]))
        let programs = AgentState.programs(state, configuration).map { ProgramLinks(folder: $0, installer: installer) }
        trial = TrialFile(path: AgentState.trial(state))
        downloads = AgentState.downloads(state)
        worker = ContentWorker(program: child)
        bases = ReleaseBases(
            folder: AgentState.bases(state), share: UInt64(configuration.patchBases), worker: worker)
        executor = InstallExecutor(
            installer: installer, hooks: HookRunner(folder: AgentState.hooks(state, configuration)),
            downloads: downloads, trial: trial, configuration: configuration, bases: bases, links: programs)
        do {
            for problem in try programs?.settleAll() ?? [] { messages(.warning, problem) }
        } catch {
            messages(.warning, "the links to installed programs could not be made: \(error)")
        }
        gatherer = try AgentFacts.gatherer(state: state, configuration, installer)
        catalog = try AgentCatalog(
            state: state, requiresLocalRoot: configuration.requireLocalRoot, links: links)
        store = try SQLiteAgentStore(
            existing: database, incarnation: SystemRandom().incarnation(),
            now: clock.now)
        let known = UnixTime(seconds: keeper.signedTime)
        try store.transaction { [store] in try store.raiseSignedTimeFloor(known) }
        if let floor = try store.signedTimeFloor() { clock.raise(toSeconds: floor.seconds) }
        cryptography = AgentCryptography(
            verifier: OpenSSLVerifier(), digester: OpenSSLDigester(), signer: OpenSSLRecordSigner(reportKey))
        coreIdentity = AgentCore.Identity(
            id: identity.member.id, fleet: identity.member.fleet, orderKey: identity.hubOrderKey.der,
            selfProduct: product, operators: try OperatorKeys.policy(configuration))
        start = try AgentFacts.start(installer: installer, product: product, program: program, trial: trial)
        start.leftAlone = store.newerLines
        core = AgentCore(
            identity: coreIdentity, store: store, cryptography: cryptography, random: SystemRandom())
        self.messages = messages
        self.restart = restart
    }

    /// Why a spoke is not talked to although its certificate is in order; asked on every session, full or resumed.
    nonisolated func refusal(_ peer: PeerIdentity, serial: [UInt8]) -> String? {
        guard revoked.revokes(peer.id, serial: serial) else { return nil }
        return "the certificate of \(peer) has been revoked; join again through another spoke"
    }

    // MARK: Events

    /// Takes up what is on disk and begins to handle events.
    func begin() {
        for line in store.newerLines + revoked.damage { messages(.warning, line) }
        checkConfinement()
        sweepDownloads()
        tell(.started(start))
    }

    /// Finds out whether children are held as they should be; what is missing is told to people,
    /// and work goes on.
    private func checkConfinement() {
        do {
            guard let lack = try worker.confinementLack() else { return }
            start.confinementLack = lack
            confinementLack.withLock { $0 = lack }
            messages(.warning, lack)
        } catch {
            messages(.warning, "whether children are confined is not known: \(error)")
        }
    }

    /// Removes files of packages that no open action needs any more.
    private func sweepDownloads() {
        do {
            guard File.exists(downloads) else { return }
            let needed = try store.openActions().compactMap { $0.package?.sha256.hex }
            for name in try Directory.list(downloads) where !needed.contains(where: { name.hasPrefix($0) }) {
                try File.remove(Directory.join(downloads, name))
            }
        } catch {
            messages(.warning, "old downloads could not be removed: \(error)")
        }
    }

    nonisolated func linkEvent(_ event: LinkEvent) { tell(.link(event)) }

    nonisolated func linkEvent(_ event: LinkEvent, bytes: Int) -> Bool {
        let (isFirst, mayGoOn) = inbox.put(event, bytes: bytes, over: links) { .link($0) }
        if isFirst { queue.submit { self.assumeIsolated { $0.drain() } } }
        return mayGoOn
    }

    /// Puts an event on the core's queue, behind those that wait.
    nonisolated func tell(_ event: AgentEvent) {
        if inbox.put(event) { queue.submit { self.assumeIsolated { $0.drain() } } }
    }

    /// Handles what waits, in one transaction; then executes the effects.
    private func drain() {
        guard !isWaitingForStore else { return }
        let batch = inbox.take()
        for link in batch.resumed { links.resumeReading(link) }
        do {
            try EventIsolation.run(batch.events) { events in
                try commit(events)
            } isolate: { event, error in
                try commit([try event.replacement(after: error) { messages(.error, $0) }])
            }
        } catch {
            return beginAnew(after: error)
        }
        if batch.isMore { queue.submit { self.assumeIsolated { $0.drain() } } }
    }

    /// Handles events in one transaction, then executes the effects; leaves nothing behind when it throws.
    private func commit(_ events: ArraySlice<AgentEvent>) throws {
        let before = core
        do {
            let now = clock.now
            let (corrected, signed) = (clock.corrections, clock.latest)
            let effects = try store.transaction {
                var effects: [AgentEffect] = []
                if corrected != corrections { try core.clockWasSetRight(at: now) }
                for event in events { effects += try core.handle(event, at: now, latestSigned: signed) }
                return effects
            }
            corrections = corrected
            if let signed = try store.signedTimeFloor()?.seconds { clock.raise(toSeconds: signed) }
            for case .link(let event) in events { follow(event) }
            // Said once for each start of the program, also when the core begins anew.
            for case .started in events {
                start.leftAlone = []
                start.confinementLack = nil
            }
            // Only the last wake counts.
            let lastWake = effects.lastIndex { if case .wake = $0 { true } else { false } }
            for (index, effect) in effects.enumerated() {
                if case .wake = effect, index != lastWake { continue }
                execute(effect)
            }
        } catch {
            core = before
            throw error
        }
    }

    private func follow(_ event: LinkEvent) {
        switch event {
        case .opened(let opened, _, let hello):
            link = opened
            upkeep.opened(opened, peerTime: hello.time)
        case .closed(let closed, _) where closed == link:
            link = nil
            upkeep.closed(closed)
        default: break
        }
    }

    /// Leaves the database in one file, at the end of the work.
    func close() {
        do {
            try store.close()
        } catch {
            messages(
                .warning, "the database's log could not be copied into its file, which needs it from now on: \(error)")
        }
    }

    /// The store could not commit, for a full disk perhaps. Nothing of the batch was acknowledged: the link is closed, so that the spoke repeats what it
    /// had to say, and a new core begins with what is on disk.
    private func beginAnew(after error: any Error) {
        if let loss = DatabaseLoss(error, path: database, advice: SQLiteAgentStore.advice) {
            links.closeAll(.internalFault, "this agent's database is damaged", retryAfterSeconds: 300)
            return fatal("\(loss)")
        }
        messages(.error, "the database refused to write, trying again: \(error)")
        links.closeAll(.internalFault, "this agent cannot write to its disk", retryAfterSeconds: 10)
        link = nil
        isWaitingForStore = true
        for transfer in transfers.values { transfer.cancel() }
        transfers = [:]
        core = AgentCore(
            identity: coreIdentity, store: store, cryptography: cryptography, random: SystemRandom())
        Task {
            // Cancelled only with the process.
            try? await Task.sleep(for: Self.storePause)
            // A link that was opened meanwhile has not been heard of: it is opened anew too.
            links.closeAll(.internalFault, "this agent begins anew", retryAfterSeconds: 1)
            inbox.clear()
            isWaitingForStore = false
            begin()
        }
    }
}

extension SystemRandom {
    /// A number for a new incarnation; small enough for every format.
    func incarnation() -> UInt64 {
        var random = self
        return random.next() >> 2 | 1
    }
}

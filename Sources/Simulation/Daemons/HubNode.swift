internal import Hub
internal import Model
internal import Protocol
internal import Rollout
internal import Storage
internal import TLS
internal import Trust

/// The hub: its core, its store, its pool and its metadata, and the vendor's server behind a bad line.
final class HubNode: SimulatedDaemon<HubEvent, HubEffect> {
    let store = MemoryHubStore()
    let disk = MemoryPool.Disk()
    private(set) var pool: MemoryPool
    let patchDisk = MemoryPool.Disk()
    private(set) var patches: MemoryPool
    private(set) var hasLibrary = true
    /// Where patches are made.
    private(set) var making = WorkQueue()
    private(set) var catalog: MetadataClient
    private let node: PeerIdentity
    private var core: HubCore
    private let cryptography: SimulatedCryptography
    private let coreConfiguration: HubConfiguration
    private var quota: ByteCount
    private var joins: [JoinID: (Message) -> Void] = [:]
    private var lastJoin: UInt64 = 0

    init(_ fleet: Fleet) throws {
        var random = SimulationRandom.fork(fleet.configuration.seed, "hub id")
        node = PeerIdentity(fleet: fleet.fleetName, role: .hub, id: NodeID.random(using: &random))
        cryptography = try SimulatedCryptography()
        var configuration = HubConfiguration(
            fleet: fleet.fleetName, hub: node.id, poolName: try NodeName("main"),
            patchPoolName: try NodeName("patches"), patience: TransferPatience(floor: 4096),
            zones: { (_) throws(ZoneError) in FixedZone.utc })
        configuration.looseRevocations = fleet.plan.looseRevocations
        coreConfiguration = configuration
        quota = fleet.plan.hubQuota
        pool = MemoryPool(disk: disk, quota: quota)
        patches = MemoryPool(disk: patchDisk, quota: fleet.plan.patchQuota)
        catalog = MetadataClient(root: fleet.vendor.firstRoot)
        core = HubCore(store: store, cryptography: cryptography, configuration: coreConfiguration, random: random)
        try super.init(fleet, "hub")
        catalog.onTrusted = { [unowned self] in self.fleet.checks.trusts(self.name, $0) }
    }

    override var identity: PeerIdentity { node }

    override func begin() {
        pool = MemoryPool(disk: disk, quota: quota)
        patches = MemoryPool(disk: patchDisk, quota: fleet.plan.patchQuota)
        making = WorkQueue()
        core = HubCore(
            store: store, cryptography: cryptography, configuration: coreConfiguration,
            random: SimulationRandom.fork(fleet.configuration.seed, "hub core \(life)"))
        catalog.run(.catalog, from: .stored, at: fleet.now, fetch: { _, _, done in done(.notFound) }, done: { _ in })
        // Now and then the machine comes up without the library.
        var chance = SimulationRandom.fork(fleet.configuration.seed, "hub library \(life)")
        hasLibrary = !chance.chance(200)
        let kept = HubPatchPool(
            held: Set(patches.list().map(\.digest)), figures: patchFigures, hasLibrary: hasLibrary)
        tell(.started(held: Set(pool.list().map(\.digest)), figures, patches: kept))
    }

    override func died() {
        catalog.crash()
        joins = [:]
        fleet.checks.wire.hubEnds(now: fleet.now)
    }

    var figures: PoolFigures { figures(of: pool) }
    var patchFigures: PoolFigures { figures(of: patches) }

    private func figures(of pool: MemoryPool) -> PoolFigures {
        fleet.poolsTouched = true
        return PoolFigures(pool.account())
    }

    // MARK: Transactions

    override func event(_ link: LinkEvent) -> HubEvent { .link(link) }

    /// Reports go alone, so that the checks see each one's effect.
    override func batch(_ inbox: [HubEvent]) -> Int {
        let first = inbox.firstIndex { Self.report($0) != nil } ?? inbox.count
        return first == 0 ? 1 : first
    }

    static func report(_ event: HubEvent) -> ReportMessage? {
        if case .link(.request(_, _, .report(let report))) = event { report } else { nil }
    }

    override func isPoison(_ event: HubEvent) -> Bool {
        Self.report(event).map { fleet.isHostile($0.agent) && HostileAgent.isPoison($0) } ?? false
    }

    override func fault(of event: HubEvent, _ error: any Error) -> HubEvent? {
        event.fault("\(error)").map { .faulted($0) }
    }

    override func transact(_ events: [HubEvent], commit: () throws -> Void) throws -> [HubEffect] {
        let before = core
        let report = events.first.flatMap(Self.report)
        let counter = try report.map { try self.counter(of: $0) } ?? 0
        do {
            let effects = try store.transaction {
                let effects = try core.perform(events, at: fleet.now)
                try commit()
                return effects
            }
            try checkParts()
            if let report, isAnsweredOK(events, effects) {
                fleet.checks.hubTook(report, before: counter, after: try self.counter(of: report))
            }
            return effects
        } catch {
            core = before
            throw error
        }
    }

    private func checkParts() throws {
        for text in try core.invariantViolations() { fleet.breach(.partsAgree, "\(name): \(text)") }
    }

    private func isAnsweredOK(_ events: [HubEvent], _ effects: [HubEffect]) -> Bool {
        guard case .link(.request(let link, let request, _))? = events.first else { return false }
        return effects.contains(.link(.reply(link, request, .ok(OK()))))
    }

    private func counter(of report: ReportMessage) throws -> UInt64 {
        let known = try store.reportCounter(of: report.agent, incarnation: Int64(clamping: report.incarnation))
        return known.map { UInt64(clamping: $0) } ?? 0
    }

    override func committed(_ events: [HubEvent], _ effects: [HubEffect]) {
        if fleet.has(.hubAppliesTwice), let report = events.first.flatMap(Self.report), report.counter > 1 {
            // The mutation's own doing; a memory store does not fail.
            try? store.setReportLedger(
                ReportLedger(highest: Int64(clamping: report.counter) - 1), of: report.agent,
                incarnation: Int64(clamping: report.incarnation), heard: fleet.now)
            _ = try? transact(events, commit: {})
        }
        for case .link(.request(_, _, .order(let order), _)) in effects { fleet.checks.hubOrders(order) }
        fleet.checks.hubEvicts(effects)
        fleet.checks.rolloutsMoved()
        countBusy(events, effects)
        fleet.checks.logGrew()
    }

    /// Counts the plans that were asked for while a cheaper way was being made, or nothing was here yet.
    private func countBusy(_ events: [HubEvent], _ effects: [HubEffect]) {
        for case .link(.request(let link, let request, .fetchPlan)) in events {
            let isBusy = effects.contains { effect in
                guard case .link(.reply(link, request, .error(let reply))) = effect else { return false }
                return reply.code == .busy
            }
            if isBusy { fleet.tally.hubBusy += 1 }
        }
    }

    /// Does an operator's command; an answer that was given stays.
    func execute(_ command: HubCommand) throws -> HubAnswer? {
        guard isUp else { return nil }
        do {
            let (answer, effects) = try core.execute(command, at: fleet.now)
            try checkParts()
            committed([], effects)
            for effect in effects { execute(effect) }
            return answer
        } catch let refusal as HubRefusal {
            fleet.note("operator", "is refused: \(refusal)")
            return nil
        }
    }

    // MARK: Joining

    /// A spoke's join, without a connection that could break.
    func join(_ message: Message, _ answer: @escaping (Message) -> Void) {
        lastJoin += 1
        let id = JoinID(lastJoin)
        joins[id] = answer
        tell(.joinAsked(id, message))
    }

    // MARK: Effects

    override func linkEffect(_ effect: HubEffect) -> LinkEffect? {
        if case .link(let effect) = effect { effect } else { nil }
    }

    override func execute(_ effect: HubEffect) {
        switch effect {
        case .link(let effect):
            switch effect {
            case .request(let link, _, _, _), .reply(let link, _, _), .close(let link, _, _):
                links[link]?.perform(effect)
            }
        case .answerJoin(let join, let message): joins.removeValue(forKey: join)?(message)
        case .refreshCatalog: refresh()
        case .importPackage(let package), .repairPackage(let package): fetch(package)
        case .serveMetadata(let link, let request, let name):
            // The store in memory does not fail.
            let segment = RevocationSegment.sha256(named: name).flatMap { try? store.segment($0) }
            guard let bytes = segment ?? catalog.file(named: name) else {
                let reply = ErrorReply(code: .notFound, text: "\(name) is not here")
                links[link]?.perform(.reply(link, request, .error(reply)))
                return
            }
            links[link]?.sendContent(request, Content(length: UInt64(bytes.count), offset: 0), bytes)
        case .servePackage(let link, let request, let fetch, let spoke):
            serve(fetch, from: pool, over: links[link], request, to: spoke)
        case .limit: break  // the simulated network has a speed of its own
        case .setQuota(_, let wanted):
            quota = wanted
            // A quota below the use is refused; the hub hears what it really is.
            try? pool.setQuota(wanted)
            tell(.pool(.changed(figures)))
        case .setAccess(_, let access): pool.setAccess(access)
        case .evict(let objects):
            fleet.poolsTouched = true
            guard let package = objects.first else { return }
            tell(.packageEvicted(package, refusal: pool.evict(each: objects).refusal?.description))
            tell(.pool(.changed(figures)))
        case .checkPool(let check):
            tell(
                .poolChecked(
                    PoolChecked(
                        pool: check.pool, check: check.check, isOver: true, read: 0, total: 0, problems: [], corrupt: []
                    )))
        case .makePatch(let job): makePatch(job)
        case .servePatch(let link, let request, let fetch, let spoke): servePatch(link, request, fetch, to: spoke)
        case .checkPatch(let digest): checkPatch(digest)
        case .dropPatches(let digests): dropPatches(digests)
        case .dropContents(let digests): dropContents(digests)
        case .setPatchQuota(let quota): setPatchQuota(quota)
        case .useAuthorities: break  // its certificates are only names
        case .raiseClock: break  // the simulation has one clock
        case .wake(let time): setAlarm(at: time, .woke)
        }
    }

    func serve(
        _ fetch: FetchPackage, from pool: MemoryPool, over end: LinkEnd?, _ request: RequestID, to spoke: NodeID
    ) {
        fleet.servePackage(
            name, pool, fetch.sha256, length: fetch.length, offset: fetch.offset, over: end, request
        ) { [weak self] count in
            guard let self else { return }
            fleet.checks.wire.sends(fetch.path, to: spoke, UInt64(count))
            tell(.objectSent(fetch, to: spoke, bytes: UInt64(count)))
        }
    }

    private func refresh() {
        catalog.run(.catalog, from: .repository, at: fleet.now) { [unowned self] name, _, done in
            later(random.milliseconds(5...80)) { [self] in
                guard !fleet.faults.vendorFails() else { return done(.failed("the vendor cannot be reached")) }
                done(fleet.vendor.files[name].map { .bytes($0) } ?? .notFound)
            }
        } done: { [unowned self] result in
            switch result {
            case .success(let outcome):
                let timestamp = outcome.trusted.timestamp
                tell(
                    .catalog(
                        .refreshed(
                            CatalogContents(
                                timestampVersion: UInt64(clamping: timestamp?.version ?? 0),
                                expires: timestamp?.expires ?? fleet.now,
                                packages: outcome.trusted.packages().packages))))
            case .failure(let error):
                tell(
                    error.isTransient
                        ? .catalog(.unreachable(error.description)) : .catalog(.refused(error.description)))
            }
        }
    }

    private func fetch(_ package: Package) {
        func end(_ outcome: ImportOutcome) {
            tell(.packageImport(.ended(package.path, package.sha256, outcome)))
            tell(.pool(.changed(figures)))
        }
        let reservation: Reservation
        fleet.poolsTouched = true
        do {
            reservation = try pool.reserve(package.sha256, length: ByteCount(package.length))
        } catch .alreadyHeld {
            return end(.imported)
        } catch {
            return end(.noRoom(error.description))
        }
        let bytes = fleet.vendor.contents[package.sha256] ?? []
        func piece(at offset: Int) {
            later(random.milliseconds(10...200)) { [self] in
                guard !fleet.faults.vendorFails() else {
                    pool.abandon(reservation, keepingBytes: true)
                    return end(.interrupted("the vendor's server broke off"))
                }
                do {
                    guard offset < bytes.count else {
                        try pool.publish(reservation)
                        return end(.imported)
                    }
                    fleet.poolsTouched = true
                    let next = min(offset + 16_384, bytes.count)
                    try pool.write(reservation, at: ByteCount(UInt64(offset)), Array(bytes[offset..<next]).span.bytes)
                    piece(at: next)
                } catch {
                    end(.interrupted("\(error)"))
                }
            }
        }
        piece(at: Int(clamping: reservation.resumeOffset.bytes))
    }

    override func brief(_ event: HubEvent) -> String {
        switch event {
        case .started: "started"
        case .link(let event): brief(event)
        case .faulted(let fault): "left out \(fault.event)"
        case .linkUsed: "traffic"
        case .objectSent: "sent"
        case .joinAsked(let join, let message): "\(message.name) \(join.number)"
        case .catalog(.refreshed(let contents)): "catalog \(contents.timestampVersion)"
        case .catalog(.refused): "catalog refused"
        case .catalog(.unreachable): "catalog unreachable"
        case .packageImport(.progressed): "progress"
        case .packageImport(.ended(let path, _, let outcome)):
            "import of \(path.release) \(outcome == .imported ? "done" : "failed")"
        case .pool(let event): brief(event)
        case .confinementMissing: "confinement missing"
        case .packageEvicted: "evicted"
        case .poolChecked: "checked"
        case .patches(.ended(let result)):
            if case .made = result.outcome { "a patch is made" } else { "a patch failed" }
        case .patches(.lost): "a patch is lost"
        case .patches(.poolChanged): "pool of patches"
        case .woke: "woke"
        }
    }
}

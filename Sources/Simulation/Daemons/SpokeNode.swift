internal import Codec
internal import Model
internal import Protocol
internal import Spoke
internal import Storage
internal import TLS
internal import Trust

/// A spoke: its core, its store, its pool and its metadata.
final class SpokeNode: SimulatedDaemon<SpokeEvent, SpokeEffect> {
    let store = MemorySpokeStore()
    let disk = MemoryPool.Disk()
    private(set) var pool: MemoryPool
    private var catalog: MetadataClient?
    private var core: SpokeCore
    let poolName: NodeName
    private var node: PeerIdentity?
    /// What counts, whatever the pool was told.
    private(set) var quota: ByteCount
    private(set) var revocations = SimulatedRevocations()
    private var isFetchingSegment = false
    private var joins: [JoinID: (Message) -> Void] = [:]
    private var lastJoin: UInt64 = 0
    /// What this machine's share shows; it outlives the process, like a folder.
    var shown: Package?
    /// Which release it shows.
    let shareRule: ShareRule
    /// Some sites have no library, and take uncompressed chunks.
    let hasLibrary: Bool
    /// What is being unpacked is to make way for a transfer.
    var isUnpackingStopped = false
    /// Where contents are made.
    private(set) var making = WorkQueue()
    /// A transfer was broken off for the sake of a broken rule.
    var brokeOff = false
    var hub: LinkEnd? { upstreamEnd }

    override init(_ fleet: Fleet, _ name: String) throws {
        poolName = try NodeName("main")
        quota = fleet.has(.poolIgnoresQuota) ? ByteCount(10_000) : fleet.plan.spokeQuota
        pool = MemoryPool(disk: disk, quota: quota)
        var chance = SimulationRandom.fork(fleet.configuration.seed, "\(name) library")
        hasLibrary = !chance.chance(300)
        var ruleChance = SimulationRandom.fork(fleet.configuration.seed, "\(name) share")
        // Rules of shares that are broken on purpose are those of one kind.
        let follows = fleet.configuration.mutation.map { $0 == .shareIgnoresRollouts } ?? ruleChance.chance(500)
        shareRule = follows ? .completed : .newest
        core = SpokeCore(
            store: store, poolName: poolName, verifier: SimulatedVerifier(), random: SimulationRandom(seed: 0))
        try super.init(fleet, name)
    }

    var hasJoined: Bool { node != nil }
    override var identity: PeerIdentity {
        node ?? PeerIdentity(fleet: fleet.fleetName, role: .spoke, id: NodeID(high: 0, low: 0))
    }

    /// Takes up what joining gave it.
    func join(_ identity: PeerIdentity) {
        node = identity
        let client = MetadataClient(root: fleet.vendor.firstRoot)
        client.onTrusted = { [unowned self] in self.fleet.checks.trusts(self.name, $0) }
        catalog = client
        start()
    }

    override func begin() {
        making = WorkQueue()
        pool = MemoryPool(disk: disk, quota: fleet.has(.poolIgnoresQuota) ? ByteCount(1_000_000) : quota)
        core = SpokeCore(
            store: store, poolName: poolName, verifier: SimulatedVerifier(),
            random: SimulationRandom.fork(fleet.configuration.seed, "\(name) core \(life)"),
            accepts: fleet.has(.spokeRefetches)
                ? [] : [.content] + (hasLibrary ? TransferMeans.fromBase : [.plainChunks]))
        catalog?.run(.catalog, from: .stored, at: fleet.now, fetch: { _, _, done in done(.notFound) }, done: { _ in })
        if fleet.has(.spokeForgetsSegments) { revocations = SimulatedRevocations() }
        revocations.restart(store.setting(.revocations).flatMap(read))
        isFetchingSegment = false
        tell(.started(held: Set(pool.list().map(\.digest)), figures))
        tell(.sharesSet([share]))
        announce()
    }

    override func died() {
        catalog?.crash()
        joins = [:]
    }

    /// What the trusted catalog names, while it is in date.
    var named: [Package]? {
        catalog?.trusted.flatMap { $0.freshUntil > fleet.now ? $0.packages().packages : nil }
    }

    var figures: PoolFigures {
        fleet.poolsTouched = true
        return PoolFigures(pool.account())
    }

    private func read(_ signed: [UInt8]) -> RevocationList? {
        // What cannot be read is no list; the caller refuses it.
        try? RevocationList.open(
            signed, keys: [SimulatedCryptography.orderKey.publicKey], verifier: SimulatedVerifier())
    }

    func isRevoked(_ peer: NodeID) -> Bool { revocations.members.revokes(peer) }

    override func refusal(of peer: PeerIdentity) -> String? {
        guard !fleet.has(.spokeAdmitsRevoked), isRevoked(peer.id) else { return nil }
        return "the certificate has been revoked"
    }

    // MARK: Transactions

    override func event(_ link: LinkEvent) -> SpokeEvent { .link(link) }

    override func isPoison(_ event: SpokeEvent) -> Bool {
        guard case .link(.request(_, _, .report(let report))) = event else { return false }
        return fleet.isHostile(report.agent) && HostileAgent.isPoison(report)
    }

    override func fault(of event: SpokeEvent, _ error: any Error) -> SpokeEvent? {
        event.fault("\(error)").map { .faulted($0) }
    }

    override func transact(_ events: [SpokeEvent], commit: () throws -> Void) throws -> [SpokeEffect] {
        let before = core
        do {
            return try store.transaction {
                var effects: [SpokeEffect] = []
                for event in events { effects += try core.handle(mutated(event), at: fleet.now) }
                for text in core.invariantViolations() {
                    fleet.breach(.partsAgree, "\(name): \(text)")
                }
                try commit()
                return effects
            }
        } catch {
            core = before
            throw error
        }
    }

    private func mutated(_ event: SpokeEvent) -> SpokeEvent {
        if case .link(.reply(let link, let request, let message)) = event {
            return .link(.reply(link, request, withEveryReleaseCompleted(message)))
        }
        guard fleet.has(.spokeAdmitsRevoked) else { return event }
        return switch event {
        case .revocationsChecked(let link, let request, let signed, _):
            .revocationsChecked(link, request, signed: signed, .accepted(revoked: []))
        case .agentsRevoked: .agentsRevoked([])
        default: event
        }
    }

    override func committed(_ events: [SpokeEvent], _ effects: [SpokeEffect]) {
        for case .link(.request(_, _, .report(let report))) in events where fleet.has(.spokeAcknowledgesUnstored) {
            guard report.counter % 2 == 0 else { continue }
            store.removeReport(agent: report.agent, incarnation: report.incarnation, counter: report.counter)
        }
        for case .link(.request(_, _, .order(let order))) in events
        where fleet.has(.spokeLosesOrder) && order.kind == UInt64(OrderKind.install.rawValue) {
            store.removeOrder(action: order.action, kind: OrderKind.install.rawValue)
        }
        fleet.checks.serves(self, effects)
        followRevocations(events)
        fleet.checks.spokeAnswersOK(self, acknowledged(events, effects))
        fleet.checks.spokeCommitted(self)
        fleet.checks.replicas(of: self)
    }

    /// The reports that the effects answer with ok.
    private func acknowledged(_ events: [SpokeEvent], _ effects: [SpokeEffect]) -> [ReportMessage] {
        events.compactMap { event in
            guard case .link(.request(let link, let request, .report(let report))) = event,
                effects.contains(.link(.reply(link, request, .ok(OK()))))
            else { return nil }
            return report
        }
    }

    // MARK: Joining

    /// Relays an agent's join; the answer may never come.
    func join(_ message: Message, _ answer: @escaping (Message) -> Void) {
        guard isUp else { return }
        lastJoin += 1
        let id = JoinID(lastJoin)
        joins[id] = answer
        tell(.joinAsked(id, message))
    }

    // MARK: Effects

    override func linkEffect(_ effect: SpokeEffect) -> LinkEffect? {
        guard case .link(let effect) = effect else { return nil }
        if fleet.has(.spokeClaimsReplica),
            case .request(let link, let request, .replica(var replica), let priority) = effect,
            replica.state != .verified
        {
            replica.state = .verified
            return .request(link, request, .replica(replica), priority)
        }
        return effect
    }

    override func execute(_ effect: SpokeEffect) {
        switch effect {
        case .link: break
        case .answerJoin(let join, let message): joins.removeValue(forKey: join)?(message)
        case .findTarget(let path): find(path)
        case .refreshCatalog: refresh { _ in }
        case .transfer(let replica, let plan): transfer(replica, plan)
        case .unpack(let replica): unpack(replica)
        case .stopUnpacking: isUnpackingStopped = true
        case .evict(let objects): evict(objects)
        // The memory has no parts that could be mended: all of it is fetched again.
        case .repair(let replica): transfer(replica, .published)
        case .serveMetadata(let link, let request, let name):
            guard let bytes = catalog?.file(named: name) else {
                let reply = ErrorReply(code: .notFound, text: "\(name) is not here")
                links[link]?.perform(.reply(link, request, .error(reply)))
                return
            }
            links[link]?.sendContent(request, Content(length: UInt64(bytes.count), offset: 0), bytes)
        case .servePackage(let link, let request, let digest, let length, let offset):
            if fleet.has(.spokeServesDamaged) { _ = disk.damage(digest) }
            fleet.servePackage(name, pool, digest, length: length, offset: offset, over: links[link], request)
        case .verify(let object):
            fleet.poolsTouched = true
            var isWhole = false
            do throws(StorageError) {
                try pool.verify(object)
                isWhole = true
            } catch {
                if case .corrupt = error { tell(.pool(.damaged([object]))) }
            }
            tell(.verified(object, isWhole: isWhole))
        case .limitAgents: break  // the simulated network has a speed of its own
        case .setQuota(_, let wanted):
            // A quota below the use is refused; the hub hears what it really is.
            if (try? pool.setQuota(wanted)) != nil { quota = wanted }
            tell(.pool(.changed(figures)))
        case .setAccess(_, let access):
            pool.setAccess(access)
            tell(.pool(.changed(figures)))
        case .prune(let sha256, let content):
            fleet.poolsTouched = true
            let (gone, refusal) = pool.evict(each: [sha256, content].compactMap { $0 })
            for replica in store.replicas() where replica.sha256 == sha256 {
                fleet.checks.wire.forget(replica.path, at: identity.id)
            }
            tell(.evicted(gone))
            tell(.evictionEnded(sha256, refusal: refusal?.description))
            tell(.pool(.changed(figures)))
        case .checkPool(let check):
            tell(
                .poolChecked(
                    PoolChecked(
                        pool: check.pool, check: check.check, isOver: true, read: 0, total: 0, problems: [], corrupt: []
                    )))
        case .checkRevocations(let link, let request, let signed):
            tell(.revocationsChecked(link, request, signed: signed, check(signed)))
        case .checkAnchors(let link, let request, let signed):
            tell(.anchorsChecked(link, request, signed: signed, refusal: nil))
        case .surveyCatalog(let products):
            tell(.catalogSurveyed(surveyed?.filter { products.contains($0.path.product) }))
        case .tendShare(let share, let package): tend(share, package)
        case .wake(let time): setAlarm(at: time, .woke)
        }
    }

    private func check(_ signed: [UInt8]) -> RevocationOutcome {
        guard let list = read(signed) else { return .refused("it cannot be read") }
        if let known = revocations.members.list, list.number < known.number { return .refused("it is older") }
        revocations.take(list)
        if !revocations.members.carried.isEmpty { fleet.tally.carried += 1 }
        return .accepted(revoked: revokedHere)
    }

    private var revokedHere: Set<NodeID> { store.knownAgents().union(links.values.map(\.peer.id)).filter(isRevoked) }

    /// Fetches the segments of the newest list that are not here, one after the other.
    private func fetchSegments() {
        guard !isFetchingSegment, let hub, let reference = revocations.members.missing.first else { return }
        isFetchingSegment = true
        let life = life
        MetadataClient.fetch(reference.name, reference.length, over: hub) { [weak self] answer in
            guard let self, self.life == life else { return }
            isFetchingSegment = false
            // What is not exactly the segment is asked for again.
            guard case .bytes(let bytes) = answer,
                let segment = try? RevocationSegment(bytes: bytes, of: reference, digester: SimulatedDigester())
            else { return later(.seconds(5)) { self.fetchSegments() } }
            revocations.take(segment, as: reference.sha256)
            fleet.tally.segments += 1
            tell(.agentsRevoked(revokedHere))
            fetchSegments()
        }
    }

    /// What follows a commit: a list is kept, or agents were dropped.
    private func followRevocations(_ events: [SpokeEvent]) {
        for event in events {
            switch event {
            case .revocationsChecked(_, _, _, .accepted(let revoked)):
                fleet.checks.tookUp(revoked, at: name)
                revocations.sweep()
                fetchSegments()
            case .agentsRevoked(let revoked): fleet.checks.tookUp(revoked, at: name)
            // Its session began while the list or segment was on its way.
            case .link(.opened(_, let peer, _)) where peer.role == .agent && isRevoked(peer.id):
                tell(.agentsRevoked([peer.id]))
            default: break
            }
        }
    }

    private func refresh(_ done: @escaping (Result<RefreshOutcome, MetadataError>) -> Void) {
        guard let hub, let catalog else { return }
        catalog.run(.catalog, from: .repository, at: fleet.now) { [weak hub] name, limit, answer in
            MetadataClient.fetch(name, limit, over: hub, answer)
        } done: { [unowned self] result in
            if case .success = result { announce() }
            done(result)
        }
    }

    private func announce() {
        if let timestamp = catalog?.trusted?.timestamp {
            tell(.catalogRefreshed(timestampVersion: UInt64(clamping: timestamp.version)))
        }
    }

    private func find(_ path: TargetPath) {
        guard hub != nil else { return tell(.targetFound(path, .unreachable("the hub is away"))) }
        if let trusted = catalog?.trusted, trusted.freshUntil > fleet.now, let found = Self.lookUp(path, trusted) {
            return tell(.targetFound(path, found))
        }
        refresh { [unowned self] result in
            switch result {
            case .success(let outcome): tell(.targetFound(path, Self.lookUp(path, outcome.trusted) ?? .absent))
            case .failure(let error):
                tell(
                    .targetFound(
                        path, error.isTransient ? .unreachable(error.description) : .refused(error.description)))
            }
        }
    }

    private static func lookUp(_ path: TargetPath, _ trusted: TrustedMetadata) -> TargetFinding? {
        do {
            return try MetadataClient.package(path, in: trusted).map {
                .listed(length: $0.length, sha256: $0.sha256, content: $0.content)
            }
        } catch {
            return .refused("\(error)")
        }
    }

    override func brief(_ event: SpokeEvent) -> String {
        switch event {
        case .started: "started"
        case .link(let event): brief(event)
        case .faulted(let fault): "left out \(fault.event)"
        case .joinAsked(let join, let message): "\(message.name) \(join.number)"
        case .targetFound(let path, _): "found \(path.release)"
        case .transferProgressed: "progress"
        case .transferEnded(_, let outcome): "transfer \(outcome == .verified ? "done" : "failed")"
        case .pool(let event): brief(event)
        case .confinementMissing: "confinement missing"
        case .unpacked: "unpacked"
        case .evicted: "evicted"
        case .verified(_, let isWhole): isWhole ? "checked, whole" : "checked, damaged"
        case .evictionEnded: "evicted"
        case .poolChecked: "checked"
        case .packageBrought: "brought"
        case .bundleRefused: "bundle refused"
        case .revocationsChecked: "revocations"
        case .agentsRevoked: "agents revoked"
        case .anchorsChecked: "anchors"
        case .catalogRefreshed(let version): "catalog \(version)"
        case .sharesSet: "shares"
        case .catalogSurveyed: "surveyed"
        case .shareTended(_, let outcome): "share \(outcome)"
        case .woke: "woke"
        }
    }
}

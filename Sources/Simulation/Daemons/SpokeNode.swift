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
    private let poolName: NodeName
    private var node: PeerIdentity?
    /// What counts, whatever the pool was told.
    private(set) var quota: ByteCount
    private var revocations: RevocationList?
    private var joins: [JoinID: (Message) -> Void] = [:]
    private var lastJoin: UInt64 = 0
    /// What this machine's share shows; it outlives the process, like a folder.
    private(set) var shown: Package?
    /// Some sites have no library, and take uncompressed chunks.
    private let hasLibrary: Bool
    /// What is being unpacked is to make way for a transfer.
    private var isUnpackingStopped = false
    /// A transfer was broken off for the sake of a broken rule.
    private var brokeOff = false
    private var hub: LinkEnd? { upstreamEnd }

    override init(_ fleet: Fleet, _ name: String) throws {
        poolName = try NodeName("main")
        quota = fleet.has(.poolIgnoresQuota) ? ByteCount(10_000) : fleet.plan.spokeQuota
        pool = MemoryPool(disk: disk, quota: quota)
        var chance = SimulationRandom.fork(fleet.configuration.seed, "\(name) library")
        hasLibrary = !chance.chance(300)
        core = SpokeCore(store: store, poolName: poolName, random: SimulationRandom(seed: 0))
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
        pool = MemoryPool(disk: disk, quota: fleet.has(.poolIgnoresQuota) ? ByteCount(1_000_000) : quota)
        core = SpokeCore(
            store: store, poolName: poolName,
            random: SimulationRandom.fork(fleet.configuration.seed, "\(name) core \(life)"),
            accepts: fleet.has(.spokeRefetches)
                ? [] : [.content] + (hasLibrary ? TransferMeans.fromBase : [.plainChunks]))
        catalog?.run(.catalog, from: .stored, at: fleet.now, fetch: { _, _, done in done(.notFound) }, done: { _ in })
        revocations = store.setting(.revocations).flatMap(read)
        tell(.started(held: Set(pool.list().map(\.digest)), figures))
        tell(.sharesSet([Share(name: poolName, product: fleet.vendor.product, folder: "/srv/share")]))
        announce()
    }

    override func died() {
        catalog?.crash()
        joins = [:]
    }

    private var figures: PoolFigures {
        fleet.poolsTouched = true
        let account = pool.account()
        return PoolFigures(
            quota: account.quota, used: account.used, reserved: account.reserved, freeOnDisk: account.freeOnDisk)
    }

    private func read(_ signed: [UInt8]) -> RevocationList? {
        // What cannot be read is no list; the caller refuses it.
        try? RevocationList.open(
            signed, keys: [SimulatedCryptography.orderKey.publicKey], verifier: SimulatedVerifier())
    }

    func isRevoked(_ peer: NodeID) -> Bool { revocations?.revokes(peer) ?? false }

    override func refusal(of peer: PeerIdentity) -> String? {
        guard !fleet.has(.spokeAdmitsRevoked), isRevoked(peer.id) else { return nil }
        return "the certificate has been revoked"
    }

    // MARK: Transactions

    override func event(_ link: LinkEvent) -> SpokeEvent { .link(link) }

    override func transact(_ events: [SpokeEvent], commit: () throws -> Void) throws -> [SpokeEffect] {
        let before = core
        do {
            return try store.transaction {
                var effects: [SpokeEffect] = []
                for event in events { effects += try core.handle(mutated(event), at: fleet.now) }
                try commit()
                return effects
            }
        } catch {
            core = before
            throw error
        }
    }

    private func mutated(_ event: SpokeEvent) -> SpokeEvent {
        if fleet.has(.spokeAdmitsRevoked), case .revocationsChecked(let link, let request, let signed, _) = event {
            return .revocationsChecked(link, request, signed: signed, .accepted(revoked: []))
        }
        return event
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
        fleet.checks.spokeAnswersOK(self, acknowledged(events, effects))
        fleet.checks.spokeCommitted(self)
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
        case .limitAgents: break  // the simulated network has a speed of its own
        case .setQuota(_, let wanted):
            // A quota below the use is refused; the hub hears what it really is.
            if (try? pool.setQuota(wanted)) != nil { quota = wanted }
            tell(.poolChanged(figures))
        case .setAccess(_, let access):
            pool.setAccess(access)
            tell(.poolChanged(figures))
        case .prune(let sha256, let content):
            fleet.poolsTouched = true
            let (gone, refusal) = pool.evict(each: [sha256, content].compactMap { $0 })
            tell(.evicted(gone))
            tell(.evictionEnded(sha256, refusal: refusal?.description))
            tell(.poolChanged(figures))
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
            let trusted = catalog?.trusted.flatMap { $0.freshUntil > fleet.now ? $0 : nil }
            tell(.catalogSurveyed(trusted?.packages().packages.filter { products.contains($0.path.product) }))
        case .tendShare(let share, let package): tend(share, package)
        case .wake(let time): setAlarm(at: time, .woke)
        }
    }

    /// Shows the package in memory, as the machine's folder does on its disk.
    private func tend(_ share: Share, _ package: Package?) {
        guard let package else {
            return tell(.shareTended(share, .done(ShareView(shown: shown.map { ShareView.name(of: $0) }))))
        }
        let isHere = [package.sha256, package.content.sha256].contains { pool.length(of: $0) != nil }
        guard isHere else { return tell(.shareTended(share, .failed("the package has left the pool"))) }
        let isNew = shown != package
        shown = package
        tell(.shareTended(share, .done(ShareView(shown: ShareView.name(of: package), isNew: isNew))))
    }

    private func check(_ signed: [UInt8]) -> RevocationOutcome {
        guard let list = read(signed) else { return .refused("it cannot be read") }
        if let revocations, list.number < revocations.number { return .refused("it is older") }
        revocations = list
        return .accepted(revoked: list.nodes)
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

    private func transfer(_ replica: WantedReplica, _ plan: TransferPlan) {
        func end(_ outcome: TransferOutcome) {
            tell(.transferEnded(replica.sha256, outcome))
            tell(.poolChanged(figures))
        }
        guard hub != nil else { return end(.interrupted("the hub is away")) }
        switch plan {
        case .published, .content:
            let digest = plan == .published ? replica.sha256 : replica.content?.sha256 ?? replica.sha256
            fetch(replica, digest, length: plan.length(of: replica), end)
        case .patch(let patch, let length, let base, _):
            fetch(replica, patch, length: length) { [unowned self] outcome in
                guard outcome == .verified else {
                    return end(outcome == .hashMismatch ? .planFailed("another hash") : outcome)
                }
                end(apply(patch, base, replica))
            }
        }
    }

    /// Makes the content of its base, as the limited child does.
    private func apply(_ patch: SHA256Digest, _ base: PackageContent, _ replica: WantedReplica) -> TransferOutcome {
        guard let content = replica.content else { return .planFailed("the content is not known") }
        fleet.poolsTouched = true
        do {
            let reader = try pool.open(patch)
            let bytes = try reader.read(at: .zero, count: Int(clamping: reader.length.bytes))
            _ = try pool.open(base.sha256)
            guard
                let made = SimulatedPatch.apply(
                    bytes, to: base.sha256, wanting: content.sha256, hasLibrary: hasLibrary, fleet.vendor.contents)
            else { return .planFailed("the patch is between other contents") }
            switch pool.bring(content.sha256, made) {
            case nil: return .verified
            case .quotaExceeded?, .diskFull?: return .noRoom("there is no room for the content")
            case let error?: return .planFailed(error.description)
            }
        } catch {
            return .planFailed("\(error)")
        }
    }

    /// Makes the content of a packed file, beside it and after a while, unless a transfer comes in between.
    private func unpack(_ replica: WantedReplica) {
        isUnpackingStopped = false
        later(random.milliseconds(20...5_000)) { [self] in
            fleet.poolsTouched = true
            guard !isUnpackingStopped else { return tell(.unpacked(replica.sha256, .cancelled)) }
            guard pool.length(of: replica.sha256) != nil, let content = replica.content,
                let bytes = fleet.vendor.contents[content.sha256]
            else { return tell(.unpacked(replica.sha256, .failed("the file is not here"))) }
            switch pool.bring(content.sha256, bytes) {
            case nil: tell(.unpacked(replica.sha256, .done))
            case .quotaExceeded?, .diskFull?: tell(.unpacked(replica.sha256, .noRoom("the pool is full")))
            case let error?: tell(.unpacked(replica.sha256, .failed(error.description)))
            }
            tell(.poolChanged(figures))
        }
    }

    private func evict(_ objects: [SHA256Digest]) {
        fleet.poolsTouched = true
        tell(.evicted(pool.evict(each: objects).gone))
        tell(.poolChanged(figures))
    }

    /// Fetches one object of the pool.
    private func fetch(
        _ replica: WantedReplica, _ digest: SHA256Digest, length: UInt64, _ end: @escaping (TransferOutcome) -> Void
    ) {
        guard let hub else { return end(.interrupted("the hub is away")) }
        let pool = pool
        let reservation: Reservation
        fleet.poolsTouched = true
        do {
            reservation = try pool.reserve(digest, length: ByteCount(length))
        } catch {
            return end(Self.outcome(of: error))
        }
        func finish(_ outcome: TransferOutcome?) {
            var outcome = outcome
            do {
                if outcome == nil { try pool.publish(reservation) }
            } catch {
                outcome = Self.outcome(of: error)
            }
            if let outcome { pool.abandon(reservation, keepingBytes: outcome != .hashMismatch) }
            end(outcome ?? .verified)
        }
        let held = reservation.resumeOffset.bytes
        guard held < length else { return finish(nil) }
        let asked = fleet.has(.spokeRefetches) && held > 0 ? 0 : held
        fleet.checks.fetches(name, from: asked, held: held)
        let fetch = Fetch(limit: length) { [unowned self] bytes, offset in
            // What is here already can only come again by a mutation.
            guard offset >= held else { return true }
            fleet.poolsTouched = true
            // Few transfers break off, and a patch may come in the place of one: the broken rule is given one to go on with.
            let breaks = fleet.has(.spokeRefetches) && !brokeOff && bytes.count > 1
            let taken = breaks ? Array(bytes.prefix(bytes.count / 2)) : bytes
            do {
                try pool.write(reservation, at: ByteCount(offset), taken.span.bytes)
                if breaks { brokeOff = true }
                return !breaks
            } catch {
                return false
            }
        } finished: { outcome in
            switch outcome {
            case .done: finish(nil)
            case .answered(let reply): finish(.interrupted(reply.text))
            case .tooLong, .timedOut: finish(.interrupted("\(outcome)"))
            case .failed(let why): finish(.interrupted(why))
            }
        }
        hub.fetch(
            .fetchPackage(FetchPackage(path: replica.path, sha256: digest, length: length, offset: asked)),
            Priority(rawValue: replica.priority), fetch)
    }

    private static func outcome(of error: StorageError) -> TransferOutcome {
        switch error {
        case .alreadyHeld: .verified
        case .hashMismatch: .hashMismatch
        case .quotaExceeded(let needed, let available): .noRoom(error.description, lacking: needed - available)
        case .diskFull: .noRoom(error.description)
        default: .interrupted(error.description)
        }
    }

    override func brief(_ event: SpokeEvent) -> String {
        switch event {
        case .started: "started"
        case .link(let event): brief(event)
        case .joinAsked(let join, let message): "\(message.name) \(join.number)"
        case .targetFound(let path, _): "found \(path.release)"
        case .transferProgressed: "progress"
        case .transferEnded(_, let outcome): "transfer \(outcome == .verified ? "done" : "failed")"
        case .poolChanged: "pool"
        case .placed: "placed"
        case .poolsMoved: "pools moved"
        case .unpacked: "unpacked"
        case .evicted: "evicted"
        case .replicasDamaged: "damaged"
        case .evictionEnded: "evicted"
        case .poolChecked: "checked"
        case .packageBrought: "brought"
        case .bundleRefused: "bundle refused"
        case .revocationsChecked: "revocations"
        case .anchorsChecked: "anchors"
        case .catalogRefreshed(let version): "catalog \(version)"
        case .sharesSet: "shares"
        case .catalogSurveyed: "surveyed"
        case .shareTended(_, let outcome): "share \(outcome)"
        case .woke: "woke"
        }
    }
}

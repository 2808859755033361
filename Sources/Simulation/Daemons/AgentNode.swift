internal import Agent
internal import Codec
internal import Content
internal import Model
internal import Protocol
internal import TLS
internal import Trust

/// An agent: its core, its store, its metadata, and the machine that it runs on, whose clock may be wrong.
final class AgentNode: SimulatedDaemon<AgentEvent, AgentEffect> {
    let store: MemoryAgentStore
    let machine: Machine
    private(set) var catalog: MetadataClient?
    private var core: AgentCore?
    private var node: PeerIdentity?
    private let key: SimulatedKey
    /// What the machine's clock shows more than the true time.
    var skew: Duration = .zero
    private var link: LinkEnd? { upstreamEnd }
    private var installedTwice = false
    private var downloads: [ActionID: SimulatedDownload] = [:]

    init(_ fleet: Fleet, _ name: String, _ kind: Machine.Kind, spokeHasLibrary: Bool) throws {
        key = SimulatedKey("report \(name)")
        var chance = SimulationRandom.fork(fleet.configuration.seed, "\(name) library")
        let keepsBase = !chance.chance(200)
        // Of agents and their spoke, one has to have the library that unpacks what is packed with it.
        let hasLibrary = !chance.chance(300) || !spokeHasLibrary
        machine = try Machine(kind, keepsBase: keepsBase, hasLibrary: hasLibrary)
        store = MemoryAgentStore(incarnation: 1 + (Trace.hash(name) >> 16))
        try super.init(fleet, name)
    }

    var hasJoined: Bool { node != nil }
    var reportKey: [UInt8] { key.publicKey }
    override var identity: PeerIdentity {
        node ?? PeerIdentity(fleet: fleet.fleetName, role: .agent, id: NodeID(high: 0, low: 0))
    }

    /// Takes up what joining gave it.
    func join(_ identity: PeerIdentity, catalogRoot: [UInt8]) {
        node = identity
        let client = MetadataClient(root: catalogRoot)
        client.onTrusted = { [unowned self] in self.fleet.checks.trusts(self.name, $0) }
        catalog = client
        start()
    }

    private var machineNow: UnixTime { fleet.now + skew }

    override func hello() -> Hello { Hello(time: machineNow, role: .agent, program: "simulation") }

    override func begin() {
        core = AgentCore(
            identity: AgentCore.Identity(
                id: identity.id, fleet: identity.fleet, orderKey: SimulatedCryptography.orderKey.publicKey,
                selfProduct: nil), store: store,
            cryptography: AgentCryptography(
                verifier: SimulatedVerifier(), digester: SimulatedDigester(), signer: key),
            random: SimulationRandom.fork(fleet.configuration.seed, "\(name) core \(life)"))
        tell(.started(AgentStart(bootID: machine.bootID)))
    }

    override func died() {
        catalog?.crash()
        downloads = [:]
    }

    // MARK: Transactions

    override func event(_ link: LinkEvent) -> AgentEvent { .link(link) }

    override func transact(_ events: [AgentEvent], commit: () throws -> Void) throws -> [AgentEffect] {
        guard var core else { return [] }
        let before = core
        do {
            return try store.transaction {
                var effects: [AgentEffect] = []
                for event in events { effects += try core.handle(mutated(event), at: machineNow) }
                try commit()
                self.core = core
                return effects
            }
        } catch {
            self.core = before
            throw error
        }
    }

    override func committed(_ events: [AgentEvent], _ effects: [AgentEffect]) {
        for event in events {
            guard case .link(.request(_, _, .order(let message))) = event,
                message.kind == UInt64(OrderKind.cancel.rawValue)
            else { continue }
            fleet.checks.heardStop(self, message.action)
        }
        fleet.checks.journal(self)
    }

    // MARK: Mutations

    private func mutated(_ event: AgentEvent) -> AgentEvent {
        switch event {
        case .link(.request(let link, let request, .order(let message))):
            return .link(.request(link, request, mutated(message)))
        case .facts(let purpose, var facts) where fleet.has(.agentHidesRefusal):
            (facts.autodeploy, facts.userlandBits, facts.scheduler) = (.yes, 64, .service)
            return .facts(purpose, facts)
        default: return event
        }
    }

    private func mutated(_ message: OrderMessage) -> Message {
        var message = message
        guard var order = try? Order.readUnverified(message.signed) else { return .order(message) }  // as it was sent
        switch order.kind {
        case .cancel:
            guard fleet.has(.agentIgnoresCancel) else { return .order(message) }
            return .catalogChanged(CatalogChanged(timestampVersion: 1))
        case .rollback, .reportAnew: return .order(message)
        case .install:
            if fleet.has(.agentSkipsWindow) { order.windows = [] }
            if fleet.has(.agentIgnoresCatalog), let package = fleet.vendor.release("6.6") {
                order.target = OrderTarget(package)
            }
            if fleet.has(.agentGoesDown), machine.current?.text == "1.0", let package = fleet.vendor.release("0.9") {
                order.target = OrderTarget(package)
                order.kind = .rollback
            }
        }
        // A signer of the simulation does not fail.
        message.signed = (try? order.signed(by: SimulatedCryptography.orderKey)) ?? message.signed
        return .order(message)
    }

    // MARK: Effects

    override func linkEffect(_ effect: AgentEffect) -> LinkEffect? {
        switch effect {
        case .link(let effect): effect
        case .takeFleetWord(let link, let request, _): .reply(link, request, .ok(OK()))
        default: nil
        }
    }

    override func execute(_ effect: AgentEffect) {
        switch effect {
        case .link, .takeFleetWord, .confirmTrial, .log: break
        case .stopDownload(let action): downloads.removeValue(forKey: action)?.cancel()
        case .checkTarget(let action, let path, _, let now): check(action, path, now)
        case .gatherFacts(let purpose, _, let known):
            later(random.milliseconds(5...300)) { [self] in
                tell(.facts(purpose, machine.facts(known)))
            }
        case .download(let action, let package): download(action, package)
        case .perform(let job): perform(job)
        case .restartAgent: crash("it restarts itself", restartAfter: .seconds(1))
        case .wake(let time): setAlarm(at: time - skew, .wake)
        }
    }

    private func check(_ action: ActionID, _ path: TargetPath, _ now: UnixTime) {
        // Hashes of roots that are there do not fail.
        if fleet.has(.agentIgnoresCatalog), let package = fleet.vendor.packages[path], let roots = try? catalog?.roots()
        {
            return tell(.targetChecked(action, .found(package, lineFloor: nil, versions: [:], roots: roots)))
        }
        run(action, path, now, link)
    }

    /// Through the spoke if there is one, else, or when that fails, out of what is kept.
    private func run(_ action: ActionID, _ path: TargetPath, _ now: UnixTime, _ link: LinkEnd?) {
        catalog?.run(
            .target(JSONText(path.description)), from: link == nil ? .stored : .repository, at: now
        ) { [weak link] name, limit, answer in
            MetadataClient.fetch(name, limit, over: link, answer)
        } done: { [unowned self] result in
            switch result {
            case .success(let outcome):
                let check = found(path, outcome.trusted)
                tell(.targetChecked(action, link == nil ? check.outOfKeptMetadata : check))
            case .failure(let error) where error.isTransient && link != nil:
                run(action, path, now, nil)
            case .failure(let error):
                let check: TargetCheck =
                    error.isTransient
                    ? .unavailable(error.description) : .untrusted(error.description, attack: .badMetadata)
                tell(.targetChecked(action, link == nil ? check.outOfKeptMetadata : check))
            }
        }
    }

    private func found(_ path: TargetPath, _ trusted: TrustedMetadata) -> TargetCheck {
        do {
            guard let package = try MetadataClient.package(path, in: trusted) else { return .absent }
            return .found(
                package, lineFloor: nil,
                versions: ["timestamp/\(trusted.root.version)": UInt64(clamping: trusted.timestamp?.version ?? 0)],
                roots: try catalog?.roots() ?? [])
        } catch {
            return .untrusted("\(error)", attack: .badMetadata)
        }
    }

    private func download(_ action: ActionID, _ package: Package) {
        guard let link else { return tell(.downloaded(action, .failed("there is no connection to the spoke"))) }
        if fleet.has(.agentIgnoresCatalog), let bytes = fleet.vendor.contents[package.sha256] {
            _ = machine.files.put(
                bytes, package, .published, ContentIdentity(length: package.length, sha256: package.sha256))
        }
        fleet.checks.downloads(self, action)
        downloads[action]?.cancel()
        let download = SimulatedDownload(self, package, link) { [unowned self] outcome in
            downloads[action] = nil
            if case .notYet = outcome {
                fleet.tally.spokeBusy += 1
                fleet.checks.waits(action)
            }
            tell(.downloaded(action, outcome))
        }
        downloads[action] = download
        download.run()
    }

    /// Takes its time over a step; the power may be cut before, in and after it.
    private func perform(_ job: InstallJob) {
        fleet.checks.begins(self, job)
        if fleet.has(.agentInstallsTwice), job.step == .commit, !installedTwice {
            installedTwice = true
            fleet.checks.begins(
                self,
                InstallJob(
                    action: job.action, step: .enter, package: job.package, previous: job.previous, isSelf: false))
        }
        later(random.milliseconds(20...4_000)) { [self] in
            let cut = fleet.faults.cutsPower(random: &random)
            if cut == .before { return crash("power cut before \(job.step)", restartAfter: fleet.faults.pause()) }
            countArchive(job)
            let cannotUnpack = [.stage, .commit].contains(job.step) && fleet.faults.failsToUnpack(random: &random)
            if cannotUnpack, job.step == .stage { fleet.checks.unpackFailures.insert(job.action) }
            let outcome = machine.perform(
                job, keepsBadRelease: fleet.has(.machineKeepsBadRelease), cannotUnpack: cannotUnpack)
            fleet.note(name, "\(job.step) of \(job.package.path.release): \(outcome == .done ? "done" : "failed")")
            if outcome == .done { fleet.checks.did(self, job) }
            if cut == .after { return crash("power cut after \(job.step)", restartAfter: fleet.faults.pause()) }
            if job.step == .restart, job.package.metadata.install.restart == .machine {
                machine.reboot()
                return crash("the machine restarts", restartAfter: .seconds(20))
            }
            tell(.performed(job.action, job.step, outcome))
        }
    }

    private func countArchive(_ job: InstallJob) {
        guard job.step == .stage else { return }
        switch machine.files.archive(of: job.package) {
        case .published?: fleet.tally.installedPublished += 1
        case .content?: fleet.tally.installedContent += 1
        case nil: break
        }
    }

    override func brief(_ event: AgentEvent) -> String {
        switch event {
        case .started: "started"
        case .link(let event): brief(event)
        case .faulted(let fault): "left out \(fault.event)"
        case .wake: "woke"
        case .facts(let purpose, _): purpose == .report ? "facts" : "facts for an action"
        case .targetChecked(_, let check): "target \(Self.brief(check))"
        case .downloaded(_, let outcome): "download \(outcome == .complete ? "done" : "failed")"
        case .performed(_, let step, let outcome): "\(step) \(outcome == .done ? "done" : "failed")"
        }
    }

    private static func brief(_ check: TargetCheck) -> String {
        switch check {
        case .found: "found"
        case .absent: "absent"
        case .untrusted: "untrusted"
        case .unavailable: "unavailable"
        }
    }
}

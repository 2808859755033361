package import Model
import Protocol
import Storage
package import Trust

/// A spoke's decisions: what it carries between hub and agents, what it holds, whom it serves.
///
/// Synchronous and without IO. One call of `handle` belongs to one transaction of the store, and its effects are executed
/// after the commit: what is acknowledged is on disk. Links, requests and transfers under way are in memory only; all
/// that must outlive a restart is in the store, and every exchange may be repeated without harm.
///
/// The spoke believes nobody by itself: orders and reports are opaque signed bytes to it, and it serves an agent
/// only after the hub has named that agent as its own.
package struct SpokeCore {
    /// What an outgoing request was for.
    enum Errand: Hashable {
        case poolStatus(NodeName)
        case poolChecked
        case replica(TargetPath, SHA256Digest)
        case presence(NodeID)
        case report(agent: NodeID, incarnation: UInt64, counter: UInt64)
        case event(UInt64)
        /// With the signature, since an order may be replaced by a newer one while it is under way.
        case order(agent: NodeID, action: ActionID, kind: UInt8, signature: [UInt8])
        case newestOrder
        case join(JoinID)
        case catalogChanged(NodeID)
        case fleetWord(FleetWord, NodeID)
        case shares
        /// How a replica had best come.
        case plan(SHA256Digest)
        /// An agent's renewal: where its answer goes.
        case renewal(LinkID, RequestID)
    }

    /// A request that is under way.
    struct Request {
        let link: LinkID
        let errand: Errand
        /// What was told; nil unless the errand tells a state.
        let state: Message?
        /// How often telling this state has failed in a row.
        let failures: Int
    }

    /// What the hub signs about the fleet and a spoke passes on.
    enum FleetWord: Hashable {
        case revocations, anchors
    }

    /// An agent's open link.
    struct AgentLink {
        let link: LinkID
        let since: UnixTime
        /// Whether the hub has named it as this spoke's; until then nothing but patience is served.
        var isAdopted: Bool
        /// The public key of its reports; nil until the hub has said it.
        var reportKey: [UInt8]?
        /// Orders pause until then after the agent has asked for patience.
        var ordersNotBefore = UnixTime.zero
    }

    /// An attempt to get a replica here.
    struct Attempt {
        /// Bytes of what is fetched that are here.
        var held: UInt64 = 0
        /// Nil until it is decided how it comes.
        var plan: TransferPlan?
        /// The replica is here as its content; an agent needs the published file too.
        var isExtra = false
        /// The path that the catalog is being asked about; nil when it has answered.
        var lookUp: TargetPath?
        /// The paths that it was asked about.
        var tried: Set<TargetPath>
        /// The objects that it may bring.
        var objects: [SHA256Digest]
    }

    /// A content that agents wait for.
    struct ContentWish {
        /// When one asked last.
        var asked: UnixTime
        /// Whether it is to be made, where it is not here.
        var isDue: Bool
        /// How often in a row there was no room for it.
        var roomless = 0
    }

    /// Who causes the events that are written.
    private enum LogCause: Hashable, Sendable {
        /// The spoke itself or its hub; without a budget.
        case spoke
        case agent(NodeID)
    }

    let store: any SpokeStore
    let verifier: any SignatureVerifier
    var random: any RandomNumberGenerator & Sendable
    var hub: LinkID?
    var agents: [NodeID: AgentLink] = [:]
    var agentOfLink: [LinkID: NodeID] = [:]
    /// The processes that spoke as each agent.
    var instances: [NodeID: InstanceHistory] = [:]
    /// Replicas with an attempt under way: looked up, planned or transferred.
    var attempts: [SHA256Digest: Attempt] = [:]
    /// What the pool holds, by hash: published files, contents and patches.
    var held: Set<SHA256Digest> = []
    /// Published files in the pool that the disk has damaged and that are to be repaired.
    var damagedFiles: Set<SHA256Digest> = []
    /// What each agent was served with last, until it refuses it.
    var served: [NodeID: [SHA256Digest]] = [:]
    /// When agents refused objects, and the checks that are under way with the agents that wait for
    /// them; see `refused(by:at:)`.
    var doubts: [Doubt: UnixTime] = [:]
    var verifying: [SHA256Digest: Set<NodeID>] = [:]
    /// Since when the hub makes something cheaper, for replicas that wait for it.
    var patience: [SHA256Digest: UnixTime] = [:]
    /// Published files that an agent asked for and that are here as contents only.
    var publishedWanted: Set<SHA256Digest> = []
    /// The published file that is being unpacked, and those that this process could not unpack, and why.
    var unpacking: SHA256Digest?
    var isUnpackingStopped = false
    var unpackFailed: [SHA256Digest: UnpackOutcome] = [:]
    /// Published files whose contents agents wait for that cannot unpack them.
    var contentsWanted: [SHA256Digest: ContentWish] = [:]
    /// Replicas that found no room at their last attempt.
    var roomWaited: Set<SHA256Digest> = []
    /// Whether contents and patches have to be looked through again; shares too, since the same things matter to them.
    var isKeepingDue = true {
        didSet { if isKeepingDue { areSharesDue = true } }
    }
    /// The folders of this machine that show a product's release.
    var shares: [NodeName: ShareRecord] = [:]
    /// Whether the catalog has to be asked what they are to show, and whether it is being asked.
    var areSharesDue = true
    var isSurveying = false
    /// What the hub said of the rollouts that some of them follow.
    var completed = CompletedKnowledge()
    /// What the hub was told of them last.
    var toldShares: Shares?
    /// Packages whose content is being looked up in the catalog, for the keeping of bases.
    var lookUps: Set<TargetPath> = []
    /// The means beside the published file that this spoke can use.
    let accepts: [TransferMeans]
    /// Evictions under way, who waits for their ends, and what the replica was.
    var evictions: [SHA256Digest: (link: LinkID, request: RequestID, before: ReplicaState)] = [:]
    var pool = PoolFigures(PoolAccount(quota: .zero, used: .zero, reserved: .zero, freeOnDisk: .zero))
    /// Where objects are, as long as there are several pools.
    var places: [SHA256Digest: PoolPlace] = [:]
    /// Packages that were in a pool whose disk is gone; they wait for it for a while.
    var missing: Set<SHA256Digest> = []
    /// Reports and events to the hub pause until then after it has asked for patience; neither waits for the other.
    var reportsNotBefore = UnixTime.zero
    var eventsNotBefore = UnixTime.zero
    /// When the next attempt at a replica may start; nil where none waits, in the past where it may be due.
    var nextAttempt: UnixTime? = .zero
    /// Agents that may have orders to be sent.
    var ordersDue: Set<NodeID> = []
    var catalogVersion: UInt64?
    /// When an old revocation list is an alarm (again); nil until it is looked up.
    var listAlarm: UnixTime?
    /// How fast packages may go to the agents; nil until the hub has said it.
    var agentLimit: RateSchedule?
    /// What the sender has been told of it; nil before it was told anything.
    var agentRate: BitRate??
    var effects: [SpokeEffect] = []
    /// Which agents' reports are taken now.
    var intake = ReportIntake()
    /// Sessions that each agent may open.
    var sessionAllowance = PeerAllowance<NodeID>(SpokeLimits.sessions)
    /// Agents' sessions with a renewal on its way to the hub.
    var renewing: Set<LinkID> = []
    /// Whose input is being handled.
    private var cause = LogCause.spoke
    private var agentEvents = LogBudget<LogCause>(SpokeLimits.agentEvents)
    /// Events in the store; nil until they are counted.
    private var eventCount: Int?
    private var requests: [RequestID: Request] = [:]
    private var requestOf: [Errand: RequestID] = [:]
    /// States that a peer could not take, which are told again.
    var untold = UntoldStates()
    /// Requests under way that tell a state.
    private(set) var statesUnderWay = 0
    private var lastRequest: UInt64 = 0
    private var nextTidying = UnixTime.zero
    private var wakeAt: UnixTime?

    /// The first pool's name as the hub knows it.
    let poolName: NodeName

    /// A core over its store; `random` spreads the retries.
    ///
    /// `verifier` checks the reports of agents whose keys the hub has said.
    /// `accepts` names the means beside the published file that this machine can use; patches and compressed chunks need libzstd.
    package init(
        store: any SpokeStore, poolName: NodeName, verifier: any SignatureVerifier,
        random: any RandomNumberGenerator & Sendable,
        accepts: [TransferMeans] = [.content] + TransferMeans.fromBase
    ) {
        self.accepts = accepts
        self.store = store
        self.verifier = verifier
        self.poolName = poolName
        self.random = random
    }

    /// Takes one event and gives back what is to be done after the commit.
    ///
    /// Throws only what the store throws; then the transaction is undone and the process must not go on with this core.
    package mutating func handle(_ event: SpokeEvent, at now: UnixTime) throws -> [SpokeEffect] {
        effects = []
        cause = cause(of: event)
        switch event {
        case .started(let held, let pool): try start(held: held, pool, at: now)
        case .link(let event): try handle(event, at: now)
        case .faulted(let fault): try faulted(fault, at: now)
        case .joinAsked(let join, let message): relay(message, for: join)
        case .targetFound(let path, let finding): try found(path, finding, at: now)
        case .transferProgressed(let sha256, let held): try progressed(sha256, held: held)
        case .transferEnded(let sha256, let outcome): try ended(sha256, outcome, at: now)
        case .poolChanged(let pool): try changed(pool)
        case .placed(let places): try placed(places)
        case .poolsMoved(let went, let came, let text): try poolsMoved(went, came, text, at: now)
        case .confinementMissing(let text): try log(.warning, .confinementMissing, "", text, at: now)
        case .poolDrained(let text, let isEmpty):
            try log(isEmpty ? .notice : .warning, .poolDrained, "pool", text, at: now)
        case .unpacked(let sha256, let outcome): try unpacked(sha256, outcome, at: now)
        case .evicted(let objects): try evicted(objects)
        case .objectsDamaged(let digests): try damaged(digests, at: now)
        case .verified(let object, let isWhole): try verified(object, isWhole: isWhole, at: now)
        case .evictionEnded(let sha256, let refusal): try evictionEnded(sha256, refusal: refusal, at: now)
        case .poolChecked(let check): try checked(check)
        case .packageBrought(let path, let sha256, let length): try brought(path, sha256, length, at: now)
        case .bundleRefused(let why):
            try log(.error, .catalogRefused, "catalog", "what was brought on a medium was refused: \(why)", at: now)
        case .revocationsChecked(let link, let request, let signed, let outcome):
            try revoke(outcome, signed: signed, link, request, at: now)
        case .agentsRevoked(let agents): try drop(agents, at: now)
        case .anchorsChecked(let link, let request, let signed, let refusal):
            try anchorsChecked(refusal, signed: signed, link, request, at: now)
        case .catalogRefreshed(let version):
            announceCatalog(version)
            areSharesDue = true
        case .sharesSet(let shares): sharesSet(shares)
        case .catalogSurveyed(let packages): try surveyed(packages, at: now)
        case .shareTended(let share, let outcome): try shareTended(share, outcome, at: now)
        case .woke: wakeAt = nil
        }
        cause = .spoke
        try pump(at: now)
        return effects
    }

    private func cause(of event: SpokeEvent) -> LogCause {
        switch event {
        case .link(.opened(_, let peer, _)): peer.role == .agent ? .agent(peer.id) : .spoke
        case .link(.closed(let link, _)), .link(.request(let link, _, _)), .link(.reply(let link, _, _)),
            .link(.failed(let link, _, _)):
            cause(of: link)
        case .faulted(let fault):
            switch fault.origin {
            case .request(let link, _), .link(let link):
                fault.peer.map { $0.role == .agent ? .agent($0.id) : .spoke } ?? cause(of: link)
            case .member(let node): agents[node] == nil ? .spoke : .agent(node)
            case .join: .spoke
            }
        case .started, .joinAsked, .targetFound, .transferProgressed, .transferEnded, .poolChanged, .placed,
            .poolsMoved, .poolDrained, .confinementMissing, .unpacked, .evicted, .evictionEnded, .poolChecked,
            .objectsDamaged, .verified,
            .packageBrought, .bundleRefused, .revocationsChecked, .agentsRevoked, .anchorsChecked, .catalogRefreshed,
            .sharesSet,
            .catalogSurveyed, .shareTended, .woke:
            .spoke
        }
    }

    /// What is written next is the doing of an agent, whoever told it.
    mutating func blame(_ agent: NodeID) { cause = .agent(agent) }

    private func cause(of link: LinkID) -> LogCause { agentOfLink[link].map { .agent($0) } ?? .spoke }

    // MARK: - Links

    private mutating func handle(_ event: LinkEvent, at now: UnixTime) throws {
        switch event {
        case .opened(let link, let peer, let hello):
            switch peer.role {
            case .hub: try hubOpened(link, at: now)
            case .agent: try agentOpened(link, peer.id, hello, at: now)
            case .spoke: close(link, .refused, "a spoke serves agents only")
            }
        case .closed(let link, _):
            try closed(link, at: now)
        case .request(let link, let request, let message):
            if link == hub {
                try hubAsks(message, link, request, at: now)
            } else if let agent = agentOfLink[link] {
                try agentAsks(message, agent, link, request, at: now)
            }
        case .reply(let link, let request, let message):
            guard let asked = takeRequest(request, on: link) else { return }
            try answered(asked, message, at: now)
        case .failed(let link, let request, _):
            guard let asked = takeRequest(request, on: link) else { return }
            try failed(asked, isLinkOpen: true, at: now)
        }
    }

    /// What was asked over a link gets no answer any more; it is asked anew over the next one.
    mutating func endErrands(on link: LinkID, at now: UnixTime) throws {
        untold.forget(link)
        let left = requests.filter { $0.value.link == link }
        for request in left.keys.sorted() {
            guard let asked = takeRequest(request, on: link) else { continue }
            try failed(asked, isLinkOpen: false, at: now)
        }
    }

    private mutating func closed(_ link: LinkID, at now: UnixTime) throws {
        try endErrands(on: link, at: now)
        if link == hub {
            hub = nil
            return
        }
        forgetAgent(on: link, at: now)
    }

    /// The agent of a link is no longer here; what it still asks over the link is not heard.
    mutating func forgetAgent(on link: LinkID, at now: UnixTime) {
        guard let agent = agentOfLink.removeValue(forKey: link) else { return }
        if agents[agent]?.link == link {
            agents[agent] = nil
            sendPresence(of: agent, isConnected: false, since: now)
        }
    }

    /// An event that could not be handled was left out: only its sender pays for it.
    private mutating func faulted(_ fault: PeerFault, at now: UnixTime) throws {
        let subject = if case .agent(let agent) = cause { "client/\(agent)" } else { "" }
        try log(
            .error, .eventFailed, subject,
            "\(fault.event) of this peer could not be handled and was left out: \(fault.reason)", at: now)
        switch fault.origin {
        case .request(let link, let request): refuse(link, request, .invalid, PeerFault.answer)
        case .link(let link): dropFaulty(link, at: now)
        case .member(let node): if let link = agents[node]?.link { dropFaulty(link, at: now) }
        case .join(let join):
            effects.append(.answerJoin(join, .error(ErrorReply(code: .invalid, text: PeerFault.answer))))
        }
    }

    /// Ends the link of a peer whose event could not be handled.
    private mutating func dropFaulty(_ link: LinkID, at now: UnixTime) {
        close(link, .internalFault, PeerFault.answer)
        if link == hub { hub = nil }
        forgetAgent(on: link, at: now)
    }

    // MARK: - Sending

    /// Asks a peer, unless the same errand is under way already. `failures` counts how often telling
    /// this state has failed.
    mutating func ask(_ link: LinkID, _ message: Message, _ errand: Errand, failures: Int = 0) {
        guard requestOf[errand] == nil else { return }
        lastRequest += 1
        let request = RequestID(lastRequest)
        requestOf[errand] = request
        if errand.isState {
            untold.remove(errand)
            statesUnderWay += 1
        }
        requests[request] = Request(
            link: link, errand: errand, state: errand.isState ? message : nil, failures: failures)
        effects.append(.link(.request(link, request, message, .control)))
    }

    /// Forgets an errand's answer, so that a newer state of the same thing can be told at once.
    mutating func supersede(_ errand: Errand) {
        guard let request = requestOf[errand] else { return }
        forget(request, errand)
    }

    private mutating func forget(_ request: RequestID, _ errand: Errand) {
        requests[request] = nil
        requestOf[errand] = nil
        if errand.isState { statesUnderWay -= 1 }
    }

    /// How many joins wait for the hub's answer.
    var joinsUnderWay: Int {
        requestOf.keys.count { if case .join = $0 { true } else { false } }
    }

    mutating func reply(_ link: LinkID, _ request: RequestID, _ message: Message) {
        effects.append(.link(.reply(link, request, message)))
    }

    mutating func refuse(
        _ link: LinkID, _ request: RequestID, _ code: RequestErrorCode, _ text: String, retryAfter: UInt64? = nil
    ) {
        reply(link, request, .error(ErrorReply(code: code, text: text, retryAfterSeconds: retryAfter)))
    }

    mutating func close(_ link: LinkID, _ code: SessionCode, _ text: String) {
        effects.append(.link(.close(link, code, text)))
    }

    private mutating func takeRequest(_ request: RequestID, on link: LinkID) -> Request? {
        guard let found = requests[request], found.link == link else { return nil }
        forget(request, found.errand)
        return found
    }

    /// Writes an event about a replica, one for each package that it is.
    mutating func log(
        _ severity: EventSeverity, _ code: SpokeEventCode, of replica: WantedReplica, _ text: String, at now: UnixTime
    ) throws {
        for path in replica.paths { try log(severity, code, "package/\(path)", text, at: now) }
    }

    /// Writes an event of this spoke, which goes to the hub's activity log, within the budget of the
    /// agent that causes it. Nothing else writes events.
    mutating func log(
        _ severity: EventSeverity, _ code: SpokeEventCode, _ subject: String, _ text: String, at now: UnixTime
    ) throws {
        if case .agent(let agent) = cause {
            let verdict = agentEvents.verdict(for: cause, at: now)
            if let notice = verdict.notice { try append(.warning, .linesLeftOut, "client/\(agent)", notice, at: now) }
            guard verdict.isWritten else { return }
        }
        try append(severity, code, subject, text, at: now)
    }

    private mutating func append(
        _ severity: EventSeverity, _ code: SpokeEventCode, _ subject: String, _ text: String, at now: UnixTime
    ) throws {
        let count = try eventCount ?? store.eventCount()
        _ = try store.append(Event(time: now, severity: severity, code: code.code, subject: subject, text: text))
        eventCount = count + 1
        guard count >= SpokeLimits.events else { return }
        // A tenth at a time, so that a long absence of the hub does not cost a search for each event.
        let gone = try store.trimEvents(to: SpokeLimits.events * 9 / 10)
        _ = try store.append(
            Event(
                time: now, severity: .warning, code: SpokeEventCode.linesLeftOut.code, subject: "",
                text: "\(gone) events that waited for the hub were removed, those that matter least first"))
        eventCount = count + 2 - gone
    }

    /// The hub has taken the events up to a sequence.
    mutating func eventsTaken(through sequence: UInt64) throws {
        let removed = try store.removeEvents(through: sequence)
        eventCount = eventCount.map { $0 - removed }
    }

    // MARK: - Time

    /// Starts whatever may start now, and asks to be woken when the next thing may.
    private mutating func pump(at now: UnixTime) throws {
        // A clock that ran ahead has been set right.
        if nextTidying - now > SpokeLimits.tidying { nextTidying = now + SpokeLimits.tidying }
        if now >= nextTidying {
            _ = try store.removeOrders(expiredBefore: now)
            nextTidying = now + SpokeLimits.tidying
            isKeepingDue = true
            recheckShares()
        }
        let nextShare = pumpShares(at: now)
        try pumpReplicas(at: now)
        try pumpKeeping(at: now)
        let listAlarm = try watchList(at: now)
        let nextRate = followAgentLimit(at: now)
        let times = [
            hub == nil ? nil : nextAttempt, try pumpDeliveries(at: now), try pumpOrders(at: now), listAlarm, nextRate,
            nextShare, try pumpUntold(at: now),
        ]
        let next = times.compactMap { $0 }.reduce(nextTidying, min)
        if wakeAt != next {
            wakeAt = next
            effects.append(.wake(at: next))
        }
    }
}

package import Model
package import Protocol
import Rollout
import Storage
import Trust

/// A hub's decisions: who joins, what is imported and replicated, who is ordered to install what, and what the reports mean.
///
/// Synchronous and without IO. `perform` and `execute` each are one transaction of the store; the effects that they give are to be executed after they
/// return, so that what is acknowledged is on disk. When they throw, nothing has happened, in the store or here, and the call may be repeated.
/// Links, requests and transfers under way are in memory only; all that must outlive a restart is in the store, and every exchange may be repeated.
/// Thread rule: one thread at a time, that of the store.
package struct HubCore {
    /// What an outgoing request was for.
    enum Errand: Hashable {
        case order(Int64)
        case replicate(TargetPath)
        case setQuota(NodeName, ByteCount)
        case setAccess(NodeName, PoolAccess)
        case evict(TargetPath)
        case checkPool(UInt64)
        case catalogChanged(UInt64)
        case revocations(UInt64)
        case anchors(UInt64)
        /// By the rule that the schedule was made of.
        case setLimit(String)
        case completedReleases

        /// Whether it is told when a spoke connects, and not kept for it.
        var isGreeting: Bool {
            switch self {
            case .catalogChanged, .revocations, .anchors: true
            case .order, .replicate, .setQuota, .setAccess, .evict, .checkPool, .setLimit, .completedReleases: false
            }
        }
    }

    /// An open session of a spoke.
    struct SpokeLink {
        let spoke: NodeID
        var errands: [RequestID: Errand] = [:]
        var underWay: Set<Errand> = []
        /// Deliveries pause until then after the spoke has not answered at all.
        var notBefore = UnixTime.distantPast
        /// What is not asked again before its time: the spoke wanted patience for it, or refused it. Everything else goes on.
        var held: [Errand: UnixTime] = [:]
        /// The limit that its sender has been told; none at first.
        var rate: BitRate?
        /// When the limit is looked at again.
        var rateUntil: UnixTime?
        /// When the spoke is told its limit towards its agents, or told it again; nil when there is nothing to tell.
        var agentLimitDue: UnixTime?
        /// When it is told again after that.
        var agentLimitInterval: Duration?
        /// Whether the log says that a limit's time zone cannot be used.
        var isZoneMissed = false
        /// Which completed releases the spoke was told last; nil before it was told any.
        var completedReleases: CompletedReleases?
        /// What the spoke is saying that it knows; nil before and after.
        var inventory: ReplicaInventory?
    }

    /// Who causes the lines that are written to the activity log.
    enum LogCause: Hashable, Sendable {
        /// The hub itself; it has no budget.
        case hub
        /// Who has the admin token; without a budget too.
        case admin
        /// Everyone at the hub's own join listener, together.
        case joiners
        case spoke(NodeID)
        /// Everyone at a spoke's join listener, and members whose renewal is not verified yet.
        case joinersThrough(NodeID)
        /// An agent, by the signature of its reports.
        case client(NodeID)
        /// An agent by the word of its spoke, or by what the spoke may repeat: presence and renewals.
        case carried(NodeID, by: NodeID)
        /// A machine that a token lets in; without a budget, since the token has its uses.
        case admitted(through: NodeID?)
    }

    let store: any HubStore
    let cryptography: any HubCryptography
    let configuration: HubConfiguration
    var random: any RandomNumberGenerator & Sendable
    var links: [LinkID: SpokeLink] = [:]
    var linkOf: [NodeID: LinkID] = [:]
    var nonces: JoinNonces
    var importing: Set<TargetPath> = []
    /// Packages in the pool that the disk has damaged; the shell tells it again after a restart.
    var damaged: Set<TargetPath> = []
    /// Packages on their way out of the hub's own pool, and when that is tried; nil while it is.
    var evicting: [SHA256Digest: UnixTime?] = [:]
    /// Something changed that may bring back what was pruned.
    var arePrunesDue = true
    /// Spokes that have more room than before, for what was pruned there.
    var roomierSpokes: Set<NodeID> = []
    /// How far the checks are that are under way, by their numbers; the store has those that are over.
    package internal(set) var checking: [UInt64: PoolChecked] = [:]
    /// The folders that spokes' machines show releases in, as each spoke said last; told anew with every connection.
    package internal(set) var shares: [NodeID: Shares] = [:]
    /// Releases that rollouts completed, of the products that were asked about since a rollout of theirs ended.
    var completions: [ProductName: [LineName: ReleaseName]] = [:]
    /// The products that a rollout of has ended; nil until it is looked up.
    var productsRolledOut: Set<ProductName>?
    var patching = Patching()
    var isRefreshing = false
    /// Whose input is being handled. `log` takes each line off that peer's budget.
    var cause = LogCause.hub
    private var joinerLines = LogBudget<LogCause>(HubLimits.joinerLines)
    private var spokeLines = LogBudget<LogCause>(HubLimits.spokeLines)
    private var clientLines = LogBudget<LogCause>(HubLimits.clientLines)
    /// Of each agent at each spoke, so that a spoke that lies about another's agents hides nothing of them.
    private var presenceLines = LogBudget<LogCause>(HubLimits.presenceLines)
    /// Of all agents of a spoke together.
    private var carriedLines = LogBudget<NodeID>(HubLimits.spokeLines)
    /// Sessions that each member may open.
    var sessionAllowance = PeerAllowance<NodeID>(HubLimits.sessions)
    /// Orders that each agent may cause by reports of actions that a restored hub does not know.
    var callOffAllowance = PeerAllowance<NodeID>(HubLimits.callOffs)
    /// New incarnations that each agent may begin.
    var incarnationAllowance = PeerAllowance<NodeID>(HubLimits.incarnations)
    /// Reports of each agent that show an order and bring about new ones.
    var shownOrderAllowance = PeerAllowance<NodeID>(HubLimits.shownOrders)
    /// How often each spoke is sent again what it has lost.
    var restorationAllowance = PeerAllowance<NodeID>(HubLimits.restorations)
    /// Spokes to which something may have to be sent.
    var dirtySpokes: Set<NodeID> = []
    /// When clients refused bytes first; see `isFirstRefusal`.
    var bytesRefused: [NodeID: UnixTime] = [:]
    /// Rollouts that may have to be moved on.
    var dirtyRollouts: Set<RolloutID> = []
    /// The trees of approved rollouts, and where each action is in them.
    var approvalTrees: [RolloutID: ApprovalTree] = [:]
    var approvalPlaces: [RolloutID: [ActionID: Int]] = [:]
    /// When the revocation list was signed last; nil until it is looked up.
    var revocationsSigned: UnixTime?
    var effects: [HubEffect] = []
    /// The hub's clock never goes back while it runs.
    private var latest = UnixTime.distantPast
    private var lastRequest: UInt64 = 0
    private var wakeAt: UnixTime?

    /// A core over its store; `random` makes ids, secrets and nonces, so in production it must be the system's.
    package init(
        store: any HubStore, cryptography: any HubCryptography, configuration: HubConfiguration,
        random: any RandomNumberGenerator & Sendable
    ) {
        self.store = store
        self.cryptography = cryptography
        self.configuration = configuration
        self.random = random
        nonces = JoinNonces(key: [])
        nonces = JoinNonces(key: randomBytes(32))
    }

    // MARK: - Entry

    /// Takes events in order, in one transaction (group commit), and gives what is to be done after it.
    package mutating func perform(_ events: [HubEvent], at time: UnixTime) throws -> [HubEffect] {
        var next = self
        let effects = try store.transaction {
            let now = next.clock(time)
            for event in events {
                next.cause = next.cause(of: event)
                try next.react(to: event, at: now)
            }
            next.cause = .hub
            return try next.finish(at: now)
        }
        self = next
        return effects
    }

    /// Who brought an event; within it an agent's report becomes the agent's own.
    private func cause(of event: HubEvent) -> LogCause {
        switch event {
        case .link(let event):
            switch event {
            case .opened(_, let peer, _): .spoke(peer.id)
            case .closed(let link, _), .request(let link, _, _), .reply(let link, _, _), .failed(let link, _, _):
                cause(of: link)
            }
        case .faulted(let fault):
            switch fault.origin {
            case .request(let link, _), .link(let link): fault.peer.map { .spoke($0.id) } ?? cause(of: link)
            case .member(let node): .spoke(node)
            case .join: .joiners
            }
        case .linkUsed(let link, _, _): cause(of: link)
        case .objectSent(_, let spoke, _): .spoke(spoke)
        case .joinAsked: .joiners
        case .started, .catalogRefreshed, .catalogRefused, .catalogUnreachable, .importProgressed, .importEnded,
            .poolChanged, .placed, .poolsMoved, .poolDrained, .confinementMissing, .objectsDamaged, .packageEvicted,
            .poolChecked,
            .patchEnded, .patchLost, .patchPoolChanged, .woke:
            .hub
        }
    }

    private func cause(of link: LinkID) -> LogCause { links[link].map { .spoke($0.spoke) } ?? .joiners }

    /// Takes one event; see `perform`.
    package mutating func handle(_ event: HubEvent, at time: UnixTime) throws -> [HubEffect] {
        try perform([event], at: time)
    }

    /// Does one command of an operator; `alongside` runs in the same transaction (for the answer kept under an idempotency key).
    ///
    /// Throws `HubRefusal` when it is not done.
    package mutating func execute(
        _ command: HubCommand, at time: UnixTime, alongside: (HubAnswer) throws -> Void = { _ in }
    ) throws -> (HubAnswer, [HubEffect]) {
        var next = self
        let result = try store.transaction {
            let now = next.clock(time)
            next.cause = .admin
            let answer = try next.run(command, at: now)
            next.cause = .hub
            try alongside(answer)
            return (answer, try next.finish(at: now))
        }
        self = next
        return result
    }

    private mutating func clock(_ time: UnixTime) -> UnixTime {
        latest = max(latest, time)
        effects = []
        return latest
    }

    private mutating func react(to event: HubEvent, at now: UnixTime) throws {
        switch event {
        case .started(let held, let pool, let patches): try start(held: held, pool, patches, at: now)
        case .link(let event): try react(to: event, at: now)
        case .faulted(let fault): try faulted(fault, at: now)
        case .linkUsed(let link, let sent, let received):
            guard let spoke = links[link]?.spoke else { return }
            try store.addTraffic(of: spoke, sent: ByteCount(sent), received: ByteCount(received))
        case .objectSent(let fetch, let spoke, let bytes): try sent(fetch, to: spoke, bytes: bytes)
        case .joinAsked(let join, let message): try joinAsked(message, .direct(join), at: now)
        case .catalogRefreshed(let contents): try catalogRefreshed(contents, at: now)
        case .catalogRefused(let why): try catalogFailed(why, isRefused: true, at: now)
        case .catalogUnreachable(let why, let retryAfter):
            try catalogFailed(why, isRefused: false, retryAfter: retryAfter, at: now)
        case .importProgressed(let path, let held): try importProgressed(path, held: held)
        case .importEnded(let path, let digest, let outcome):
            try importEnded(path, digest, outcome, at: now)
        case .poolChanged(let pool): try poolChanged(pool, at: now)
        case .objectsDamaged(let digests): try damaged(digests, at: now)
        case .packageEvicted(let digest, let refusal): try evicted(digest, refusal: refusal, at: now)
        case .poolChecked(let check): try poolChecked(check, configuration.hub, at: now)
        case .placed(let places): try placed(places)
        case .poolsMoved(let went, let came, let text): try poolsMoved(went, came, text, at: now)
        case .confinementMissing(let text): try log(.warning, .confinementMissing, "", text, at: now)
        case .poolDrained(let text, let isEmpty):
            try log(isEmpty ? .notice : .warning, .poolDrained, "pool", text, at: now)
        case .patchEnded(let result): try patchEnded(result, at: now)
        case .patchLost(let digest, let why): try patchLost(digest, why, at: now)
        case .patchPoolChanged(let pool): try patchPoolChanged(pool, at: now)
        case .woke: wakeAt = nil
        }
    }

    private mutating func start(
        held: Set<SHA256Digest>, _ pool: PoolFigures, _ patches: HubPatchPool?, at now: UnixTime
    ) throws {
        try store.disconnectAllSpokes()
        try store.disconnectClients(of: nil, at: now)
        try poolChanged(pool, at: now)
        for pool in try store.pools(of: configuration.hub) where pool.name != configuration.patchPoolName {
            if let wanted = pool.wantedQuota { effects.append(.setQuota(pool.name, wanted)) }
            if pool.access != .readWrite { effects.append(.setAccess(pool.name, pool.access)) }
        }
        try resumeEvictions(held: held, at: now)
        try reconcilePackages(held: held, at: now)
        try startPatches(held: held, patches, at: now)
        for check in try store.checks(at: configuration.hub) where check.ended == nil {
            effects.append(.checkPool(check.request))
        }
        _ = try anchorSet(at: now)
        try log(.info, .hubStarted, "", "the hub has started", at: now)
        try checkClock(at: now)
        for rollout in try store.rollouts(in: [.preparing, .ready, .running, .paused, .stopping]) {
            dirtyRollouts.insert(rollout.id)
        }
    }

    // MARK: - Time and the end of a transaction

    /// Moves on whatever can move, sends what waits, and asks to be woken when the next thing is due.
    private mutating func finish(at now: UnixTime) throws -> [HubEffect] {
        try moveDueActions(at: now)
        let nextList = try pumpRevocations(at: now)
        let nextLimit = try pumpLimits(at: now)
        try pumpCatalog(at: now)
        try reconsiderPrunes(at: now)
        let nextEviction = try pumpEvictions(at: now)
        try pumpImports(at: now)
        try pumpPatches(at: now)
        try moveRollouts(at: now)
        var next: [UnixTime?] = try pumpLinks(at: now)
        next += [
            nextList, nextLimit, nextEviction,
            isRefreshing ? nil : try store.catalog().flatMap { $0.isOffline ? nil : $0.nextRefresh },
            try store.nextImport(), try nextPatch(),
            try store.nextActionDeadline(), try store.soakingWaves().first?.soakEnds,
            try store.rollouts(in: [.ready]).compactMap(\.specification.start).filter { $0 > now }.min(),
        ]
        let earliest = next.compactMap { $0 }.min()
        if let earliest, earliest != wakeAt {
            wakeAt = earliest
            effects.append(.wake(at: earliest))
        }
        return effects
    }

    // MARK: - Helpers of every part

    /// Writes a line of the activity log, within the budget of whoever causes it. Nothing else writes to it.
    ///
    /// `peerTime` is when it happened by the peer's own clock, where a peer says so.
    mutating func log(
        _ severity: EventSeverity, _ code: EventCode, _ subject: String, _ text: String, peerTime: UnixTime? = nil,
        at now: UnixTime
    ) throws {
        let verdict: LogBudget<LogCause>.Verdict
        switch cause {
        case .hub, .admin, .admitted: verdict = .write
        case .joiners, .joinersThrough: verdict = joinerLines.verdict(for: cause, at: now)
        case .spoke: verdict = spokeLines.verdict(for: cause, at: now)
        case .client: verdict = clientLines.verdict(for: cause, at: now)
        case .carried(_, let spoke):
            return try logCarried(by: spoke, severity, code, subject, text, at: now)
        }
        if let notice = verdict.notice { try append(.warning, .linesLeftOut, try name(of: cause), notice, at: now) }
        guard verdict.isWritten else { return }
        try append(severity, code, subject, text, peerTime: peerTime, at: now)
    }

    /// Writes a line about an agent that its spoke says or may repeat: within a budget that the agent has for such
    /// lines, and within one of all agents of the spoke, however many they are.
    private mutating func logCarried(
        by spoke: NodeID, _ severity: EventSeverity, _ code: EventCode, _ subject: String,
        _ text: String, at now: UnixTime
    ) throws {
        let own = presenceLines.verdict(for: cause, at: now)
        guard own.isWritten || own.notice != nil else { return }
        let all = carriedLines.verdict(for: spoke, at: now)
        if let notice = all.notice { try append(.warning, .linesLeftOut, try name(of: .spoke(spoke)), notice, at: now) }
        guard all.isWritten else { return }
        if let notice = own.notice { try append(.warning, .linesLeftOut, try name(of: cause), notice, at: now) }
        guard own.isWritten else { return }
        try append(severity, code, subject, text, at: now)
    }

    /// Writes a line that is within its budget.
    func append(
        _ severity: EventSeverity, _ code: EventCode, _ subject: String, _ text: String, peerTime: UnixTime? = nil,
        at now: UnixTime
    ) throws {
        try store.appendEvent(
            Event(
                time: now, severity: severity, code: code, subject: subject, text: text, peerTime: peerTime,
                actor: try actor))
    }

    /// Takes a line off the budget of the current cause for an event that its spoke keeps if there is none.
    mutating func mayLogEvent(at now: UnixTime) -> Bool { spokeLines.take(cause, at: now) }

    func name(of cause: LogCause) throws -> String {
        switch cause {
        case .hub, .admin: ""
        case .joiners, .admitted: "joiners"
        case .spoke(let node), .joinersThrough(let node), .client(let node), .carried(let node, _):
            try subject(of: node)
        }
    }

    /// The current cause as the log names it.
    private var actor: String {
        get throws {
            switch cause {
            case .hub: "hub"
            case .admin: "admin"
            case .joiners, .admitted(through: nil): "joiners"
            case .joinersThrough(let node), .admitted(through: let node?): "joiners at \(try subject(of: node))"
            case .spoke(let node), .client(let node), .carried(let node, _): try subject(of: node)
            }
        }
    }

    /// An event that could not be handled was left out: only its sender pays for it.
    private mutating func faulted(_ fault: PeerFault, at now: UnixTime) throws {
        try log(
            .error, .eventFailed, try name(of: cause),
            "\(fault.event) of this peer could not be handled and was left out: \(fault.reason)", at: now)
        switch fault.origin {
        case .request(let link, let request): refuse(link, request, .invalid, PeerFault.answer)
        case .link(let link): try dropFaulty(link, at: now)
        case .member(let node): if let link = linkOf[node] { try dropFaulty(link, at: now) }
        case .join(let join):
            effects.append(.answerJoin(join, .error(ErrorReply(code: .invalid, text: PeerFault.answer))))
        }
    }

    /// Ends the link of a peer whose event could not be handled.
    private mutating func dropFaulty(_ link: LinkID, at now: UnixTime) throws {
        effects.append(.link(.close(link, .internalFault, PeerFault.answer)))
        guard let id = links.removeValue(forKey: link)?.spoke else { return }
        linkOf[id] = nil
        guard var spoke = try store.spoke(id) else { return }
        (spoke.isConnected, spoke.since) = (false, now)
        try store.updateSpoke(spoke)
        try store.disconnectClients(of: id, at: now)
    }

    /// A fresh request number.
    mutating func nextRequest() -> RequestID {
        lastRequest += 1
        return RequestID(lastRequest)
    }

    /// Random bytes, for secrets and nonces.
    mutating func randomBytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    mutating func reply(_ link: LinkID, _ request: RequestID, _ message: Message) {
        effects.append(.link(.reply(link, request, message)))
    }

    mutating func refuse(
        _ link: LinkID, _ request: RequestID, _ code: RequestErrorCode, _ text: String, retryAfter: UInt64? = nil
    ) {
        reply(link, request, .error(ErrorReply(code: code, text: text, retryAfterSeconds: retryAfter)))
    }
}

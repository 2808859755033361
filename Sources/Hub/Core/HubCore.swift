package import Model
package import Protocol
import Rollout
import Storage
import Trust

/// A hub's decisions: who joins, what is imported and replicated, who is ordered to install what,
/// and what the reports mean.
///
/// Synchronous and without IO. `perform` and `execute` each are one transaction of the store; the
/// effects that they give are to be executed after they return, so that what is acknowledged is on
/// disk. When they throw, nothing has happened, in the store or here, and the call may be repeated.
/// Links, requests and transfers under way are in memory only; all that must outlive a restart is
/// in the store, and every exchange may be repeated.
///
/// The core is the transaction, the clock, the routing and the end of a turn. What is decided is in
/// its parts, each with memory of its own that no other part sees; docs/adr/0012-parts.md.
/// Thread rule: one thread at a time, that of the store.
package struct HubCore {
    private let store: any HubStore
    private let cryptography: any HubCryptography
    private let configuration: HubConfiguration
    private var random: any RandomNumberGenerator & Sendable
    /// The hub's clock never goes back while it runs.
    private var latest = UnixTime.distantPast
    private var wakeAt: UnixTime?
    private var log = ActivityLog()
    private var approvals = ApprovalTrees()
    /// Changes that no part has taken by the end of the last turn.
    private var left: [HubChange] = []

    private var actions = Actions()
    private var catalog = Catalog()
    private var checks = PoolChecks()
    private var joins: Joins
    private var limits = LinkLimits()
    private var patches = Patches()
    private var pool = HubPool()
    private var replicas = Replicas()
    private var reports = Reports()
    private var retention = Retention()
    private var revocations = RevocationLists()
    private var rollouts = Rollouts()
    private var sessions = SpokeSessions()
    private var shares = SpokeShares()

    /// A core over its store; `random` makes ids, secrets and nonces, so in production it must be the system's.
    package init(
        store: any HubStore, cryptography: any HubCryptography, configuration: HubConfiguration,
        random: any RandomNumberGenerator & Sendable
    ) {
        var random = random
        joins = Joins(key: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })
        self.random = random
        self.store = store
        self.cryptography = cryptography
        self.configuration = configuration
    }

    /// The link of a spoke that is connected.
    package func link(of spoke: NodeID) -> LinkID? { sessions.link(of: spoke) }

    /// How far a check of a pool is; nil when it is over or not known.
    package func progress(ofCheck number: UInt64) -> PoolChecked? { checks.progress(of: number) }

    /// The folders that a spoke's machine shows releases in, as the spoke said last.
    package func shares(of spoke: NodeID) -> Shares? { shares.shares(of: spoke) }

    /// The invariants of the parts that do not hold; none when all is well. For the simulation and
    /// tests.
    package func invariantViolations() throws -> [String] {
        try left.map { "no part has taken \($0)" }
            + parts.compactMap { try $0.invariantViolation(store, configuration) }
    }

    // MARK: - Entry

    /// Takes events in order, in one transaction (group commit), and gives what is to be done after it.
    package mutating func perform(_ events: [HubEvent], at time: UnixTime) throws -> [HubEffect] {
        try transaction(at: time) { core, turn in
            for event in events {
                turn.blame(event.cause { core.sessions.spoke(of: $0) })
                try core.react(to: event, &turn)
                core.carryOut(&turn)
            }
        }.effects
    }

    /// Does one command of an operator; `alongside` runs in the same transaction (for the answer kept under an idempotency key).
    ///
    /// Throws `HubRefusal` when it is not done.
    package mutating func execute(
        _ command: HubCommand, at time: UnixTime, alongside: (HubAnswer) throws -> Void = { _ in }
    ) throws -> (HubAnswer, [HubEffect]) {
        try transaction(at: time) { core, turn in
            turn.blame(.admin)
            let answer = try HubRefusal.explaining { try core.run(command, &turn) }
            core.carryOut(&turn)
            turn.blame(.hub)
            try alongside(answer)
            return answer
        }
    }

    private mutating func transaction<Result>(
        at time: UnixTime, _ body: (inout HubCore, inout HubTurn) throws -> Result
    ) throws -> (result: Result, effects: [HubEffect]) {
        var next = self
        let result = try store.transaction {
            next.latest = max(latest, time)
            var turn = HubTurn(
                store: store, cryptography: cryptography, configuration: configuration, now: next.latest,
                random: random, approvals: approvals, log: log, changes: left)
            let result = try body(&next, &turn)
            turn.blame(.hub)
            try next.settle(&turn)
            (next.random, next.approvals, next.log) = (turn.random, turn.approvals, turn.log)
            return (result, turn.effects)
        }
        self = next
        return result
    }

    // MARK: - The end of a turn

    /// Moves on whatever can move, sends what waits, and asks to be woken for what is next.
    ///
    /// The order: time moves actions first. Revocations and limits depend on nothing else. A
    /// refreshed catalog decides what is pruned, that what the pool imports, and that which patches
    /// can be made. Rollouts see all of this. Shares follow rollouts. The sessions come last, since
    /// everything before may have something to send.
    private mutating func settle(_ turn: inout HubTurn) throws {
        for _ in 0..<HubLimits.rounds {
            try settleParts(&turn)
            guard turn.hasChanges else { break }
        }
        left = turn.takeChanges()
        try scheduleWake(&turn)
    }

    private mutating func settleParts(_ turn: inout HubTurn) throws {
        try actions.settle(&turn)
        try revocations.settle(&turn)
        try limits.settle(&turn)
        try catalog.settle(&turn)
        try retention.settle(&turn)
        try pool.settle(&turn)
        try patches.settle(&turn)
        try rollouts.settle(&turn)
        try shares.settle(&turn)
        carryOut(&turn)
        try sessions.settle(&turn)
        carryOut(&turn)
        for delivery in sessions.takeReady(turn) { try deliver(delivery, &turn) }
    }

    /// Sends a spoke what waits for it, in this order.
    private mutating func deliver(_ delivery: SpokeDelivery, _ turn: inout HubTurn) throws {
        try Pools.sendQuotas(to: delivery, &turn)
        try limits.send(to: delivery, &turn)
        try Pools.sendAccess(to: delivery, &turn)
        try shares.send(to: delivery, &turn)
        try Pruning.send(to: delivery, &turn)
        try Replicas.send(to: delivery, &turn)
        try Actions.send(to: delivery, &turn)
        carryOut(&turn)
    }

    private var parts: [any HubPart] {
        [actions, revocations, limits, catalog, retention, pool, patches, rollouts, shares, sessions]
    }

    private mutating func scheduleWake(_ turn: inout HubTurn) throws {
        let due = try parts.compactMap { try $0.nextDue(turn) } + (left.isEmpty ? [] : [turn.now])
        guard let earliest = due.min(), earliest != wakeAt else { return }
        wakeAt = earliest
        turn.effect(.wake(at: earliest))
        carryOut(&turn)
    }

    /// Turns the steps of the turn into effects.
    private mutating func carryOut(_ turn: inout HubTurn) {
        for spoke in sessions.carryOut(&turn) { ended(spoke) }
    }

    private mutating func ended(_ spoke: NodeID) {
        limits.ended(spoke)
        replicas.ended(spoke)
        shares.untold(spoke)
    }

    // MARK: - Events

    private mutating func react(to event: HubEvent, _ turn: inout HubTurn) throws {
        switch event {
        case .started(let held, let figures, let patchPool): try start(held: held, figures, patchPool, &turn)
        case .link(let event): try react(to: event, &turn)
        case .faulted(let fault): try faulted(fault, &turn)
        case .linkUsed(let link, let sent, let received): try sessions.used(link, sent: sent, received: received, turn)
        case .objectSent(let fetch, let spoke, let bytes): try FetchPlans.sent(fetch, to: spoke, bytes: bytes, &turn)
        case .joinAsked(let join, let message): try joins.asked(message, .direct(join), &turn)
        case .catalog(let event): try catalog.react(to: event, &patches, &turn)
        case .packageImport(let event): try pool.react(to: event, &patches, &turn)
        case .pool(let event): try pool.react(to: event, &patches, &turn)
        case .packageEvicted(let digest, let refusal): try pool.evicted(digest, refusal: refusal, &turn)
        case .poolChecked(let check): try checks.told(check, configuration.hub, &turn)
        case .confinementMissing(let text): try turn.log(.warning, .confinementMissing, "", text)
        case .patches(let event): try patches.react(to: event, &turn)
        case .woke: wakeAt = nil
        }
    }

    private mutating func start(
        held: Set<SHA256Digest>, _ figures: PoolFigures, _ patchPool: HubPatchPool?, _ turn: inout HubTurn
    ) throws {
        try SpokeSessions.start(turn)
        try Pools.start(figures, &turn)
        try pool.start(held: held, &turn)
        try patches.start(held: held, patchPool, &turn)
        try PoolChecks.start(&turn)
        _ = try Authorities.anchorSet(&turn)
        try turn.log(.info, .hubStarted, "", "the hub has started")
        try HubTime.checkClock(&turn)
        try Rollouts.started(&turn)
    }

    private mutating func react(to event: LinkEvent, _ turn: inout HubTurn) throws {
        switch event {
        case .opened(let link, let peer, let hello):
            guard try sessions.open(link, peer, hello, &turn) else { return }
            ended(peer.id)
            shares.opened(peer.id)
            try Alarms.noteClock(of: peer.id, shows: hello.time, &turn)
            try Replicas.request(at: peer.id, &turn)
            try Greeting.greet(peer.id, &turn)
            try limits.opened(peer.id, link, &turn)
            try PoolChecks.opened(peer.id, &turn)
            turn.note(.spokeNeedsDelivery(peer.id))
        case .closed(let link, let closure):
            if let spoke = try sessions.close(link, closure, &turn) { ended(spoke) }
        case .request(let link, let request, let message):
            guard let spoke = sessions.spoke(of: link) else { return }
            try asked(message, spoke, link, request, &turn)
        case .reply(let link, let request, let message):
            guard let answer = try sessions.answer(request, on: link, message, turn) else { return }
            try answer.route(&checks, &limits, &shares, &turn)
        case .failed(let link, let request, _):
            guard let (errand, spoke) = sessions.fail(request, on: link, turn) else { return }
            if errand == .completedReleases { shares.untold(spoke) }
        }
    }

    /// An event that could not be handled was left out: only its sender pays for it.
    private mutating func faulted(_ fault: PeerFault, _ turn: inout HubTurn) throws {
        try turn.log(
            .error, .eventFailed, try turn.nameOfCause,
            "\(fault.event) of this peer could not be handled and was left out: \(fault.reason)")
        switch fault.origin {
        case .request(let link, let request): turn.refuse(link, request, .invalid, PeerFault.answer)
        case .link(let link): if let spoke = try sessions.drop(link, &turn) { ended(spoke) }
        case .member(let node):
            if let link = sessions.link(of: node), let spoke = try sessions.drop(link, &turn) { ended(spoke) }
        case .join(let join):
            JoinAsker.direct(join).answer(.error(ErrorReply(code: .invalid, text: PeerFault.answer)), &turn)
        }
    }

    private mutating func asked(
        _ message: Message, _ spoke: NodeID, _ link: LinkID, _ request: RequestID, _ turn: inout HubTurn
    ) throws {
        switch message {
        case .fetchMetadata(let fetch): turn.effect(.serveMetadata(link, request, name: fetch.name))
        case .fetchPlan(let ask): try FetchPlans.plan(ask, spoke, link, request, &patches, &turn)
        case .fetchPackage(let fetch): try FetchPlans.serve(fetch, spoke, link, request, &patches, &turn)
        case .replica(let replica): try replicas.reported(replica, spoke, link, request, &turn)
        case .poolChecked(let check): try checks.reported(check, spoke, link, request, &turn)
        case .shares(let said): try shares.said(said, spoke, link, request, &turn)
        case .poolStatus(let status): try Pools.reported(status, spoke, link, request, &turn)
        case .presence(let presence): try Presences.reported(presence, spoke, link, request, &turn)
        case .report(let report): try reports.reported(report, spoke, link, request, &turn)
        case .order(let order): try replicas.orderShown(order, spoke, link, request, &turn)
        case .event(let event): try SpokeEvents.reported(event, spoke, link, request, &turn)
        case .joinBegin, .joinRequest, .renew: try joins.asked(message, .relayed(link, request, spoke: spoke), &turn)
        default: turn.refuse(link, request, .unsupported, "a hub does not answer \(message.name)")
        }
    }

    // MARK: - Commands

    private mutating func run(_ command: HubCommand, _ turn: inout HubTurn) throws -> HubAnswer {
        switch command {
        case .members(let command): try Members.run(command, &turn)
        case .authorities(let command): try Authorities.run(command, &turn)
        case .limitSpoke(let id, let link, let agents): .spoke(try limits.set(id, link: link, agents: agents, &turn))
        case .pools(let command): try Pools.run(command, &turn)
        case .catalog(let command): try catalog.run(command, &pool, &patches, &turn)
        case .rollouts(let command): try Rollouts.run(command, &turn)
        }
    }
}

package import Model
import Protocol
import Storage
package import Trust

/// A spoke's decisions: what it carries between hub and agents, what it holds, whom it serves.
///
/// Synchronous and without IO. One call of `handle` belongs to one transaction of the store, and
/// its effects are executed after the commit: what is acknowledged is on disk. Links, requests and
/// transfers under way are in memory only; all that must outlive a restart is in the store, and
/// every exchange may be repeated without harm.
///
/// The spoke believes nobody by itself: orders and reports are opaque signed bytes to it, and it
/// serves an agent only after the hub has named that agent as its own.
///
/// The core routes events to parts, which alone change their state; docs/adr/0012-parts.md.
package struct SpokeCore {
    private var turn: SpokeTurn
    private var sessions = AgentSessions()
    private var orders = Orders()
    private var rateLimit = AgentRateLimit()
    private var doubts = Doubts()
    private var deliveries = Deliveries()
    private var relays = Relays()
    private var revocations = RevocationWatch()
    private var pool: PoolContents
    private var missing = MissingPackages()
    private var evictions = Evictions()
    private var replicas = Replicas()
    private var plans: Plans
    private var contents = Contents()
    private var shares = MachineShares()
    private var nextTidying = UnixTime.zero
    private var wakeAt: UnixTime?

    /// A core over its store; `random` spreads the retries, and `verifier` checks the reports of
    /// agents whose keys the hub has said. `accepts` names the means beside the published file that
    /// this machine can use; patches and compressed chunks need libzstd.
    package init(
        store: any SpokeStore, poolName: NodeName, verifier: any SignatureVerifier,
        random: any RandomNumberGenerator & Sendable,
        accepts: [TransferMeans] = [.content] + TransferMeans.fromBase
    ) {
        turn = SpokeTurn(store: store, verifier: verifier, random: random)
        pool = PoolContents(firstName: poolName)
        plans = Plans(accepts: accepts)
    }

    /// The agents that are here.
    package var connectedAgents: Set<NodeID> { sessions.connected }

    /// Takes one event and gives back what is to be done after the commit. Throws only what the
    /// store throws; then the transaction is undone and the process must not go on with this core.
    package mutating func handle(_ event: SpokeEvent, at now: UnixTime) throws -> [SpokeEffect] {
        turn.begin(at: now, causedBy: sessions.cause(of: event))
        try route(event)
        turn.blame(nil)
        try settle()
        return turn.end()
    }

    // MARK: - Routing

    private mutating func route(_ event: SpokeEvent) throws {
        switch event {
        case .started(let held, let figures):
            pool.start(held, figures)
            try deliveries.start(turn)
            try rateLimit.start(turn)
            try shares.start(turn)
            try replicas.start(pool, &missing, &turn)
        case .link(let event): try route(event)
        case .faulted(let fault): try faulted(fault)
        case .joinAsked(let join, let message): Relays.join(join, message, &turn)
        case .targetFound(let path, let finding): try replicas.found(path, finding, &pool, plans, &contents, &turn)
        case .transferProgressed(let sha256, let held): try replicas.progressed(sha256, held: held, pool, &turn)
        case .transferEnded(let sha256, let outcome): try replicas.ended(sha256, outcome, &pool, contents, &turn)
        case .pool(let event): try route(event)
        case .confinementMissing(let text): try turn.log(.warning, .confinementMissing, "", text)
        case .unpacked(let sha256, let outcome): try contents.unpacked(sha256, outcome, &pool, replicas, &turn)
        case .evicted(let objects): try pool.evicted(objects, &turn)
        case .verified(let object, let isWhole): try doubts.verified(object, isWhole: isWhole, &turn)
        case .evictionEnded(let sha256, let refusal): try evictions.ended(sha256, refusal, pool, replicas, &turn)
        case .poolChecked(let check): try PoolControl.checked(check, &turn)
        case .packageBrought(let path, let sha256, let length): try replicas.brought(path, sha256, length, &pool, &turn)
        case .bundleRefused(let why): try Replicas.bundleRefused(why, &turn)
        case .revocationsChecked(let link, let request, let signed, let outcome):
            try revocations.checked(outcome, signed: signed, link, request, &sessions, &turn)
        case .agentsRevoked(let agents): try sessions.drop(agents, &turn)
        case .anchorsChecked(let link, let request, let signed, let refusal):
            try SignedLists.anchorsChecked(refusal, signed: signed, link, request, sessions, &turn)
        case .catalogRefreshed(let version): sessions.announceCatalog(version, &turn)
        case .sharesSet(let set): shares.set(set, &turn)
        case .catalogSurveyed(let packages): try shares.surveyed(packages, pool, &turn)
        case .shareTended(let share, let outcome): try shares.tended(share, outcome, &turn)
        case .woke: wakeAt = nil
        }
    }

    private mutating func route(_ event: PoolEvent) throws {
        switch event {
        case .changed(let figures): try pool.changed(figures, replicas, &turn)
        case .placed(let places): try pool.placed(places, replicas, &turn)
        case .moved(let went, let came, let text): try missing.poolsMoved(went, came, text, &pool, replicas, &turn)
        case .drained(let text, let isEmpty): try PoolControl.drained(text, isEmpty: isEmpty, &turn)
        case .damaged(let objects): try Damage.found(objects, &pool, replicas, &turn)
        }
    }

    // MARK: - Links

    private mutating func route(_ event: LinkEvent) throws {
        switch event {
        case .opened(let link, let peer, let hello):
            switch peer.role {
            case .hub: try hubOpened(link)
            case .agent: try sessions.opened(link, peer.id, hello, &turn)
            case .spoke: turn.close(link, .refused, "a spoke serves agents only")
            }
        case .closed(let link, _):
            try endRequests(on: link)
            forget(link)
        case .request(let link, let request, let message):
            if link == turn.hub {
                try hubAsks(message, link, request)
            } else if let agent = sessions.agent(on: link) {
                try agentAsks(message, agent, link, request)
            }
        case .reply(let link, let request, let message):
            guard let asked = turn.requests.take(request, on: link) else { return }
            try answered(asked, message)
        case .failed(let link, let request, _):
            guard let asked = turn.requests.take(request, on: link) else { return }
            turn.requests.tellLater(asked, nil, at: turn.now)
            try failed(asked.errand, isLinkOpen: true)
        }
    }

    /// The state of everything is told anew on every connection, so that neither side must remember
    /// what the other missed.
    private mutating func hubOpened(_ link: LinkID) throws {
        if let old = turn.hub, old != link {
            turn.close(old, .replaced, "a newer session has taken this one's place")
            try endRequests(on: old)
        }
        turn.hubOpened(link)
        deliveries.hubOpened()
        turn.note(.replicasChanged)
        turn.noteHoldings()
        pool.tell(&turn)
        try replicas.tellAll(pool, &turn)
        shares.tell(isAnew: true, &turn)
        sessions.sendPresences(&turn)
    }

    private mutating func forget(_ link: LinkID) {
        if link == turn.hub { turn.hubClosed() }
        sessions.forget(link, &turn)
    }

    private mutating func endRequests(on link: LinkID) throws {
        for asked in turn.requests.takeAll(on: link) { try failed(asked.errand, isLinkOpen: false) }
    }

    /// An event that could not be handled was left out: only its sender pays for it.
    private mutating func faulted(_ fault: PeerFault) throws {
        try turn.log(
            .error, .eventFailed, turn.cause.map { "client/\($0)" } ?? "",
            "\(fault.event) of this peer could not be handled and was left out: \(fault.reason)")
        switch fault.origin {
        case .request(let link, let request): turn.refuse(link, request, .invalid, PeerFault.answer)
        case .link(let link): dropFaulty(link)
        case .member(let node): if let link = sessions.session(of: node)?.link { dropFaulty(link) }
        case .join(let join):
            turn.effect(.answerJoin(join, .error(ErrorReply(code: .invalid, text: PeerFault.answer))))
        }
    }

    private mutating func dropFaulty(_ link: LinkID) {
        turn.close(link, .internalFault, PeerFault.answer)
        forget(link)
    }

    private mutating func hubAsks(_ message: Message, _ link: LinkID, _ request: RequestID) throws {
        switch message {
        case .order(let order): try orders.keep(order, link, request, &turn)
        case .replicate(let wanted): try replicas.want(wanted, link, request, pool, &turn)
        case .setQuota(let setting): try PoolControl.setQuota(setting, link, request, pool, &turn)
        case .setLimit(let setting): try rateLimit.keep(setting, link, request, &turn)
        case .completedReleases(let told): try shares.keep(told, link, request, &turn)
        case .setAccess(let setting): try PoolControl.setAccess(setting, link, request, pool, &turn)
        case .evict(let eviction): try evictions.evict(eviction, link, request, pool, replicas, &turn)
        case .checkPool(let check): try PoolControl.check(check, link, request, pool, &turn)
        case .catalogChanged:
            turn.effect(.refreshCatalog)
            turn.reply(link, request, .ok(OK()))
        case .revocations(let list): turn.effect(.checkRevocations(link, request, signed: list.signed))
        case .anchors(let set): turn.effect(.checkAnchors(link, request, signed: set.signed))
        default:
            turn.refuse(link, request, .unsupported, "a spoke does not answer \(message.name) from its hub")
        }
    }

    private mutating func agentAsks(_ message: Message, _ agent: NodeID, _ link: LinkID, _ request: RequestID) throws {
        guard let open = sessions.session(of: agent), open.link == link, open.isAdopted else {
            return turn.refuse(link, request, .busy, "the hub has not confirmed this agent yet", retryAfter: 2)
        }
        switch message {
        case .report(let report):
            try deliveries.take(report, agent, reportKey: open.reportKey, link, request, pool, &doubts, &turn)
        case .renew(let renew): relays.renew(renew, agent, link, request, &turn)
        case .fetchMetadata(let fetch): turn.effect(.serveMetadata(link, request, name: fetch.name))
        case .fetchPlan(let asked): try Serving.plan(asked, link, request, pool, &missing, &contents, &turn)
        case .fetchPackage(let fetch): try Serving.package(fetch, agent, link, request, pool, &missing, &doubts, &turn)
        default:
            turn.refuse(link, request, .unsupported, "a spoke does not answer \(message.name) from an agent")
        }
    }

    /// The answer to something that the spoke asked.
    private mutating func answered(_ asked: Requests.Request, _ message: Message) throws {
        if case .error(let error) = message, error.code.isRetryable {
            turn.requests.tellLater(asked, error, at: turn.now)
        }
        switch asked.errand {
        case .poolStatus, .poolChecked, .replica, .catalogChanged, .newestOrder, .signedList: break
        case .shares: try shares.answered(message, turn)
        case .presence(let agent): try sessions.presenceAnswered(agent, message, &turn)
        case .report(let agent, let incarnation, let counter):
            try deliveries.reportAnswered(agent, incarnation, counter, message, &turn)
        case .event(let sequence): try deliveries.eventAnswered(sequence, message, &turn)
        case .order(let agent, let action, let kind, let signature):
            try orders.answered(agent, action, kind, signature, message, sessions, &turn)
        case .join(let join): turn.effect(.answerJoin(join, message))
        case .plan(let sha256): try plans.answered(sha256, message, pool, &replicas, &turn)
        case .renewal(let link, let request): relays.renewalAnswered(link, request, message, &turn)
        }
    }

    /// There will be no answer: what is durable is sent again later, and so is a state; over a new
    /// link every state is told anew.
    private mutating func failed(_ errand: Errand, isLinkOpen: Bool) throws {
        switch errand {
        case .plan(let sha256): try plans.unanswered(sha256, isLinkOpen: isLinkOpen, pool, &replicas, &turn)
        case .join(let join): Relays.joinFailed(join, &turn)
        case .report: if isLinkOpen { deliveries.reportFailed(turn) }
        case .event: if isLinkOpen { deliveries.eventFailed(turn) }
        case .order(let agent, _, _, _): if isLinkOpen { orders.failed(agent, sessions, turn) }
        case .renewal(let link, let request): relays.renewalFailed(link, request, &turn)
        case .poolStatus, .poolChecked, .replica, .presence, .catalogChanged, .newestOrder, .signedList, .shares:
            break
        }
    }

    // MARK: - Time

    /// Lets each part act on what has changed, then asks each when it is next due.
    ///
    /// Effects come in the order of the parts. Replicas follow missing packages, whose waits they
    /// leave alone. Contents follow replicas: nothing is unpacked while an attempt is under way.
    /// Deliveries follow the parts that write events, and what is told again comes last. Changes are
    /// for later parts, so one round is enough, but for one that shares act on with the next event.
    private mutating func settle() throws {
        try tidy()
        shares.settle(&turn)
        plans.settle(&turn)
        missing.settle(&turn)
        try replicas.settle(missing, &turn)
        try contents.settle(pool, replicas, &turn)
        shares.takeChanges(&turn)
        try revocations.settle(&turn)
        rateLimit.settle(&turn)
        try deliveries.settle(&turn)
        try orders.settle(sessions, &turn)
        try replicas.retell(pool, &turn)
        let due = [
            shares.nextDue(turn), replicas.nextDue(turn), revocations.nextDue(), rateLimit.nextDue(turn),
            deliveries.nextDue(turn), orders.nextDue(), turn.requests.nextDue(at: turn.now),
        ]
        let next = due.compactMap { $0 }.reduce(nextTidying, min)
        if wakeAt != next { turn.effect(.wake(at: next)) }
        wakeAt = next
    }

    private mutating func tidy() throws {
        // A clock that ran ahead has been set right.
        if nextTidying - turn.now > SpokeLimits.tidying { nextTidying = turn.now + SpokeLimits.tidying }
        guard turn.now >= nextTidying else { return }
        nextTidying = turn.now + SpokeLimits.tidying
        try orders.tidy(turn)
        turn.noteHoldings()
        shares.recheck()
    }

    /// The invariants of the parts that do not hold; none when all is well. The simulation asks
    /// after each call.
    package func invariantViolations() -> [String] {
        turn.invariantViolations() + sessions.invariantViolations() + replicas.attempts.invariantViolations()
    }
}

import Model
import Protocol
import Storage

/// The hub's side: what the spoke tells it, what it asks of the spoke, and what waits to be delivered.
extension SpokeCore {
    /// The state of everything is told anew on every connection, so that neither side must remember what the other missed.
    mutating func hubOpened(_ link: LinkID, at now: UnixTime) throws {
        if let old = hub, old != link {
            close(old, .replaced, "a newer session has taken this one's place")
            try endErrands(on: old, at: now)
        }
        hub = link
        (reportsNotBefore, eventsNotBefore) = (.zero, .zero)
        nextAttempt = .zero
        isKeepingDue = true
        sendPoolStatus()
        try tellInventory()
        tellShares(isAnew: true)
        for (agent, open) in agents.sorted(by: { $0.key < $1.key }) {
            sendPresence(of: agent, isConnected: true, since: open.since)
        }
    }

    /// Shows the newest order and then tells every replica, which the hub compares with what it knows.
    mutating func tellInventory() throws {
        let replicas = try store.replicas()
        try showNewestOrder(before: replicas.reduce(0) { $0 + $1.paths.count })
        for replica in replicas { sendState(of: replica) }
    }

    mutating func hubAsks(_ message: Message, _ link: LinkID, _ request: RequestID, at now: UnixTime) throws {
        switch message {
        case .order(let order):
            guard let kind = UInt8(exactly: order.kind) else {
                return refuse(link, request, .invalid, "order kind \(order.kind) is out of range")
            }
            guard order.expires > now else {
                return refuse(link, request, .expired, "the order expired at \(order.expires)")
            }
            // The hub names the agent as this spoke's by sending its order here.
            try store.addAgent(order.agent)
            try store.keep(
                CarriedOrder(
                    agent: order.agent, action: order.action, kind: kind, expires: order.expires,
                    signed: order.signed))
            try store.set(.newestOrder, to: order.signed)
            ordersDue.insert(order.agent)
            reply(link, request, .ok(OK()))
        case .replicate(let wanted):
            try want(wanted, at: now)
            reply(link, request, .ok(OK()))
        case .setQuota(let setting):
            guard has(setting.pool) else { return refuse(link, request, .notFound, "there is no pool \(setting.pool)") }
            try keepQuota(ByteCount(setting.quota), of: setting.pool)
            effects.append(.setQuota(setting.pool, ByteCount(setting.quota)))
            try retryWaitingReplicas()
            reply(link, request, .ok(OK()))
        case .setLimit(let setting):
            try keep(setting)
            reply(link, request, .ok(OK()))
        case .completedReleases(let told):
            try keep(told)
            reply(link, request, .ok(OK()))
        case .setAccess(let setting):
            guard has(setting.pool) else { return refuse(link, request, .notFound, "there is no pool \(setting.pool)") }
            try keepAccess(setting.access, of: setting.pool)
            effects.append(.setAccess(setting.pool, setting.access))
            try retryWaitingReplicas()
            reply(link, request, .ok(OK()))
        case .evict(let eviction): try evict(eviction, link, request, at: now)
        case .checkPool(let check):
            guard has(check.pool) else { return refuse(link, request, .notFound, "there is no pool \(check.pool)") }
            try beginCheck(check)
            reply(link, request, .ok(OK()))
        case .catalogChanged:
            effects.append(.refreshCatalog)
            reply(link, request, .ok(OK()))
        case .revocations(let list):
            effects.append(.checkRevocations(link, request, signed: list.signed))
        case .anchors(let set):
            effects.append(.checkAnchors(link, request, signed: set.signed))
        default:
            refuse(link, request, .unsupported, "a spoke does not answer \(message.name) from its hub")
        }
    }

    /// The answer to something that the spoke asked.
    mutating func answered(_ asked: Request, _ message: Message, at now: UnixTime) throws {
        if case .error(let error) = message, error.code.isRetryable { tellLater(asked, error, at: now) }
        switch asked.errand {
        case .poolStatus, .poolChecked, .replica, .catalogChanged, .newestOrder, .fleetWord: break
        case .shares: try sharesAnswered(message)
        case .presence(let agent):
            try presenceAnswered(agent, message)
        case .report(let agent, let incarnation, let counter):
            if case .error(let error) = message {
                if error.code.isRetryable {
                    reportsNotBefore = patience(error, at: now)
                    return
                }
                blame(agent)
                try log(
                    .error, .reportRefused, "client/\(agent)", "the hub refused report \(counter): \(error.text)",
                    at: now)
            }
            if let bytes = try store.removeReport(agent: agent, incarnation: incarnation, counter: counter) {
                intake.removed(agent, bytes: bytes)
            }
        case .event(let sequence):
            if case .error(let error) = message, error.code.isRetryable {
                eventsNotBefore = patience(error, at: now)
                return
            }
            try eventsTaken(through: sequence)
        case .order(let agent, let action, let kind, let signature):
            try orderAnswered(agent, action, kind, signature, message, at: now)
        case .join(let join):
            effects.append(.answerJoin(join, message))
        case .plan(let sha256):
            try planned(sha256, message, at: now)
        case .renewal(let link, let request):
            renewing.remove(link)
            reply(link, request, message)
        }
    }

    /// There will be no answer: what is durable is sent again later, and so is a state; over a new link
    /// every state is told anew.
    mutating func failed(_ asked: Request, isLinkOpen: Bool, at now: UnixTime) throws {
        if isLinkOpen { tellLater(asked, nil, at: now) }
        switch asked.errand {
        case .plan(let sha256):
            try planUnanswered(sha256, isLinkOpen: isLinkOpen, at: now)
        case .join(let join):
            let text = "the connection to the hub broke; try again"
            effects.append(.answerJoin(join, .error(ErrorReply(code: .busy, text: text, retryAfterSeconds: 5))))
        case .report:
            if isLinkOpen { reportsNotBefore = patience(nil, at: now) }
        case .event:
            if isLinkOpen { eventsNotBefore = patience(nil, at: now) }
        case .order(let agent, _, _, _):
            if isLinkOpen { postponeOrders(of: agent, until: now + SpokeLimits.deliveryRetry) }
        case .renewal(let link, let request):
            renewing.remove(link)
            refuse(link, request, .busy, "the connection to the hub broke; try again", retryAfter: 30)
        case .poolStatus, .poolChecked, .replica, .presence, .catalogChanged, .newestOrder, .fleetWord, .shares:
            break
        }
    }

    /// When to try again what the hub answered so, or did not answer.
    private func patience(_ error: ErrorReply?, at now: UnixTime) -> UnixTime {
        now + (Self.retryAfter(error) ?? SpokeLimits.deliveryRetry)
    }

    /// How long the peer asked to wait, an hour at most, and a second at least: without any wait it would be asked as
    /// fast as it can answer.
    static func retryAfter(_ error: ErrorReply?) -> Duration? {
        error?.retryAfterSeconds.map { .seconds(Int64(min(max($0, 1), 3600))) }
    }

    /// Sends waiting reports and events to the hub, oldest first; gives the time of the next attempt if it has to wait.
    mutating func pumpDeliveries(at now: UnixTime) throws -> UnixTime? {
        guard let hub else { return nil }
        let waiting = [reportsNotBefore, eventsNotBefore].filter { $0 > now }.min()
        for report in try store.reports(limit: reportsNotBefore > now ? 0 : SpokeLimits.reportsInFlight) {
            let message = ReportMessage(
                agent: report.agent, incarnation: report.incarnation, counter: report.counter, signed: report.signed)
            ask(
                hub, .report(message),
                .report(agent: report.agent, incarnation: report.incarnation, counter: report.counter))
        }
        // One at a time: events are few, and they must arrive in their order.
        if eventsNotBefore <= now, let next = try store.events(limit: 1).first {
            let event = next.event
            let message = EventMessage(
                sequence: next.sequence, time: event.time, severity: event.severity, code: event.code,
                subject: event.subject, text: event.text)
            ask(hub, .event(message), .event(next.sequence))
        }
        return waiting
    }

    /// Shows the hub the order that it gave last; by its own signature the hub sees whether one of the two was put back to an earlier time. Without
    /// bytes it says that there is none. With it goes how many replicas are said next, so that the hub notices one that is known no more.
    private mutating func showNewestOrder(before replicas: Int) throws {
        guard let hub else { return }
        let none = (agent: NodeID(high: 0, low: 0), action: ActionID(high: 0, low: 0))
        let signed = try store.setting(.newestOrder) ?? []
        supersede(.newestOrder)
        ask(
            hub,
            .order(
                OrderMessage(
                    agent: none.agent, action: none.action, kind: 0, expires: .zero, signed: signed,
                    replicas: UInt64(replicas))),
            .newestOrder)
    }

    mutating func changed(_ pool: PoolFigures) throws {
        guard pool != self.pool else { return }
        let before = self.pool.each(first: poolName)
        self.pool = pool
        isKeepingDue = true
        sendPoolStatus(but: before)
        // Where packages are is said from the first moment at which there are several pools.
        guard before.count < pool.pools.count else { return }
        for replica in try store.replicas() where replica.state == .verified { sendState(of: replica) }
    }

    /// Passes an agent's renewal to the hub, which alone decides; both halves are signed, so the spoke can only drop them.
    ///
    /// One for each session at a time, and an agent's own only, so that nobody takes the others' places on the way.
    mutating func relayRenewal(_ renew: Renew, _ agent: NodeID, _ link: LinkID, _ request: RequestID) {
        guard renew.node == agent else {
            return refuse(link, request, .refused, "an agent renews its own certificate only")
        }
        guard renewing.insert(link).inserted else {
            return refuse(link, request, .busy, "a renewal of this agent is on its way already", retryAfter: 30)
        }
        guard let hub else {
            renewing.remove(link)
            return refuse(link, request, .busy, "the hub cannot be reached from here now", retryAfter: 300)
        }
        ask(hub, .renew(renew), .renewal(link, request))
    }

    /// Passes a joining agent's message to the hub, which alone decides; the spoke cannot read or change what is proved.
    mutating func relay(_ message: Message, for join: JoinID) {
        switch message {
        case .joinBegin, .joinRequest, .renew: break
        default:
            let error = ErrorReply(code: .refused, text: "only joining and renewing are possible without a certificate")
            return effects.append(.answerJoin(join, .error(error)))
        }
        guard let hub, joinsUnderWay < SpokeLimits.joins else {
            let text =
                hub == nil ? "the hub cannot be reached from here now; try again" : "too many machines join at once"
            let error = ErrorReply(code: .busy, text: text, retryAfterSeconds: 10)
            return effects.append(.answerJoin(join, .error(error)))
        }
        ask(hub, message, .join(join))
    }
}

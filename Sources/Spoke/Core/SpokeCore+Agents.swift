import Model
import Protocol
import Trust

/// The agents' side: whom the spoke serves, and the orders and reports that it carries.
extension SpokeCore {
    mutating func agentOpened(_ link: LinkID, _ agent: NodeID, _ hello: Hello, at now: UnixTime) throws {
        guard sessionAllowance.take(agent, at: now) else {
            return close(
                link, .busy,
                "this agent opens sessions faster than it may, 30 a minute; it may come back in a minute; if it goes on, look "
                    + "for a second machine with a copy of its state folder")
        }
        if let old = agents[agent] {
            close(old.link, .replaced, "a newer session of this agent has taken this one's place")
            try endErrands(on: old.link, at: now)
            agentOfLink[old.link] = nil
        }
        let known = try store.agent(agent)
        guard known != nil || hub != nil else {
            return close(link, .busy, "this agent is not known here and the hub cannot be asked now; it will try again")
        }
        try notice(hello, of: agent, at: now)
        agents[agent] = AgentLink(link: link, since: now, isAdopted: known != nil, reportKey: known?.reportKey)
        agentOfLink[link] = agent
        sendPresence(of: agent, isConnected: true, since: now)
        if known != nil { try welcome(agent) }
    }

    /// Tells the hub when two processes speak as one agent.
    private mutating func notice(_ hello: Hello, of agent: NodeID, at now: UnixTime) throws {
        guard let instance = hello.instance, !instance.isEmpty else { return }
        let address = hello.address ?? "an unknown address"
        guard let pair = instances[agent, default: InstanceHistory()].takes(instance, from: address, at: now) else {
            return
        }
        try log(
            .error, .machineCloned, "client/\(agent)",
            "two machines speak as this client, from \(pair.one.address) and from \(pair.other.address)", at: now)
    }

    /// The hub's answer to a presence says whether the agent is this spoke's.
    mutating func presenceAnswered(_ agent: NodeID, _ message: Message) throws {
        guard case .error(let error) = message else {
            let key: [UInt8]? = if case .ok(let ok) = message { ok.reportKey } else { nil }
            guard let open = agents[agent] else { return }
            if !open.isAdopted || (key != nil && key != open.reportKey) {
                try store.addAgent(agent, reportKey: key)
                agents[agent]?.reportKey = key ?? open.reportKey
            }
            guard !open.isAdopted else { return }
            agents[agent]?.isAdopted = true
            return try welcome(agent)
        }
        guard !error.code.isRetryable else { return }
        try store.removeAgent(agent)
        instances[agent] = nil
        if let open = agents[agent] { close(open.link, .refused, error.text) }
    }

    mutating func agentAsks(
        _ message: Message, _ agent: NodeID, _ link: LinkID, _ request: RequestID, at now: UnixTime
    ) throws {
        guard let open = agents[agent], open.link == link, open.isAdopted else {
            return refuse(link, request, .busy, "the hub has not confirmed this agent yet", retryAfter: 2)
        }
        switch message {
        case .report(let report): try take(report, agent, open, link, request, at: now)
        case .renew(let renew):
            relayRenewal(renew, agent, link, request)
        case .fetchMetadata(let fetch):
            effects.append(.serveMetadata(link, request, name: fetch.name))
        case .fetchPlan(let asked): try servePlan(asked, link, request, at: now)
        case .fetchPackage(let fetch): try servePackage(fetch, link, request)
        default:
            refuse(link, request, .unsupported, "a spoke does not answer \(message.name) from an agent")
        }
    }

    /// Keeps a report for the hub if it is the agent's own, and if the agent may bring one now.
    private mutating func take(
        _ report: ReportMessage, _ agent: NodeID, _ open: AgentLink, _ link: LinkID, _ request: RequestID,
        at now: UnixTime
    ) throws {
        guard report.agent == agent else {
            try log(
                .error, .attackSeen, "client/\(agent)", "the agent sent a report in the name of \(report.agent)",
                at: now)
            return refuse(link, request, .refused, "a report goes in the agent's own name")
        }
        if let refusal = intake.refusal(of: agent, bytes: report.signed.count, at: now) {
            return refuse(link, request, .busy, refusal.text, retryAfter: refusal.retryAfter)
        }
        let said: Report?
        do throws(RecordError) {
            said = try read(report, open.reportKey)
        } catch {
            try log(.error, .attackSeen, "client/\(agent)", "a report of this agent was refused: \(error)", at: now)
            return refuse(link, request, .refused, "\(error)")
        }
        let isNew = try store.keep(
            CarriedReport(
                agent: agent, incarnation: report.incarnation, counter: report.counter, signed: report.signed))
        if isNew {
            intake.stored(agent, bytes: report.signed.count)
            if said?.attack?.code == .hashMismatch, said?.action == nil { refused(by: agent, at: now) }
        }
        reply(link, request, .ok(OK()))
    }

    /// What a report says. Throws where it is not what the agent signed; without the agent's key that
    /// is for the hub to find out, and a report that cannot be read says nothing here.
    private func read(_ message: ReportMessage, _ key: [UInt8]?) throws(RecordError) -> Report? {
        guard let key else {
            // See above.
            return try? Report.readUnverified(message.signed)
        }
        let report = try Report.open(message.signed, keys: [key], verifier: verifier)
        guard report.agent == message.agent, report.incarnation == message.incarnation,
            report.counter == message.counter
        else { throw RecordError.malformed("report: the header differs from what is signed") }
        return report
    }

    mutating func sendPresence(of agent: NodeID, isConnected: Bool, since: UnixTime) {
        guard let hub else { return }
        supersede(.presence(agent))
        ask(
            hub, .presence(Presence(agent: agent, isConnected: isConnected, since: since)), .presence(agent))
    }

    private mutating func welcome(_ agent: NodeID) throws {
        greet(agent)
        try tellFleetWord(to: agent)
    }

    private mutating func greet(_ agent: NodeID) {
        ordersDue.insert(agent)
        guard let open = agents[agent], let catalogVersion else { return }
        ask(
            open.link, .catalogChanged(CatalogChanged(timestampVersion: catalogVersion)), .catalogChanged(agent))
    }

    /// Tells every agent that there is a newer catalog; each refreshes when it suits.
    mutating func announceCatalog(_ version: UInt64) {
        guard version != catalogVersion else { return }
        catalogVersion = version
        for agent in agents.keys.sorted() where agents[agent]?.isAdopted == true {
            supersede(.catalogChanged(agent))
            greet(agent)
        }
    }

    // MARK: - Orders

    /// Passes on the orders that are due; gives the time of the next attempt where an agent asked for patience.
    mutating func pumpOrders(at now: UnixTime) throws -> UnixTime? {
        var next: UnixTime?
        for agent in ordersDue.sorted() {
            guard let open = agents[agent], open.isAdopted else {
                ordersDue.remove(agent)  // greeted again when it comes back
                continue
            }
            guard now >= open.ordersNotBefore else {
                next = min(next ?? open.ordersNotBefore, open.ordersNotBefore)
                continue
            }
            for order in try store.orders(for: agent) where order.expires > now {
                let message = OrderMessage(
                    agent: agent, action: order.action, kind: UInt64(order.kind), expires: order.expires,
                    signed: order.signed)
                ask(
                    open.link, .order(message),
                    .order(agent: agent, action: order.action, kind: order.kind, signature: Self.signature(order)))
            }
            ordersDue.remove(agent)
        }
        return next
    }

    mutating func postponeOrders(of agent: NodeID, until time: UnixTime) {
        agents[agent]?.ordersNotBefore = time
        ordersDue.insert(agent)
    }

    mutating func orderAnswered(
        _ agent: NodeID, _ action: ActionID, _ kind: UInt8, _ signature: [UInt8], _ message: Message, at now: UnixTime
    ) throws {
        if case .error(let error) = message {
            if error.code.isRetryable {
                return postponeOrders(of: agent, until: now + (Self.retryAfter(error) ?? SpokeLimits.deliveryRetry))
            }
            try log(
                .error, .actionChanged, "action/\(action)", "agent \(agent) refused the order: \(error.text)", at: now)
        }
        let isSame = try store.orders(for: agent).contains {
            $0.action == action && $0.kind == kind && Self.signature($0) == signature
        }
        if isSame { try store.removeOrder(action: action, kind: kind) }
    }

    /// What tells one order from another that replaces it: the end of a COSE_Sign1 message is its signature.
    private static func signature(_ order: CarriedOrder) -> [UInt8] { Array(order.signed.suffix(64)) }
}

import Model
import Protocol

/// The orders that the spoke carries from the hub to its agents.
///
/// The orders are in the store until their agents have acknowledged them. Keeps in memory which
/// agents may have some to be sent, and which of them asked for patience. Takes which agents came.
struct Orders {
    /// Agents that may have orders to be sent.
    private var due: Set<NodeID> = []
    /// Orders pause until then after an agent has asked for patience over its present link.
    private var notBefore: [NodeID: UnixTime] = [:]

    /// Keeps an order of the hub for its agent.
    mutating func keep(_ order: OrderMessage, _ link: LinkID, _ request: RequestID, _ turn: inout SpokeTurn) throws {
        guard let kind = UInt8(exactly: order.kind) else {
            return turn.refuse(link, request, .invalid, "order kind \(order.kind) is out of range")
        }
        guard order.expires > turn.now else {
            return turn.refuse(link, request, .expired, "the order expired at \(order.expires)")
        }
        // The hub names the agent as this spoke's by sending its order here.
        try turn.store.addAgent(order.agent)
        try turn.store.keep(
            CarriedOrder(
                agent: order.agent, action: order.action, kind: kind, expires: order.expires, signed: order.signed))
        try turn.store.set(.newestOrder, to: order.signed)
        due.insert(order.agent)
        turn.reply(link, request, .ok(OK()))
    }

    /// Removes the orders that have expired.
    func tidy(_ turn: SpokeTurn) throws { _ = try turn.store.removeOrders(expiredBefore: turn.now) }

    /// Passes on the orders that are due to the agents that are here.
    mutating func settle(_ sessions: AgentSessions, _ turn: inout SpokeTurn) throws {
        for agent in turn.take({ if case .agentOpened(let agent) = $0 { agent } else { nil } }) {
            notBefore[agent] = nil
        }
        due.formUnion(turn.take { if case .ordersDue(let agent) = $0 { agent } else { nil } })
        for agent in due.sorted() {
            guard let open = sessions.session(of: agent), open.isAdopted else {
                due.remove(agent)  // greeted again when it comes back
                continue
            }
            guard turn.now >= notBefore[agent] ?? .zero else { continue }
            for order in try turn.store.orders(for: agent) where order.expires > turn.now {
                let message = OrderMessage(
                    agent: agent, action: order.action, kind: UInt64(order.kind), expires: order.expires,
                    signed: order.signed)
                turn.ask(
                    open.link, .order(message),
                    .order(agent: agent, action: order.action, kind: order.kind, signature: Self.signature(order)))
            }
            due.remove(agent)
        }
    }

    /// When the first of the agents that asked for patience is due; those that are not here wait
    /// for none.
    func nextDue() -> UnixTime? { due.compactMap { notBefore[$0] }.min() }

    mutating func answered(
        _ agent: NodeID, _ action: ActionID, _ kind: UInt8, _ signature: [UInt8], _ message: Message,
        _ sessions: AgentSessions, _ turn: inout SpokeTurn
    ) throws {
        if case .error(let error) = message {
            if error.code.isRetryable {
                return postpone(agent, until: turn.retryTime(error), sessions)
            }
            try turn.log(
                .error, .actionChanged, "action/\(action)", "agent \(agent) refused the order: \(error.text)")
        }
        let isSame = try turn.store.orders(for: agent).contains {
            $0.action == action && $0.kind == kind && Self.signature($0) == signature
        }
        if isSame { try turn.store.removeOrder(action: action, kind: kind) }
    }

    /// The agent gave no answer, and its link is open.
    mutating func failed(_ agent: NodeID, _ sessions: AgentSessions, _ turn: SpokeTurn) {
        postpone(agent, until: turn.retryTime(nil), sessions)
    }

    private mutating func postpone(_ agent: NodeID, until time: UnixTime, _ sessions: AgentSessions) {
        if sessions.session(of: agent) != nil { notBefore[agent] = time }
        due.insert(agent)
    }

    /// What tells one order from another that replaces it: the end of a COSE_Sign1 message is its
    /// signature.
    private static func signature(_ order: CarriedOrder) -> [UInt8] { Array(order.signed.suffix(64)) }
}

import Model
import Protocol

/// The agents' sessions: who is here over which link, and whether the hub has named it as this
/// spoke's.
///
/// Keeps the open links, the processes that spoke as each agent and how often each opens sessions.
/// Notes which agents came and which may have orders to be sent. An agent is asked nothing whose
/// end another part waits for, so what was asked over a link that ends is only forgotten.
struct AgentSessions {
    /// An agent's open link.
    struct Session {
        let link: LinkID
        let since: UnixTime
        /// Whether the hub has named the agent as this spoke's; until then nothing is served to it.
        fileprivate(set) var isAdopted: Bool
        /// The public key of its reports; nil until the hub has said it.
        fileprivate(set) var reportKey: [UInt8]?
    }

    private var sessions: [NodeID: Session] = [:]
    private var agentOfLink: [LinkID: NodeID] = [:]
    /// The processes that spoke as each agent.
    private var instances: [NodeID: InstanceHistory] = [:]
    /// Sessions that each agent may open.
    private var allowance = PeerAllowance<NodeID>(SpokeLimits.sessions)
    /// The newest catalog that is trusted here.
    private var catalogVersion: UInt64?

    // MARK: - Who is here

    var connected: Set<NodeID> { Set(sessions.keys) }

    /// The agents that the hub has named as this spoke's and that are here, in order, with their
    /// links.
    var adopted: [(agent: NodeID, link: LinkID)] {
        sessions.filter { $0.value.isAdopted }.sorted { $0.key < $1.key }.map { ($0.key, $0.value.link) }
    }

    func session(of agent: NodeID) -> Session? { sessions[agent] }

    func agent(on link: LinkID) -> NodeID? { agentOfLink[link] }

    /// The agent whose input an event is; nil for what the spoke itself or its hub causes.
    func cause(of event: SpokeEvent) -> NodeID? {
        switch event.origin {
        case .link(let link, let peer):
            if let peer { peer.role == .agent ? peer.id : nil } else { agentOfLink[link] }
        case .member(let node): sessions[node] == nil ? nil : node
        case nil: nil
        }
    }

    // MARK: - Coming and going

    mutating func opened(_ link: LinkID, _ agent: NodeID, _ hello: Hello, _ turn: inout SpokeTurn) throws {
        guard allowance.take(agent, at: turn.now) else {
            return turn.close(
                link, .busy,
                "this agent opens sessions faster than it may, 30 a minute; it may come back in a minute; if it goes on, look "
                    + "for a second machine with a copy of its state folder")
        }
        if let old = sessions[agent] {
            turn.close(old.link, .replaced, "a newer session of this agent has taken this one's place")
            _ = turn.requests.takeAll(on: old.link)
            agentOfLink[old.link] = nil
            sessions[agent] = nil
        }
        let known = try turn.store.agent(agent)
        guard known != nil || turn.hub != nil else {
            return turn.close(
                link, .busy, "this agent is not known here and the hub cannot be asked now; it will try again")
        }
        try notice(hello, of: agent, &turn)
        sessions[agent] = Session(
            link: link, since: turn.now, isAdopted: known != nil, reportKey: known?.reportKey)
        agentOfLink[link] = agent
        turn.note(.agentOpened(agent))
        sendPresence(of: agent, isConnected: true, since: turn.now, &turn)
        if known != nil { try welcome(agent, link, &turn) }
    }

    /// Tells the hub when two processes speak as one agent.
    private mutating func notice(_ hello: Hello, of agent: NodeID, _ turn: inout SpokeTurn) throws {
        guard let instance = hello.instance, !instance.isEmpty else { return }
        let address = hello.address ?? "an unknown address"
        guard let pair = instances[agent, default: InstanceHistory()].takes(instance, from: address, at: turn.now)
        else { return }
        try turn.log(
            .error, .machineCloned, "client/\(agent)",
            "two machines speak as this client, from \(pair.one.address) and from \(pair.other.address)")
    }

    /// The agent of a link is no longer here; what it still asks over the link is not heard.
    mutating func forget(_ link: LinkID, _ turn: inout SpokeTurn) {
        guard let agent = agentOfLink.removeValue(forKey: link) else { return }
        guard sessions[agent]?.link == link else { return }
        sessions[agent] = nil
        sendPresence(of: agent, isConnected: false, since: turn.now, &turn)
    }

    /// Forgets agents that are revoked and ends their sessions.
    mutating func drop(_ revoked: Set<NodeID>, _ turn: inout SpokeTurn) throws {
        for agent in revoked.sorted() {
            try turn.store.removeAgent(agent)
            guard let link = sessions[agent]?.link else { continue }
            turn.close(link, .refused, "this certificate has been revoked")
            forget(link, &turn)
        }
    }

    // MARK: - What the hub says of an agent

    /// Tells the hub over a new link which agents are here.
    func sendPresences(_ turn: inout SpokeTurn) {
        for (agent, open) in sessions.sorted(by: { $0.key < $1.key }) {
            sendPresence(of: agent, isConnected: true, since: open.since, &turn)
        }
    }

    private func sendPresence(
        of agent: NodeID, isConnected: Bool, since: UnixTime, _ turn: inout SpokeTurn
    ) {
        turn.tellHub(
            .presence(Presence(agent: agent, isConnected: isConnected, since: since)), .presence(agent))
    }

    /// The hub's answer to a presence says whether the agent is this spoke's.
    mutating func presenceAnswered(_ agent: NodeID, _ message: Message, _ turn: inout SpokeTurn) throws {
        guard case .error(let error) = message else {
            let key: [UInt8]? = if case .ok(let ok) = message { ok.reportKey } else { nil }
            guard let open = sessions[agent] else { return }
            if !open.isAdopted || (key != nil && key != open.reportKey) {
                try turn.store.addAgent(agent, reportKey: key)
                sessions[agent]?.reportKey = key ?? open.reportKey
            }
            guard !open.isAdopted else { return }
            sessions[agent]?.isAdopted = true
            return try welcome(agent, open.link, &turn)
        }
        guard !error.code.isRetryable else { return }
        try turn.store.removeAgent(agent)
        instances[agent] = nil
        if let open = sessions[agent] { turn.close(open.link, .refused, error.text) }
    }

    // MARK: - What an agent is told

    private func welcome(_ agent: NodeID, _ link: LinkID, _ turn: inout SpokeTurn) throws {
        greet(agent, link, &turn)
        try SignedLists.tell(agent, link, &turn)
    }

    private func greet(_ agent: NodeID, _ link: LinkID, _ turn: inout SpokeTurn) {
        turn.note(.ordersDue(agent))
        guard let catalogVersion else { return }
        turn.ask(
            link, .catalogChanged(CatalogChanged(timestampVersion: catalogVersion)), .catalogChanged(agent))
    }

    /// Tells every agent that there is a newer catalog, which each refreshes in its own time, and
    /// the shares that it was looked at.
    mutating func announceCatalog(_ version: UInt64, _ turn: inout SpokeTurn) {
        defer { turn.note(.sharesDue) }
        guard version != catalogVersion else { return }
        catalogVersion = version
        for (agent, link) in adopted {
            turn.requests.supersede(.catalogChanged(agent))
            greet(agent, link, &turn)
        }
    }

    // MARK: - Invariants

    /// The invariants that do not hold; none when all is well.
    func invariantViolations() -> [String] {
        let isInverse =
            sessions.count == agentOfLink.count && sessions.allSatisfy { agentOfLink[$0.value.link] == $0.key }
        return isInverse ? [] : ["sessions and links are not each other's inverse"]
    }
}

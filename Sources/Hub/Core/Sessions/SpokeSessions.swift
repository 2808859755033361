import Model
import Protocol
import Transport

/// The open sessions of spokes, and what each is being asked.
///
/// It turns the steps of a turn into effects, in their order: a request goes out only to a spoke
/// that is connected, is not being asked the same, and has not asked for patience with it. It takes
/// `spokeNeedsDelivery`; the core then delivers what the other parts have for the spokes that it
/// names as ready.
struct SpokeSessions: HubPart {
    /// An open session of a spoke.
    private struct Session {
        let spoke: NodeID
        var errands: [RequestID: SpokeErrand] = [:]
        var underWay: Set<SpokeErrand> = []
        /// Deliveries pause until then after the spoke has not answered at all.
        var notBefore = UnixTime.distantPast
        /// What is not asked again before its time: the spoke asked for patience, or refused it.
        /// Everything else goes on.
        var held: [SpokeErrand: UnixTime] = [:]
    }

    private var sessions: [LinkID: Session] = [:]
    private var linkOf: [NodeID: LinkID] = [:]
    /// Sessions that each member may open.
    private var allowance = PeerAllowance<NodeID>(HubLimits.sessions)
    /// Spokes to which something may have to be sent.
    private var waiting: Set<NodeID> = []
    private var lastRequest: UInt64 = 0

    /// The link of a spoke that is connected.
    func link(of spoke: NodeID) -> LinkID? { linkOf[spoke] }

    /// Whose session a link is.
    func spoke(of link: LinkID) -> NodeID? { sessions[link]?.spoke }

    // MARK: - Opening and closing

    /// The hub starts: nobody is connected.
    static func start(_ turn: HubTurn) throws {
        try turn.store.disconnectAllSpokes()
        try turn.store.disconnectClients(of: nil, at: turn.now)
    }

    /// Bytes have passed over a link.
    func used(_ link: LinkID, sent: UInt64, received: UInt64, _ turn: HubTurn) throws {
        guard let spoke = spoke(of: link) else { return }
        try turn.store.addTraffic(of: spoke, sent: ByteCount(sent), received: ByteCount(received))
    }

    /// Opens a session, or refuses it; whether it is open.
    mutating func open(_ link: LinkID, _ peer: PeerIdentity, _ hello: Hello, _ turn: inout HubTurn) throws -> Bool {
        guard peer.role == .spoke, peer.fleet == turn.configuration.fleet, var spoke = try turn.store.spoke(peer.id),
            spoke.revoked == nil
        else {
            try turn.log(.warning, .peerRefused, "\(peer.role.name)/\(peer.id)", "not a spoke of this hub")
            turn.effect(.link(.close(link, .refused, "not a spoke of this hub, or revoked")))
            return false
        }
        guard allowance.take(peer.id, at: turn.now) else {
            try turn.log(
                .warning, .peerRefused, "spoke/\(spoke.name)",
                "\(spoke.name) opens sessions faster than it may, 30 a minute, and has to wait; if it goes on, check its link, and "
                    + "that no second machine has a copy of its state folder")
            turn.effect(
                .link(
                    .close(
                        link, .busy,
                        "this spoke opens sessions faster than it may, 30 a minute; it may come back in a minute; if it goes on, look for a "
                            + "second machine with a copy of its state folder")))
            return false
        }
        if let old = linkOf[peer.id] {
            sessions[old] = nil
            turn.effect(.link(.close(old, .replaced, "a newer session has taken this one's place")))
        }
        sessions[link] = Session(spoke: peer.id)
        linkOf[peer.id] = link
        spoke.isConnected = true
        spoke.since = turn.now
        spoke.program = Event.singleLine(hello.program, limit: 64)
        try turn.store.updateSpoke(spoke)
        try turn.log(.info, .spokeConnected, "spoke/\(spoke.name)", "\(spoke.name) has connected")
        let error = hello.time - turn.now
        if error > HubLimits.clockError || error < .zero - HubLimits.clockError {
            try turn.log(
                .warning, .clockWrong, "spoke/\(spoke.name)",
                "the clock of \(spoke.name) shows \(hello.time), the hub's \(turn.now)")
        }
        return true
    }

    /// A session is over; gives whose it was.
    mutating func close(_ link: LinkID, _ closure: LinkClosure, _ turn: inout HubTurn) throws -> NodeID? {
        guard let id = end(link) else { return nil }
        guard let spoke = try disconnect(id, turn) else { return id }
        try turn.log(
            .notice, .spokeDisconnected, "spoke/\(spoke.name)",
            "\(spoke.name) is no longer connected: \(closure.text)")
        return id
    }

    /// Ends the session of a peer whose event could not be handled; gives whose it was.
    mutating func drop(_ link: LinkID, _ turn: inout HubTurn) throws -> NodeID? {
        turn.effect(.link(.close(link, .internalFault, PeerFault.answer)))
        guard let id = end(link) else { return nil }
        _ = try disconnect(id, turn)
        return id
    }

    /// Forgets a session.
    private mutating func end(_ link: LinkID) -> NodeID? {
        guard let spoke = sessions.removeValue(forKey: link)?.spoke, linkOf[spoke] == link else { return nil }
        linkOf[spoke] = nil
        return spoke
    }

    /// Writes down that a spoke and its clients are away.
    private func disconnect(_ id: NodeID, _ turn: HubTurn) throws -> SpokeRecord? {
        guard var spoke = try turn.store.spoke(id) else { return nil }
        (spoke.isConnected, spoke.since) = (false, turn.now)
        try turn.store.updateSpoke(spoke)
        try turn.store.disconnectClients(of: id, at: turn.now)
        return spoke
    }

    // MARK: - Asking

    /// Turns the steps of the turn into effects; gives the spokes whose sessions it ended.
    mutating func carryOut(_ turn: inout HubTurn) -> [NodeID] {
        var ended: [NodeID] = []
        for step in turn.takeSteps() {
            switch step {
            case .effect(let effect): turn.carryOut(effect)
            case .ask(let spoke, let message, let errand):
                if let link = linkOf[spoke] { ask(link, message, errand, &turn) }
            case .askAll(let message, let errand, let delivers):
                for (link, session) in sessions.sorted(by: { $0.key < $1.key }) {
                    ask(link, message, errand, &turn)
                    if delivers { waiting.insert(session.spoke) }
                }
            case .hold(let spoke, let errand, let until): hold(errand, of: spoke, until: until)
            case .close(let spoke, let text):
                guard let link = linkOf[spoke] else { continue }
                _ = end(link)
                ended.append(spoke)
                turn.carryOut(.link(.close(link, .refused, text)))
            }
        }
        return ended
    }

    /// Asks a spoke, unless the same errand is under way already, or must wait. Of revocation lists
    /// one is under way: the newest follows its answer, so that many revocations in a row are not
    /// as many lists on the way.
    private mutating func ask(_ link: LinkID, _ message: Message, _ errand: SpokeErrand, _ turn: inout HubTurn) {
        guard let session = sessions[link], session.held[errand] == nil,
            !errand.isRevocations || !session.underWay.contains(where: \.isRevocations),
            sessions[link]?.underWay.insert(errand).inserted == true
        else { return }
        lastRequest += 1
        let request = RequestID(lastRequest)
        sessions[link]?.errands[request] = errand
        turn.carryOut(.link(.request(link, request, message, .control)))
    }

    /// The answer to a request; nil where it is none of this session's.
    ///
    /// What the spoke asked for patience with is done again by itself, but for a check of a pool:
    /// that is asked for once.
    mutating func answer(
        _ request: RequestID, on link: LinkID, _ message: Message, _ turn: HubTurn
    ) throws -> SpokeAnswer? {
        guard let (errand, spoke) = take(request, on: link) else { return nil }
        guard case .error(let error) = message else {
            return SpokeAnswer(spoke: spoke, errand: errand, error: nil, isPostponed: false)
        }
        var isPostponed = try error.code.isRetryable || Actions.isEarly(error, errand, turn)
        if case .checkPool = errand { isPostponed = false }
        if isPostponed {
            hold(errand, of: spoke, until: turn.now + (error.retryAfter ?? HubLimits.deliveryRetry))
        }
        return SpokeAnswer(spoke: spoke, errand: errand, error: error, isPostponed: isPostponed)
    }

    /// A request gets no answer; gives what it was for. All deliveries to the spoke pause, and go
    /// on by themselves. What is told on connect is in no outbox: it is told again.
    mutating func fail(_ request: RequestID, on link: LinkID, _ turn: HubTurn) -> (SpokeErrand, NodeID)? {
        guard let (errand, spoke) = take(request, on: link) else { return nil }
        let time = turn.now + HubLimits.deliveryRetry
        sessions[link]?.notBefore = time
        waiting.insert(spoke)
        if errand.isGreeting { hold(errand, of: spoke, until: time) }
        return (errand, spoke)
    }

    private mutating func take(_ request: RequestID, on link: LinkID) -> (errand: SpokeErrand, spoke: NodeID)? {
        guard let spoke = sessions[link]?.spoke, let errand = sessions[link]?.errands.removeValue(forKey: request)
        else { return nil }
        sessions[link]?.underWay.remove(errand)
        return (errand, spoke)
    }

    /// Leaves one errand alone for a while.
    private mutating func hold(_ errand: SpokeErrand, of spoke: NodeID, until time: UnixTime) {
        guard let link = linkOf[spoke] else { return }
        sessions[link]?.held[errand] = time
        // Another one may take its place on the way.
        waiting.insert(spoke)
    }

    // MARK: - The end of a turn

    mutating func settle(_ turn: inout HubTurn) throws {
        takeDeliveries(&turn)
        try releaseHeld(&turn)
    }

    private mutating func takeDeliveries(_ turn: inout HubTurn) {
        let spokes = turn.take { change in
            if case .spokeNeedsDelivery(let spoke) = change { spoke } else { nil }
        }
        waiting.formUnion(spokes)
    }

    /// Lets go what has waited long enough.
    private mutating func releaseHeld(_ turn: inout HubTurn) throws {
        for (link, session) in sessions.filter({ !$0.value.held.isEmpty }).sorted(by: { $0.key < $1.key }) {
            let due = session.held.filter { $0.value <= turn.now }.keys
            guard !due.isEmpty else { continue }
            for errand in due { sessions[link]?.held[errand] = nil }
            waiting.insert(session.spoke)
            if due.contains(where: \.isGreeting) { try Greeting.greet(session.spoke, &turn) }
        }
    }

    /// The spokes to deliver to now: those that have something, are connected and are not paused.
    /// Nothing is kept for one that is away: it is greeted when it comes back.
    mutating func takeReady(_ turn: HubTurn) -> [SpokeDelivery] {
        var ready: [SpokeDelivery] = []
        for spoke in waiting.sorted() {
            guard let link = linkOf[spoke], let session = sessions[link] else {
                waiting.remove(spoke)
                continue
            }
            guard session.notBefore <= turn.now else { continue }
            waiting.remove(spoke)
            ready.append(SpokeDelivery(to: spoke, held: Set(session.held.keys), underWay: session.underWay))
        }
        return ready
    }

    func nextDue(_ turn: HubTurn) throws -> UnixTime? {
        let released = sessions.values.compactMap { $0.held.values.min() }.min()
        let resumed = waiting.compactMap { linkOf[$0].flatMap { sessions[$0]?.notBefore } }.filter { $0 > turn.now }
            .min()
        return [released, resumed].compactMap { $0 }.min()
    }

    func invariantViolation(_ store: any HubStore, _ configuration: HubConfiguration) throws -> String? {
        guard sessions.count == linkOf.count else { return "\(sessions.count) sessions of \(linkOf.count) spokes" }
        for (spoke, link) in linkOf {
            guard let session = sessions[link], session.spoke == spoke else {
                return "the session of spoke \(spoke) is not the spoke's"
            }
            guard Set(session.errands.values) == session.underWay, session.errands.count == session.underWay.count
            else { return "what is under way to spoke \(spoke) is not what was asked" }
            guard let record = try store.spoke(spoke), record.isConnected, record.revoked == nil else {
                return "spoke \(spoke) has a session and counts as away or revoked"
            }
        }
        return nil
    }
}

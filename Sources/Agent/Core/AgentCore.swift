package import Model
internal import Protocol

/// What an agent decides: which orders it obeys, when it downloads and installs, how it goes back,
/// and what it reports.
///
/// A value without IO: events and the machine's time come in, effects go out. Call `handle` inside
/// one transaction of the store and execute the effects only when that is durable; then what was
/// acknowledged is on disk and every step is journalled before it is done. After a restart the core
/// is made anew over the same store and continues from the journal. It throws only when the store
/// fails; then nothing has happened.
///
/// The core itself is the clock, the routing of events, and the end of a turn. What is decided is
/// in its parts, each with memory of its own that no other part sees.
package struct AgentCore {
    private let identity: Identity
    private let store: any AgentStore
    private let cryptography: AgentCryptography
    private var random: any RandomNumberGenerator & Sendable
    private var clock = AgentClock()
    private var uplink = Uplink()
    private var attacks = AttackBudget()

    private var orders = Orders()
    private var actions = Actions()
    private var reports = Reports()
    private var facts = FactReports()

    package init(
        identity: Identity, store: any AgentStore, cryptography: AgentCryptography,
        random: any RandomNumberGenerator & Sendable
    ) {
        self.identity = identity
        self.store = store
        self.cryptography = cryptography
        self.random = random
    }

    // MARK: Entry

    /// A fresh signed time has set the believed time back, to `machine`: the machine's clock ran
    /// ahead, or the signer's did. What was put off by the wrong time is looked at again. In the
    /// transaction of the next event.
    package mutating func clockWasSetRight(at machine: UnixTime) throws {
        clock = AgentClock()
        if let floor = try store.signedTimeFloor(), floor > machine { try store.setSignedTimeFloor(machine) }
        reports.sendNow()
        facts.reportNow(at: machine)
        try Actions.clockWasSetRight(at: machine, store)
    }

    /// Takes one event at a time of the machine's clock; gives what is to be done once the store's
    /// transaction is durable.
    ///
    /// `latestSigned` is the latest time that an order is believed to be signed at; nil where no
    /// fresh signed time has come.
    package mutating func handle(
        _ event: AgentEvent, at machine: UnixTime, latestSigned: UnixTime? = nil
    ) throws -> [AgentEffect] {
        var next = self
        let effects = try next.perform(event, at: machine, latestSigned: latestSigned)
        self = next
        return effects
    }

    private mutating func perform(
        _ event: AgentEvent, at machine: UnixTime, latestSigned: UnixTime?
    ) throws -> [AgentEffect] {
        var turn = try AgentTurn(
            store: store, identity: identity, cryptography: cryptography, machine: machine, latestSigned: latestSigned,
            clock: clock, uplink: uplink, attacks: attacks, random: random)
        try react(to: event, &turn)
        try settle(&turn)
        (clock, uplink, attacks, random) = (turn.clock, turn.uplink, turn.attacks, turn.random)
        return turn.effects
    }

    // MARK: The end of a turn

    /// Does what can be done now, and asks to be woken when the next thing is due.
    ///
    /// The order: an action that moves on queues reports, and one that ends changes the facts.
    /// Reports are sent next; the report of the facts comes with a later event.
    private mutating func settle(_ turn: inout AgentTurn) throws {
        try actions.settle(&turn)
        try reports.settle(&turn)
        try facts.settle(&turn)
        assert(!turn.hasChanges, "a change that no part has taken")
        let parts: [any AgentPart] = [actions, reports, facts]
        guard let earliest = try parts.compactMap({ try $0.nextDue(turn) }).min() else { return }
        turn.effect(.wake(at: max(earliest, turn.machine + .milliseconds(1))))
    }

    // MARK: Events

    private mutating func react(to event: AgentEvent, _ turn: inout AgentTurn) throws {
        switch event {
        case .started(let start): try started(start, &turn)
        case .link(let event): try react(to: event, &turn)
        case .faulted(let fault): faulted(fault, &turn)
        case .wake: break
        case .facts(.report, let facts): try self.facts.gathered(facts, &turn)
        case .facts(.action(let action), let facts): try actions.gathered(facts, for: action, &turn)
        case .targetChecked(let action, let check): try actions.checked(check, of: action, &turn)
        case .downloaded(let action, let outcome): try actions.downloaded(outcome, of: action, &turn)
        case .performed(let action, let step, let outcome): try actions.performed(outcome, of: step, action, &turn)
        }
    }

    private mutating func started(_ start: AgentStart, _ turn: inout AgentTurn) throws {
        try actions.start(start, &turn)
        turn.note(.factsDue)
        var notes = start.leftAlone.map { Note(.storeNewer, $0) }
        if let text = start.confinementLack { notes.append(Note(.confinementMissing, text)) }
        if !notes.isEmpty { try turn.queueReport(notes: notes) }
    }

    /// An event of the spoke could not be handled and was left out; what it asked is answered.
    private mutating func faulted(_ fault: PeerFault, _ turn: inout AgentTurn) {
        switch fault.origin {
        case .request(let link, let request):
            turn.effect(.link(.reply(link, request, .error(ErrorReply(code: .invalid, text: PeerFault.answer)))))
        case .link(let link):
            turn.effect(.link(.close(link, .internalFault, PeerFault.answer)))
            turn.uplink.close(link)
        case .member, .join: break  // an agent has no members, and takes no joins
        }
    }

    private mutating func react(to event: LinkEvent, _ turn: inout AgentTurn) throws {
        switch event {
        case .opened(let link, let peer, let hello): try opened(link, peer, hello, &turn)
        case .closed(let link, _): turn.uplink.close(link)
        case .request(let link, let request, let message):
            guard link == turn.uplink.link else { return }
            try asked(message, link, request, &turn)
        case .reply(let link, let request, let message):
            guard let report = turn.uplink.take(request, on: link) else { return }
            try reports.answered(report, message, &turn)
        case .failed(let link, let request, _):
            guard turn.uplink.take(request, on: link) != nil else { return }
            reports.failed(retryAfter: nil, &turn)
        }
    }

    private mutating func opened(
        _ link: LinkID, _ peer: PeerIdentity, _ hello: Hello, _ turn: inout AgentTurn
    ) throws {
        guard peer.role == .spoke, peer.fleet == identity.fleet else {
            return turn.effect(.link(.close(link, .refused, "an agent talks to a spoke of its own fleet")))
        }
        if let old = turn.uplink.open(link) {
            turn.effect(.link(.close(old, .replaced, "a newer link was opened")))
        }
        turn.attacks.renew()
        orders.opened(peerAhead: hello.time - turn.machine)
        reports.opened()
        turn.note(.factsDue)
        try Actions.opened(&turn)
    }

    /// A request of the spoke.
    private mutating func asked(
        _ message: Message, _ link: LinkID, _ request: RequestID, _ turn: inout AgentTurn
    ) throws {
        switch message {
        case .revocations, .anchors: turn.effect(.takeFleetWord(link, request, message))
        case .order(let order):
            let answer = try orders.received(order, &turn)
            turn.effect(.link(.reply(link, request, answer)))
        case .catalogChanged: turn.effect(.link(.reply(link, request, .ok(OK()))))
        default:
            let error = ErrorReply(code: .unsupported, text: "an agent does not answer \(message.name)")
            turn.effect(.link(.reply(link, request, .error(error))))
        }
    }
}

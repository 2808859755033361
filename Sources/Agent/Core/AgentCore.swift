package import Model
internal import Protocol
internal import Rollout
package import Trust

/// What an agent decides: which orders it obeys, when it downloads and installs, how it goes back, and what it reports.
///
/// A value without IO: events and the machine's time come in, effects go out. Call `handle` inside one transaction of the store and do the effects
/// only when that is durable; then what was acknowledged is on disk and every step is journalled before it is done. After a restart the core is made
/// anew over the same store and goes on from the journal. It throws only when the store fails; then nothing has happened.
///
/// Several actions may be open at once; one is downloaded and one is installed at a time, in the order of the hub's sequence.
package struct AgentCore {
    /// Who the agent is and whom it obeys; does not change while it runs.
    package struct Identity: Sendable {
        package var id: NodeID
        package var fleet: FleetName
        /// The hub's key for orders, as DER of its SubjectPublicKeyInfo.
        package var orderKey: [UInt8]
        /// The product that is the agent itself.
        package var selfProduct: ProductName?
        /// Whose second signature the machine's owner asks for.
        package var operators: OperatorPolicy

        package init(
            id: NodeID, fleet: FleetName, orderKey: [UInt8], selfProduct: ProductName?,
            operators: OperatorPolicy = OperatorPolicy()
        ) {
            self.id = id
            self.fleet = fleet
            self.orderKey = orderKey
            self.selfProduct = selfProduct
            self.operators = operators
        }
    }

    /// What a check of an action's package has come to.
    enum Check {
        case askingTargets
        case gatheringFacts(lineFloor: Floor?)
        /// Accepted when the order came; not asked again before the install.
        case accepted
    }

    static let factsInterval: Duration = .seconds(900)
    /// Facts are reported at least so often, changed or not: a silence that is longer means that somebody withholds.
    static let heartbeat: Duration = .seconds(6 * 3600)
    static let transferRetry = RetryPolicy.transfer
    static let hookRetry = RetryPolicy(first: .seconds(60), longest: .seconds(900), attempts: 12)
    static let stepAttempts = 3

    let identity: Identity
    let store: any AgentStore
    let verifier: any SignatureVerifier
    let signer: any RecordSigner & Sendable
    var random: any RandomNumberGenerator & Sendable

    var clock = AgentClock()
    /// The machine's time and the believed time of the event at hand.
    var machineNow = UnixTime.zero
    var now = UnixTime.zero
    var effects: [AgentEffect] = []

    var start = AgentStart()
    var link: LinkID?
    var nextRequest: UInt64 = 1
    /// The report that the spoke is being asked to store.
    var sending: (request: RequestID, number: ReportNumber)?
    var sendNotBefore = UnixTime.distantPast
    var sendFailures = 0
    /// Whether a report was acknowledged since the process started.
    var isConfirmed = false
    /// A bad order was reported on this link already.
    var attackReported = false
    /// What the spoke's clock is ahead of the believed time by, as its greeting said; a hint, never believed.
    var peerAhead = Duration.zero
    /// Orders that were put off on this link since clocks differ.
    var ordersPutOff = 0
    /// The latest time that an order is believed to be signed at; nil where no fresh signed time has come.
    package var latestSigned: UnixTime?
    /// Refusals of bytes that were reported on this link.
    var refusalsReported = 0
    /// An order that was not above the highest one was reported on this link already.
    var staleReported = false
    var checks: [ActionID: Check] = [:]
    var downloading: ActionID?
    var performing: (action: ActionID, step: InstallStep)?
    /// The steps that were journalled before this process started.
    var stepsAtStart: [ActionID: InstallStep] = [:]
    /// Actions on the agent itself whose health command was content; they wait for the trial's end.
    var verified: Set<ActionID> = []
    var factsAsked = false
    var factsDue = UnixTime.distantFuture

    package init(
        identity: Identity, store: any AgentStore, verifier: any SignatureVerifier, signer: any RecordSigner & Sendable,
        random: any RandomNumberGenerator & Sendable
    ) {
        self.identity = identity
        self.store = store
        self.verifier = verifier
        self.signer = signer
        self.random = random
    }

    /// A fresh signed time has set the believed time back, to `machine`: the machine's clock ran ahead, or the
    /// signer's did. What was put off by the wrong time is looked at again. In the transaction of the
    /// next event.
    package mutating func clockWasSetRight(at machine: UnixTime) throws {
        clock = AgentClock()
        if let floor = try store.signedTimeFloor(), floor > machine { try store.setSignedTimeFloor(machine) }
        sendNotBefore = .distantPast
        factsDue = machine
        for var record in try store.openActions() where record.notBefore > machine {
            record.notBefore = .distantPast
            try store.save(record)
        }
    }

    /// Takes one event at a time of the machine's clock; gives what is to be done once the store's transaction is durable.
    package mutating func handle(_ event: AgentEvent, at machine: UnixTime) throws -> [AgentEffect] {
        effects = []
        if let floor = try store.signedTimeFloor() { clock.observe(floor, machine: machine) }
        machineNow = machine
        now = clock.time(machine: machine)
        switch event {
        case .started(let start): try started(start)
        case .link(let event): try handle(event)
        case .faulted(let fault): faulted(fault)
        case .wake: break
        case .facts(let purpose, let facts): try handle(facts, for: purpose)
        case .targetChecked(let action, let check): try handle(check, of: action)
        case .downloaded(let action, let outcome): try handle(outcome, of: action)
        case .performed(let action, let step, let outcome): try handle(outcome, of: step, action)
        }
        try advance()
        return effects
    }

    // MARK: Start and link

    private mutating func started(_ start: AgentStart) throws {
        self.start = start
        checks = [:]
        downloading = nil
        performing = nil
        verified = []
        isConfirmed = !start.isOnTrial
        stepsAtStart = [:]
        for var record in try store.openActions() where record.step != nil {
            stepsAtStart[record.id] = record.step
            // Whatever was waited for, a start is a reason to look again.
            record.notBefore = .distantPast
            try store.save(record)
        }
        factsDue = machineNow
        var notes = start.leftAlone.map { Note(.storeNewer, $0) }
        if let text = start.confinementLack { notes.append(Note(.confinementMissing, text)) }
        if !notes.isEmpty { try queueReport(notes: notes) }
    }

    /// An event of the spoke could not be handled and was left out; what it asked is answered.
    private mutating func faulted(_ fault: PeerFault) {
        switch fault.origin {
        case .request(let from, let request):
            effects.append(.link(.reply(from, request, .error(ErrorReply(code: .invalid, text: PeerFault.answer)))))
        case .link(let from):
            effects.append(.link(.close(from, .internalFault, PeerFault.answer)))
            guard from == link else { return }
            link = nil
            sending = nil
        case .member, .join: break  // an agent has no members, and takes no joins
        }
    }

    private mutating func handle(_ event: LinkEvent) throws {
        switch event {
        case .opened(let opened, let peer, let hello):
            guard peer.role == .spoke, peer.fleet == identity.fleet else {
                return effects.append(.link(.close(opened, .refused, "an agent talks to a spoke of its own fleet")))
            }
            if let old = link, old != opened {
                effects.append(.link(.close(old, .replaced, "a newer link was opened")))
            }
            link = opened
            sending = nil
            sendNotBefore = .distantPast
            sendFailures = 0
            attackReported = false
            refusalsReported = 0
            peerAhead = hello.time - machineNow
            ordersPutOff = 0
            staleReported = false
            factsDue = machineNow
            try retryNow()
        case .closed(let closed, _):
            guard closed == link else { return }
            link = nil
            sending = nil
        case .request(let from, let request, let message):
            guard from == link else { return }
            switch message {
            case .revocations, .anchors: effects.append(.takeFleetWord(from, request, message))
            default: effects.append(.link(.reply(from, request, try answer(message))))
            }
        case .reply(let from, let request, let message):
            guard from == link, let sent = sending, sent.request == request else { return }
            try reportAnswered(sent.number, message)
        case .failed(let from, let request, _):
            guard from == link, sending?.request == request else { return }
            reportFailed(after: nil)
        }
    }

    /// A new link is a reason not to wait for a retry.
    private mutating func retryNow() throws {
        for var record in try store.openActions() where record.notBefore > machineNow {
            guard record.state == .offered || record.state == .downloading else { continue }
            record.notBefore = machineNow
            try store.save(record)
        }
    }

    /// The answer to a request of the spoke.
    private mutating func answer(_ message: Message) throws -> Message {
        switch message {
        case .order(let order): return try receive(order)
        case .catalogChanged: return .ok(OK())
        default:
            return .error(ErrorReply(code: .unsupported, text: "an agent does not answer \(message.name)"))
        }
    }

    // MARK: Going on

    /// Does for every open action what can be done now, and asks for a wake when something waits for time.
    private mutating func advance() throws {
        var wake: UnixTime?
        func earliest(_ time: UnixTime) { wake = min(wake ?? time, time) }
        for record in try store.openActions() {
            do {
                if let time = try advance(record) { earliest(clock.machine(time)) }
            } catch let error as AgentError where error.code == .storeDamaged {
                // One record that cannot be understood does not hold up the others.
                effects.append(.log(.error, "action \(record.id) cannot go on: \(error.message)"))
            }
        }
        if let time = try sendReports() { earliest(time) }
        if let time = try askForFacts() { earliest(time) }
        if let wake { effects.append(.wake(at: max(wake, machineNow + .milliseconds(1)))) }
    }

    /// Asks for facts to report when that is due; else gives the machine's time at which it is.
    private mutating func askForFacts() throws -> UnixTime? {
        guard link != nil, !factsAsked else { return nil }
        guard factsDue <= machineNow else { return factsDue }
        factsAsked = true
        effects.append(.gatherFacts(.report, nil, try known()))
        return nil
    }

    /// What only the store knows of the machine.
    func known() throws -> FactsGatherer.Known {
        FactsGatherer.Known(locked: try store.locked(), rejected: try store.rejected())
    }
}

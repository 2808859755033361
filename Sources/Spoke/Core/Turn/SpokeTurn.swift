import Model
import Protocol
import Trust

/// What one call of the core works with, handed to every part: the store, the time, the effects so
/// far in their order, and what the parts tell each other.
///
/// It also has the services that every part needs: the ledger of requests, the link to the hub and
/// the event log. The core keeps it from call to call for their sake.
struct SpokeTurn {
    let store: any SpokeStore
    let verifier: any SignatureVerifier
    private(set) var now = UnixTime.zero
    /// The open link to the hub.
    private(set) var hub: LinkID?
    var requests = Requests()
    private var log = EventLog()
    private var random: any RandomNumberGenerator & Sendable
    private var effects: [SpokeEffect] = []
    private var changes: Set<SpokeChange> = []

    init(store: any SpokeStore, verifier: any SignatureVerifier, random: any RandomNumberGenerator & Sendable) {
        self.store = store
        self.verifier = verifier
        self.random = random
    }

    // MARK: - Begin and end

    /// Begins a call of the core. `cause` is the agent whose input it is.
    mutating func begin(at now: UnixTime, causedBy cause: NodeID?) {
        self.now = now
        log.blame(cause)
        // What a call that failed has left.
        effects = []
        changes = []
    }

    /// Ends the call and gives its effects. Every change has been taken by now, see
    /// `invariantViolations`.
    mutating func end() -> [SpokeEffect] {
        defer { effects = [] }
        return effects
    }

    mutating func effect(_ effect: SpokeEffect) { effects.append(effect) }

    // MARK: - Changes

    mutating func note(_ change: SpokeChange) { changes.insert(change) }

    /// What the pool holds or what is verified has changed, which matters to contents and shares.
    mutating func noteHoldings() {
        note(.contentsDue)
        note(.sharesDue)
    }

    /// Takes a change; whether it was noted.
    mutating func take(_ change: SpokeChange) -> Bool { changes.remove(change) != nil }

    /// Takes the changes for which `subject` gives something, in no order.
    mutating func take<Subject>(_ subject: (SpokeChange) -> Subject?) -> [Subject] {
        guard !changes.isEmpty else { return [] }
        var subjects: [Subject] = []
        for change in changes {
            guard let found = subject(change) else { continue }
            subjects.append(found)
            changes.remove(change)
        }
        return subjects
    }

    // MARK: - The hub

    mutating func hubOpened(_ link: LinkID) { hub = link }
    mutating func hubClosed() { hub = nil }

    /// Tells the hub a state in place of an older one of the same subject; nothing while it is
    /// away.
    mutating func tellHub(_ message: Message, _ errand: Errand) {
        guard let hub else { return }
        tell(hub, message, errand)
    }

    // MARK: - Sending

    /// Asks a peer, unless the same errand is under way already. `failures` counts how often
    /// telling this state has failed.
    mutating func ask(_ link: LinkID, _ message: Message, _ errand: Errand, failures: Int = 0) {
        guard let request = requests.open(link, message, errand, failures: failures) else { return }
        effect(.link(.request(link, request, message, .control)))
    }

    /// Tells a peer a state in place of an older one of the same subject.
    mutating func tell(_ link: LinkID, _ message: Message, _ errand: Errand) {
        requests.supersede(errand)
        ask(link, message, errand)
    }

    mutating func reply(_ link: LinkID, _ request: RequestID, _ message: Message) {
        effect(.link(.reply(link, request, message)))
    }

    mutating func refuse(
        _ link: LinkID, _ request: RequestID, _ code: RequestErrorCode, _ text: String, retryAfter: UInt64? = nil
    ) {
        reply(link, request, .error(ErrorReply(code: code, text: text, retryAfterSeconds: retryAfter)))
    }

    mutating func close(_ link: LinkID, _ code: SessionCode, _ text: String) {
        effect(.link(.close(link, code, text)))
    }

    // MARK: - The event log

    /// The agent that causes what is written.
    var cause: NodeID? { log.cause }

    /// What is written next is the doing of this agent, or with nil of the spoke itself.
    mutating func blame(_ agent: NodeID?) { log.blame(agent) }

    /// Writes an event of this spoke, which goes to the hub's activity log, within the budget of
    /// the agent that causes it.
    mutating func log(
        _ severity: EventSeverity, _ code: SpokeEventCode, _ subject: String, _ text: String
    ) throws {
        try log.write(
            Event(time: now, severity: severity, code: code.code, subject: subject, text: text), in: store)
    }

    /// Writes an event about a replica, one for each package that it is.
    mutating func log(
        _ severity: EventSeverity, _ code: SpokeEventCode, of replica: WantedReplica, _ text: String
    ) throws {
        for path in replica.paths { try log(severity, code, "package/\(path)", text) }
    }

    /// The hub has taken the events up to a sequence.
    mutating func eventsTaken(through sequence: UInt64) throws { try log.taken(through: sequence, in: store) }

    // MARK: - Retries

    /// When to try again what a peer answered so, or did not answer.
    func retryTime(_ error: ErrorReply?) -> UnixTime { now + (error?.retryAfter ?? SpokeLimits.deliveryRetry) }

    /// How long to wait after so many failures in a row: twice as long each time, spread so that
    /// many spokes do not come at once.
    mutating func retryWait(failures: Int) -> Duration {
        let doublings = min(max(failures - 1, 0), 10)
        let wait = min(SpokeLimits.firstRetry * (1 << doublings), SpokeLimits.lastRetry)
        return wait * Int(Int64.random(in: 500...1000, using: &random)) / 1000
    }

    // MARK: - Invariants

    /// The invariants that do not hold between two calls; none when all is well.
    func invariantViolations() -> [String] {
        requests.invariantViolations() + changes.map { "no part has taken \($0)" }
    }
}

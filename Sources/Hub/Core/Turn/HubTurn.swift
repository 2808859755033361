import Model
import Protocol
import Rollout
import Storage
import Trust

/// What the parts of a hub's core work with while one call of the core is done: its time, its
/// store, and what it gives.
///
/// A turn belongs to one transaction of the store. What is to be done outside is collected in order
/// and handed out when the transaction is on disk; what one part has to tell another is noted as a
/// `HubChange` and taken by the part that it concerns before the turn ends.
struct HubTurn {
    /// What is to be done, in the order in which the parts decided it.
    enum Step {
        case effect(HubEffect)
        /// Ask a spoke, if it is connected and is not being asked the same.
        case ask(NodeID, Message, SpokeErrand)
        /// Ask every connected spoke, and deliver what waits for it where `delivers` says so.
        case askAll(Message, SpokeErrand, delivers: Bool)
        /// Do not ask a spoke this again before then.
        case hold(NodeID, SpokeErrand, until: UnixTime)
        /// End the session of a spoke, if it has one.
        case close(NodeID, String)
    }

    let store: any HubStore
    let cryptography: any HubCryptography
    let configuration: HubConfiguration
    /// The hub's clock, which never goes back while it runs.
    let now: UnixTime
    var random: any RandomNumberGenerator & Sendable
    /// The approvals of rollouts that orders carry.
    private(set) var approvals: ApprovalTrees
    private(set) var log: ActivityLog
    private(set) var steps: [Step] = []
    private(set) var effects: [HubEffect] = []
    private var changes: [HubChange] = []
    /// Those of them that mean the same however often they are noted.
    private var signals: Set<HubChange> = []

    init(
        store: any HubStore, cryptography: any HubCryptography, configuration: HubConfiguration, now: UnixTime,
        random: any RandomNumberGenerator & Sendable, approvals: ApprovalTrees, log: ActivityLog,
        changes: [HubChange] = []
    ) {
        self.store = store
        self.cryptography = cryptography
        self.configuration = configuration
        self.now = now
        self.random = random
        self.approvals = approvals
        self.log = log
        for change in changes { note(change) }
    }

    var queries: HubQueries { HubQueries(store: store, zones: configuration.zones) }

    // MARK: - What is to be done

    mutating func effect(_ effect: HubEffect) { steps.append(.effect(effect)) }

    /// Asks a spoke that is connected; the same errand is under way once only. Nothing is kept for
    /// one that is away.
    mutating func ask(_ spoke: NodeID, _ message: Message, _ errand: SpokeErrand) {
        steps.append(.ask(spoke, message, errand))
    }

    /// Asks every connected spoke.
    mutating func askAll(_ message: Message, _ errand: SpokeErrand, delivers: Bool = false) {
        steps.append(.askAll(message, errand, delivers: delivers))
    }

    /// Leaves an errand alone for a while; it is done again by itself, and the others do not wait
    /// for it.
    mutating func hold(_ spoke: NodeID, _ errand: SpokeErrand, until time: UnixTime) {
        steps.append(.hold(spoke, errand, until: time))
    }

    /// Ends the session of a spoke, if it has one.
    mutating func close(_ spoke: NodeID, _ text: String) { steps.append(.close(spoke, text)) }

    mutating func reply(_ link: LinkID, _ request: RequestID, _ message: Message) {
        effect(.link(.reply(link, request, message)))
    }

    mutating func refuse(
        _ link: LinkID, _ request: RequestID, _ code: RequestErrorCode, _ text: String, retryAfter: UInt64? = nil
    ) {
        reply(link, request, .error(ErrorReply(code: code, text: text, retryAfterSeconds: retryAfter)))
    }

    /// Gives the steps that are not carried out yet, for the sessions, which turn them into
    /// effects.
    mutating func takeSteps() -> [Step] {
        defer { steps = [] }
        return steps
    }

    /// Adds what a step came to.
    mutating func carryOut(_ effect: HubEffect) { effects.append(effect) }

    // MARK: - Changes

    /// Tells the part that it concerns what has changed. A signal that nobody has taken yet is
    /// noted once: stopping a rollout of a whole fleet says the same of it for each client.
    mutating func note(_ change: HubChange) {
        if change.isSignal, !signals.insert(change).inserted { return }
        changes.append(change)
    }

    /// Gives the changes that a part picks, in order, and forgets them.
    mutating func take<Picked>(_ pick: (HubChange) -> Picked?) -> [Picked] {
        guard !changes.isEmpty else { return [] }
        var picked: [Picked] = []
        changes.removeAll { change in
            guard let value = pick(change) else { return false }
            picked.append(value)
            signals.remove(change)
            return true
        }
        return picked
    }

    /// Gives the changes that no part has taken.
    mutating func takeChanges() -> [HubChange] {
        defer { (changes, signals) = ([], []) }
        return changes
    }

    /// Whether a part still has something to take.
    var hasChanges: Bool { !changes.isEmpty }

    // MARK: - The activity log

    /// From here on, lines of the log are the doing of this peer and count against its budget.
    mutating func blame(_ cause: LogCause) { log.blame(cause) }

    /// Writes a line of the activity log, within the budget of whoever causes it. Nothing else
    /// writes to it.
    ///
    /// `peerTime` is when it happened by the peer's own clock, where a peer says so.
    mutating func log(
        _ severity: EventSeverity, _ code: EventCode, _ subject: String, _ text: String, peerTime: UnixTime? = nil
    ) throws {
        try log.write(severity, code, subject, text, peerTime: peerTime, in: store, at: now)
    }

    /// Takes a line off the budget of the current cause for an event that its spoke keeps if there
    /// is none.
    mutating func mayLogEvent() -> Bool { log.mayLogEvent(at: now) }

    /// Writes a line that `mayLogEvent` has taken off the budget already.
    func append(
        _ severity: EventSeverity, _ code: EventCode, _ subject: String, _ text: String, peerTime: UnixTime?
    ) throws {
        try log.append(severity, code, subject, text, peerTime: peerTime, in: store, at: now)
    }

    /// How the log names a member.
    func subject(of node: NodeID) throws -> String { try ActivityLog.subject(of: node, in: store) }

    /// How the log names whoever causes the current lines; empty for the hub and its operator.
    var nameOfCause: String { get throws { try log.name(of: log.cause, in: store) } }

    // MARK: - Approvals

    /// Keeps the tree of a rollout that was approved just now.
    mutating func keep(_ tree: ApprovalTree, of rollout: RolloutID) { approvals.keep(tree, of: rollout) }

    /// The proof that an action is among those of its rollout that were approved; nil when it is
    /// not.
    mutating func proof(of action: ActionRecord) throws -> ApprovalTree.Proof? {
        try approvals.proof(of: action.id, in: action.rollout, queries)
    }

    // MARK: - Randomness

    /// Random bytes, for secrets and nonces.
    mutating func randomBytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
}

internal import Model
internal import Protocol
internal import Trust

/// What the parts of an agent's core work with while one event is handled: its time, its store, and
/// what it gives.
///
/// A turn belongs to one transaction of the store. What is to be done outside is collected in order
/// and handed out when the transaction is on disk; what one part has to tell another is noted as an
/// `AgentChange` and taken by the part that it concerns before the turn ends.
struct AgentTurn {
    let store: any AgentStore
    let identity: AgentCore.Identity
    let cryptography: AgentCryptography
    /// The time of the machine's own clock.
    let machine: UnixTime
    /// The latest time that an order is believed to be signed at; nil where no fresh signed time
    /// has come.
    let latestSigned: UnixTime?
    /// The believed time.
    private(set) var now: UnixTime
    private(set) var clock: AgentClock
    var uplink: Uplink
    var attacks: AttackBudget
    var random: any RandomNumberGenerator & Sendable
    private(set) var effects: [AgentEffect] = []
    private var changes: Set<AgentChange> = []

    init(
        store: any AgentStore, identity: AgentCore.Identity, cryptography: AgentCryptography, machine: UnixTime,
        latestSigned: UnixTime?, clock: AgentClock, uplink: Uplink, attacks: AttackBudget,
        random: any RandomNumberGenerator & Sendable
    ) throws {
        var clock = clock
        if let floor = try store.signedTimeFloor() { clock.observe(floor, machine: machine) }
        now = clock.time(machine: machine)
        self.store = store
        self.identity = identity
        self.cryptography = cryptography
        self.machine = machine
        self.latestSigned = latestSigned
        self.clock = clock
        self.uplink = uplink
        self.attacks = attacks
        self.random = random
    }

    /// What only the store knows of the machine.
    var known: FactsGatherer.Known {
        get throws { FactsGatherer.Known(locked: try store.locked(), rejected: try store.rejected()) }
    }

    /// Takes a signed time into account: no earlier time is believed from here on.
    mutating func observe(_ signed: UnixTime) throws {
        try store.raiseSignedTimeFloor(signed)
        clock.observe(signed, machine: machine)
        now = clock.time(machine: machine)
    }

    // MARK: What is to be done

    mutating func effect(_ effect: AgentEffect) { effects.append(effect) }

    /// A line for the machine's log.
    mutating func log(_ severity: EventSeverity, _ text: String) { effects.append(.log(severity, text)) }

    // MARK: Changes

    /// Tells the part that it concerns what has changed.
    mutating func note(_ change: AgentChange) { changes.insert(change) }

    /// Whether a change was noted; forgets it.
    mutating func take(_ change: AgentChange) -> Bool { changes.remove(change) != nil }

    /// Whether a part still has something to take.
    var hasChanges: Bool { !changes.isEmpty }
}

internal import Model
internal import Protocol
internal import Rollout
internal import Storage
internal import System

/// Thrown inside a transaction to undo it: the disk is full.
struct DiskFull: StoreFailure {
    var isStoreFailure: Bool { true }
}

/// Thrown by a transaction with an event of a hostile member: a fault of the core that nobody knows yet.
struct Poison: Error {}

/// The process was killed between two effects; nothing more of the batch is handled.
private struct Killed: StoreFailure {
    var isStoreFailure: Bool { true }
}

/// The shell of a daemon in the simulation: an inbox, one transaction for what waits in it, effects only after the commit; and crashes at every
/// point between these.
class SimulatedDaemon<Event, Effect>: LinkOwner {
    unowned let fleet: Fleet
    let name: String
    private(set) var isUp = false
    private(set) var links: [LinkID: LinkEnd] = [:]
    /// Set by whoever dials: whom, found anew at each attempt.
    var upstream: (() -> (any LinkOwner)?)?
    private(set) var upstreamEnd: LinkEnd?
    var random: SimulationRandom
    private(set) var life = 0
    private var inbox: [Event] = []
    private var isDrainBooked = false
    private var alarm = 0
    private var dialFailures = 0
    private var isDialling = false
    private var lastDial: Duration?
    /// Objects of pools that work under way reads; they are not evicted meanwhile.
    private var readers: [Int: [any PackageReader]] = [:]
    private var lastReaders = 0

    init(_ fleet: Fleet, _ name: String) throws {
        self.fleet = fleet
        self.name = name
        random = SimulationRandom.fork(fleet.configuration.seed, name)
    }

    // MARK: What each daemon says for itself

    var identity: PeerIdentity { preconditionFailure("a daemon has an identity") }
    func hello() -> Hello { Hello(time: fleet.now, role: identity.role, program: "simulation") }
    func refusal(of peer: PeerIdentity) -> String? { nil }
    /// The link's event as the daemon's own.
    func event(_ link: LinkEvent) -> Event { preconditionFailure("a daemon takes link events") }
    /// Makes a new core over what is on the disk and tells it that it has started.
    func begin() {}
    /// The process is gone.
    func died() {}
    /// Handles the events in one transaction that ends with `commit`; what that throws undoes it.
    func transact(_ events: [Event], commit: () throws -> Void) throws -> [Effect] { [] }
    func execute(_ effect: Effect) {}
    /// How many of the waiting events go into the next transaction.
    func batch(_ inbox: [Event]) -> Int { inbox.count }
    func brief(_ event: Event) -> String { "" }
    func linkEffect(_ effect: Effect) -> LinkEffect? { nil }
    /// Whether the event is one of a hostile member on which the core fails.
    func isPoison(_ event: Event) -> Bool { false }
    /// What the core is told in place of an event that failed; nil for an event of the daemon's own.
    func fault(of event: Event, _ error: any Error) -> Event? { nil }
    /// Runs after a commit, before its effects.
    func committed(_ events: [Event], _ effects: [Effect]) {}

    // MARK: Life

    func start() {
        guard !isUp else { return }
        isUp = true
        fleet.note(name, "starts")
        begin()
        dialSoon(.zero)
    }

    /// Ends the process at once: what is committed stays, all else is gone.
    func crash(_ why: String, restartAfter delay: Duration) {
        guard isUp else { return }
        fleet.note(name, "is killed: \(why)")
        isUp = false
        life += 1
        inbox = []
        isDrainBooked = false
        isDialling = false
        dialFailures = 0
        lastDial = nil
        alarm += 1
        upstreamEnd = nil
        for (_, end) in links.sorted(by: { $0.key < $1.key }) { end.abandon() }
        links = [:]
        readers = [:]
        died()
        fleet.scheduler.after(delay) { [weak self] in self?.start() }
    }

    /// Does something later unless the process has ended by then.
    func later(_ delay: Duration, _ body: @escaping () -> Void) {
        let life = life
        fleet.scheduler.after(delay) { [weak self] in
            guard let self, self.isUp, self.life == life else { return }
            body()
        }
    }

    /// Keeps readers open until `close`, or the end of the process.
    func keepOpen(_ readers: [any PackageReader]) -> Int {
        lastReaders += 1
        self.readers[lastReaders] = readers
        return lastReaders
    }

    func close(readers number: Int) { readers[number] = nil }

    // MARK: Events

    /// Puts an event behind those that wait.
    func tell(_ event: Event) {
        guard isUp else { return }
        inbox.append(event)
        guard !isDrainBooked else { return }
        isDrainBooked = true
        later(random.milliseconds(0...4)) { self.drain() }
    }

    private func drain() {
        isDrainBooked = false
        guard !inbox.isEmpty else { return }
        let count = max(1, batch(inbox))
        let events = Array(inbox.prefix(count))
        inbox.removeFirst(events.count)
        let fate = fleet.faults.fate(of: name)
        do {
            if fleet.has(.errorClosesAll) {
                try turn(events, fate)
            } else {
                try EventIsolation.run(events) { events in
                    try turn(Array(events), fate)
                } isolate: { event, error in
                    guard error is Poison, let fault = fault(of: event, error) else { throw error }
                    fleet.tally.leftOut += 1
                    try turn([fault], fate)
                }
            }
        } catch is Killed {
            return
        } catch is DiskFull {
            fleet.faults.diskFulls += 1
            return crash("its disk is full", restartAfter: .seconds(5))
        } catch is Poison {
            beginAnew()
        } catch {
            return fleet.breach(.cleanStoreFailure, "\(name) threw: \(error)")
        }
        if !inbox.isEmpty, !isDrainBooked {
            isDrainBooked = true
            later(.milliseconds(1)) { self.drain() }
        }
    }

    /// Handles events in one transaction, then executes the effects.
    private func turn(_ events: [Event], _ fate: Faults.Fate) throws {
        let effects = try transact(events) {
            if events.contains(where: isPoison) { throw Poison() }
            if fate == .diskFull { throw DiskFull() }
        }
        fleet.note(name, events.map { brief($0) }.joined(separator: " ") + " → \(effects.count)")
        committed(events, effects)
        let life = life
        for (index, effect) in effects.enumerated() {
            if case .kill(let after, let pause) = fate, index >= after {
                fleet.faults.crashes += 1
                crash("after \(index) of \(effects.count) effects", restartAfter: pause)
                throw Killed()
            }
            if let link = linkEffect(effect) { perform(link) } else { execute(effect) }
            guard isUp, self.life == life else { throw Killed() }
        }
    }

    /// The daemon closes every link and begins anew, as for a store that does not write.
    private func beginAnew() {
        let peers = links.values.map(\.peer.id)
        crash("an event failed", restartAfter: .seconds(5))
        fleet.checks.closedAll(name, peers)
    }

    private func perform(_ effect: LinkEffect) {
        switch effect {
        case .request(let link, _, _, _), .reply(let link, _, _), .close(let link, _, _): links[link]?.perform(effect)
        }
    }

    /// Rings at a time, in place of the alarm before.
    func setAlarm(at time: UnixTime, _ event: Event) {
        alarm += 1
        let number = alarm
        later(max(time - fleet.now, .milliseconds(1))) {
            if self.alarm == number { self.tell(event) }
        }
    }

    // MARK: Links

    func linkOpened(_ end: LinkEnd, _ hello: Hello) {
        guard isUp else { return }
        links[end.id] = end
        fleet.checks.opened(self, end.peer)
        if end.peer.role.rawValue < identity.role.rawValue {
            upstreamEnd = end
            dialFailures = 0
        }
        tell(event(.opened(end.id, end.peer, hello)))
    }

    func linkEvent(_ end: LinkEnd, _ event: LinkEvent) {
        guard isUp else { return }
        tell(self.event(event))
    }

    func linkEnded(_ end: LinkEnd, wasOpen: Bool, _ closure: LinkClosure) {
        links[end.id] = nil
        guard isUp else { return }
        if wasOpen { tell(event(.closed(end.id, closure))) }
        guard end.peer.role.rawValue < identity.role.rawValue else { return }
        // A newer link has taken this one's place: there is nothing to dial for.
        if let current = upstreamEnd, current !== end { return }
        upstreamEnd = nil
        isDialling = false
        dialFailed(wait: closure.code == .refused ? RetryPolicy.reconnect.longest : .zero)
    }

    private func dialFailed(wait: Duration) {
        dialFailures += 1
        let delay = RetryPolicy.reconnect.delay(afterFailure: dialFailures, using: &random) ?? .seconds(1)
        dialSoon(fleet.has(.agentRedialsAtOnce) && identity.role == .agent ? .zero : max(delay, wait))
    }

    private func dialSoon(_ delay: Duration) {
        guard let upstream, !isDialling else { return }
        isDialling = true
        later(delay) {
            guard let target = upstream() else {
                self.isDialling = false
                return self.dialSoon(.seconds(1))
            }
            self.fleet.checks.dials(self.name, since: self.lastDial)
            self.lastDial = self.fleet.scheduler.uptime
            let life = self.life
            let isWanted = { [weak self] in self.map { $0.isUp && $0.life == life } ?? false }
            self.fleet.network.dial(from: self, to: target, isWanted: isWanted) { [weak self] in
                guard let self, isWanted() else { return }
                self.isDialling = false
                self.dialFailed(wait: .zero)
            }
        }
    }

    /// A link event for the trace.
    func brief(_ event: PoolEvent) -> String {
        switch event {
        case .changed: "pool"
        case .placed: "placed"
        case .moved: "pools moved"
        case .drained: "pool drained"
        case .damaged: "damaged"
        }
    }

    func brief(_ event: LinkEvent) -> String {
        switch event {
        case .opened(let link, let peer, _): "opened \(link.number) \(peer.role.name)"
        case .closed(let link, let closure): "closed \(link.number) \(closure.code)"
        case .request(let link, let request, let message): "\(message.name)? \(link.number).\(request.number)"
        case .reply(let link, let request, let message): "\(message.name)! \(link.number).\(request.number)"
        case .failed(let link, let request, _): "failed \(link.number).\(request.number)"
        }
    }
}

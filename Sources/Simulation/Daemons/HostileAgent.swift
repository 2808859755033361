internal import Agent
internal import Model
internal import Protocol
internal import Trust

/// An agent in the wrong hands. It has keys of its own, and sends what is legal, signed and extreme:
/// counters, times, names and sizes at their ends, in any order and as fast as its spoke takes them.
///
/// It says that its owner forbids updates, so no rollout waits for it.
final class HostileAgent: SimulatedDaemon<LinkEvent, LinkEffect> {
    private let key = SimulatedKey("report hostile")
    private var node: PeerIdentity?
    private var lastRequest: UInt64 = 0
    private var incarnation: UInt64 = 1
    private var counter: UInt64 = 0
    private let facts: ClientFacts
    /// What it was ordered to do; it refuses, again and again.
    private var ordered: [ActionID] = []

    init(_ fleet: Fleet) throws {
        facts = try Machine(.autodeployNo, keepsBase: false, hasLibrary: true)
            .facts(.init(locked: [], rejected: []))
        try super.init(fleet, "hostile")
    }

    var hasJoined: Bool { node != nil }
    var reportKey: [UInt8] { key.publicKey }
    override var identity: PeerIdentity {
        node ?? PeerIdentity(fleet: fleet.fleetName, role: .agent, id: NodeID(high: 0, low: 0))
    }

    /// Takes up what joining gave it.
    func join(_ identity: PeerIdentity) {
        node = identity
        start()
    }

    /// Whether a core that has a fault throws on this report: stands for the faults that nobody knows yet.
    static func isPoison(_ report: ReportMessage) -> Bool { report.counter % 7 == 3 }

    override func event(_ link: LinkEvent) -> LinkEvent { link }

    override func begin() { attack() }

    override func transact(_ events: [LinkEvent], commit: () throws -> Void) throws -> [LinkEffect] {
        try commit()
        return events.compactMap { event in
            // It takes what it is asked, so that nobody waits for it.
            guard case .request(let link, let request, let message) = event else { return nil }
            if case .order(let order) = message, !ordered.contains(order.action) { ordered.append(order.action) }
            return .reply(link, request, .ok(OK()))
        }
    }

    override func linkEffect(_ effect: LinkEffect) -> LinkEffect? { effect }
    private func attack() {
        later(random.milliseconds(1_000...90_000)) { [self] in
            if let link = upstreamEnd, link.isOpen {
                for _ in 0..<random.integer(1...12) { send(over: link) }
                for action in ordered { send(over: link, refusing: action) }
                // A session that comes and goes costs presence reports and lines.
                if random.chance(50) { link.perform(.close(link.id, .leaving, "")) }
            }
            attack()
        }
    }

    private func send(over link: LinkEnd, refusing refused: ActionID? = nil) {
        let extremes: [Int64] = [.min, -1, 0, 1, .max - 1, .max]
        if random.chance(20) { incarnation = random.next() >> 1 | 1 }
        switch random.integer(0...5) {
        case 0: counter = UInt64(Int64.max) - UInt64(random.integer(0...200))
        case 1: counter = UInt64(random.integer(1...2_000))
        case 2: counter = counter > 2 ? counter - 2 : 1_000
        default: counter = counter < UInt64(Int64.max) ? counter + UInt64(random.integer(1...3)) : 1
        }
        counter = min(max(1, counter), UInt64(Int64.max))
        let text = String(repeating: random.chance(500) ? "x" : "\u{202E}", count: random.integer(0...300))
        var facts = facts
        facts.freeSpace = ByteCount(clamping: extremes[random.integer(0...5)])
        let action = refused ?? (random.chance(200) ? ActionID(high: random.next(), low: 1) : nil)
        let report = Report(
            agent: identity.id, incarnation: incarnation, counter: counter,
            time: UnixTime(milliseconds: extremes[random.integer(0...5)]), fleet: fleet.fleetName,
            action: action,
            state: refused.map { _ in .refused } ?? action.map { _ in random.chance(500) ? .succeeded : .installing },
            notes: random.chance(300) ? [Note(.storeNewer, text)] : [],
            facts: random.chance(500) ? facts : nil,
            attack: random.chance(300) ? AttackSeen(.replay, text) : nil, detail: text)
        // A signer of the simulation does not fail.
        guard let signed = try? report.signed(by: key) else { return }
        lastRequest += 1
        link.perform(
            .request(
                link.id, RequestID(lastRequest),
                .report(
                    ReportMessage(agent: identity.id, incarnation: incarnation, counter: counter, signed: signed)),
                .control))
    }
}

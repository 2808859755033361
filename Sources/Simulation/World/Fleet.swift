internal import Hub
internal import Model
internal import Protocol
internal import Rollout
internal import Spoke
internal import Storage

/// What a run of the simulation is told.
package struct FleetConfiguration: Sendable {
    package var seed: UInt64
    package var spokes = 2
    package var agents = 20
    /// Events after which the run is given up as without end.
    package var eventLimit = 2_000_000
    /// A rule that is broken on purpose.
    package var mutation: Mutation?

    package init(seed: UInt64) {
        self.seed = seed
    }
}

/// A whole fleet in one process: a hub, its spokes and agents on the cores of production, over an in-memory network and stores, under a
/// virtual clock, with faults drawn from a seed. The same seed gives the same run, event for event.
///
/// Thread rule: one thread.
package final class Fleet {
    let configuration: FleetConfiguration
    let plan: FaultPlan
    let scheduler = Scheduler()
    let fleetName: FleetName
    let vendor: Vendor
    let network: Network
    let faults: Faults
    private(set) var trace: Trace
    private(set) var breach: Breach?
    private var parts: Parts?
    private var check: InvariantChecks?
    var random: SimulationRandom
    /// When the faults stopped; nil before.
    var calmSince: UnixTime?
    var revoked: Set<NodeID> = []
    /// Rollouts that a person resumed although clients had failed.
    var resumed: Set<RolloutID> = []
    var isOver = false
    /// How packages came.
    var tally = ContentTally()
    /// A pool may have changed in this event.
    var poolsTouched = false

    private struct Parts {
        let hub: HubNode
        let spokes: [SpokeNode]
        let agents: [AgentNode]
        let hostile: HostileAgent?
    }

    /// A fleet before its first event; `echo` is given every line of the trace.
    package init(_ configuration: FleetConfiguration, echo: ((String) -> Void)? = nil) throws {
        self.configuration = configuration
        plan = FaultPlan(seed: configuration.seed, mutation: configuration.mutation)
        fleetName = try FleetName("simulated")
        vendor = try Vendor(SimulationRandom.fork(configuration.seed, "vendor"))
        network = Network(scheduler, SimulationRandom.fork(configuration.seed, "network"))
        faults = Faults(SimulationRandom.fork(configuration.seed, "faults"), plan)
        trace = Trace(echo: echo)
        random = SimulationRandom.fork(configuration.seed, "script")
        try vendor.add("0.9", counter: 9)
        try vendor.add("1.0", counter: 10)
        try vendor.add("6.6", counter: 66, isSigned: false)
        try vendor.publish(at: scheduler.now)
        check = InvariantChecks(self)
        let kinds: [Machine.Kind] = plan.hasRefusers ? [.autodeployNo, .userland32, .schedulerStopped] : []
        let hub = try HubNode(self)
        let spokes = try (1...max(1, configuration.spokes)).map { try SpokeNode(self, "spoke-\($0)") }
        parts = Parts(
            hub: hub, spokes: spokes,
            agents: try (1...max(1, configuration.agents)).map {
                try AgentNode(
                    self, "agent-\($0)", $0 <= kinds.count ? kinds[$0 - 1] : .ordinary,
                    spokeHasLibrary: spokes[($0 - 1) % spokes.count].hasLibrary)
            },
            hostile: plan.hasHostile ? try HostileAgent(self) : nil)
        network.note = { [unowned self] in note($0, $1) }
        book()
    }

    // Made in init and there from then on.
    var hub: HubNode {
        guard let parts else { preconditionFailure("used before the fleet was made") }
        return parts.hub
    }
    var spokes: [SpokeNode] { parts?.spokes ?? [] }
    var agents: [AgentNode] { parts?.agents ?? [] }
    /// A member in the wrong hands, at the first spoke; nil in some runs.
    var hostile: HostileAgent? { parts?.hostile }
    var checks: InvariantChecks {
        guard let check else { preconditionFailure("used before the fleet was made") }
        return check
    }

    var now: UnixTime { scheduler.now }
    /// How far from a window's edge a skewed clock may start an install.
    var clockTolerance: Duration { .milliseconds(plan.skew + 5_000) }

    func has(_ mutation: Mutation) -> Bool { configuration.mutation == mutation }

    func note(_ who: String, _ what: String) { trace.note(scheduler.uptime, who, what) }

    func breach(_ invariant: Invariant, _ text: String) {
        guard breach == nil else { return }
        breach = Breach(invariant: invariant, text: text)
        note("check", "\(invariant): \(text)")
    }

    // MARK: Who is who

    func spoke(_ id: NodeID) -> SpokeNode? { spokes.first { $0.hasJoined && $0.identity.id == id } }

    func name(of agent: NodeID) -> String {
        agents.first { $0.hasJoined && $0.identity.id == agent }?.name ?? "\(agent)"
    }

    func isHostile(_ agent: NodeID) -> Bool { hostile.map { $0.hasJoined && $0.identity.id == agent } ?? false }

    func isRevoked(_ agent: NodeID) -> Bool { revoked.contains(agent) }

    /// The spoke of the agent of this index.
    func spoke(ofAgent index: Int) -> SpokeNode { spokes[index % spokes.count] }

    /// Every pool with the quota that counts.
    var pools: [(name: String, pool: MemoryPool, quota: ByteCount)] {
        [("hub", hub.pool, hub.pool.account().quota), ("hub's patches", hub.patches, hub.patches.account().quota)]
            + spokes.map { ($0.name, $0.pool, max($0.quota, has(.poolIgnoresQuota) ? .zero : $0.pool.account().quota)) }
    }

    /// Answers a fetch with a package's bytes, once it is known that they are whole.
    func servePackage(
        _ name: String, _ pool: MemoryPool, _ digest: SHA256Digest, length: UInt64, offset: UInt64, over end: LinkEnd?,
        _ request: RequestID, ended: ((Int) -> Void)? = nil
    ) {
        guard let end else { return }
        do {
            let reader = try pool.open(digest)
            let bytes = try reader.read(at: .zero, count: Int(clamping: length))
            if SimulatedDigester().sha256(bytes) != digest.bytes || UInt64(bytes.count) != length {
                breach(.wholePackages, "\(name) serves bytes that are not \(digest)")
            }
            let rest = Array(bytes.dropFirst(Int(clamping: offset)))
            end.sendContent(request, Content(length: length, offset: offset), rest, from: reader, ended: ended)
        } catch {
            let reply = ErrorReply(code: .internalFault, text: "\(error)", retryAfterSeconds: 30)
            end.perform(.reply(end.id, request, .error(reply)))
        }
    }

    // MARK: Running

    /// Runs to the end, or to the first breach.
    package func run() -> SimulationSummary {
        while breach == nil, !isOver, scheduler.step() {
            if poolsTouched { checks.pools() }
            poolsTouched = false
            if scheduler.events >= configuration.eventLimit {
                breach(.liveness, "no end after \(scheduler.events) events")
            }
        }
        if breach == nil { finalChecks() }
        tally.workFaults = faults.workFaults
        let summary = SimulationSummary(
            seed: configuration.seed, events: scheduler.events,
            virtualSeconds: scheduler.uptime.wholeMilliseconds / 1000,
            installs: checks.installs, succeeded: count(.succeeded), refused: count(.refused), cuts: network.cuts,
            crashes: faults.crashes, powerCuts: faults.powerCuts, diskFulls: faults.diskFulls,
            content: tally, digest: trace.digest, breach: breach, tail: breach == nil ? [] : trace.lastLines)
        scheduler.clear()
        network.clear()
        return summary
    }

    private func count(_ state: ActionState) -> Int {
        let rollouts = (try? hub.store.rollouts(after: 0, limit: .max)) ?? []  // a memory store does not fail
        return rollouts.reduce(0) { sum, rollout in
            sum + ((try? hub.store.actionCounts(of: rollout.id))?.all[state] ?? 0)  // nor here
        }
    }
}

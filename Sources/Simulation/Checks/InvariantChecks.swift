internal import Agent
internal import Hub
internal import Model
internal import Protocol
internal import Rollout
internal import Spoke
internal import Storage
internal import Trust

/// What the simulation knows better than anybody in it, and the checks against that; the first breach is kept.
///
/// The checks look at what was committed and at what is about to be done, never at what a core intends.
final class InvariantChecks {
    struct ReportKey: Hashable {
        let agent: NodeID
        let incarnation: UInt64
        let counter: UInt64
    }

    unowned let fleet: Fleet
    /// Every order that the hub has sent, by action, oldest first.
    private(set) var orders: [ActionID: [Order]] = [:]
    private(set) var actions: [NodeID: [ActionID]] = [:]
    /// Acknowledged by a spoke and not yet applied by the hub, by the spoke's name.
    private var outstanding: [String: Set<ReportKey>] = [:]
    private var applied: Set<ReportKey> = []
    private var stopped: Set<ActionID> = []
    /// The last step that was done of each action.
    private var done: [ActionID: InstallStep] = [:]
    private var finals: [ActionID: ActionState] = [:]
    /// The highest order that each agent has obeyed.
    private var highest: [NodeID: OrderSequence] = [:]
    private var attempts: [ActionID: Int] = [:]
    private var versions: [String: [Int64]] = [:]
    private var lastLine: EventRecord?
    private var revokedLinks: Set<LinkID> = []
    /// Whom each spoke has dropped as revoked, by its name; a restart of the spoke changes nothing of that.
    private var tookUp: [String: Set<NodeID>] = [:]
    private(set) var installs = 0
    private var hostileLines = 0
    /// Releases that rollouts completed with success of every client.
    var completedReleases: Set<ReleaseName> = []
    /// What spokes asked for and got.
    var wire = WireLedger()
    /// Actions whose archive could not be unpacked, by a fault of the simulation.
    var unpackFailures: Set<ActionID> = []

    init(_ fleet: Fleet) {
        self.fleet = fleet
    }

    private func breach(_ invariant: Invariant, _ text: String) { fleet.breach(invariant, text) }

    // MARK: Orders (9, 10)

    func hubOrders(_ message: OrderMessage) {
        guard let order = try? Order.readUnverified(message.signed) else {  // said at once, in the next line
            return breach(.signedInstallsOnly, "the hub sent an order that cannot be read")
        }
        if orders[order.action]?.last != order { orders[order.action, default: []].append(order) }
        if actions[order.agent]?.contains(order.action) != true {
            actions[order.agent, default: []].append(order.action)
        }
        guard order.kind == .install, let record = action(order.action), let spoke = fleet.spoke(record.spoke) else {
            return
        }
        let forms = [record.digest, fleet.vendor.packages[record.path]?.content.sha256].compactMap { $0 }
        if forms.allSatisfy({ spoke.pool.length(of: $0) == nil }) {
            breach(.replicaBeforeOrder, "\(record.path) was ordered while \(spoke.name) does not hold it")
        }
        let waves = (try? fleet.hub.store.waves(of: record.rollout)) ?? []  // a memory store does not fail
        let isAccepted = fleet.resumed.contains(record.rollout)
        if waves.contains(where: {
            $0.index < record.wave && $0.state != .succeeded && !(isAccepted && $0.state == .failed)
        }) {
            breach(.replicaBeforeOrder, "wave \(record.wave) was ordered before the wave before it succeeded")
        }
        // A memory store does not fail.
        if let rollout = try? fleet.hub.store.rollout(record.rollout),
            rollout.state == .stopping || rollout.state == .stopped
        {
            breach(.stopIsObeyed, "an install was ordered of a rollout that is \(rollout.state.name)")
        }
    }

    private func action(_ id: ActionID) -> Hub.ActionRecord? {
        (try? fleet.hub.store.action(id)).flatMap { $0 }  // a memory store does not fail
    }

    /// An agent has committed a cancel order.
    func heardStop(_ agent: AgentNode, _ action: ActionID) {
        if agent.store.action(action)?.state.isChanging != true { stopped.insert(action) }
    }

    // MARK: Installs (1, 2, 3, 10, 11, 17)

    /// A step is about to be done.
    func begins(_ agent: AgentNode, _ job: InstallJob) {
        guard job.step == .enter else { return }
        installs += 1
        let what = "\(agent.name), \(job.package.path.release)"
        let order = orders[job.action]?.last { $0.kind != .cancel }
        if let current = agent.machine.current, let now = agent.machine.placed[current],
            now.metadata.counter > job.package.metadata.counter, order?.kind != .rollback
        {
            breach(.noDowngrade, "\(what): goes down from \(current)")
        }
        guard let order, order.agent == agent.identity.id, order.target == OrderTarget(job.package) else {
            return breach(.signedInstallsOnly, "\(what): no order of the hub names it")
        }
        if !fleet.vendor.hasSigned(job.package) { breach(.signedInstallsOnly, "\(what): the vendor never signed it") }
        let tolerance = fleet.clockTolerance
        if order.expires + tolerance < fleet.now { breach(.signedInstallsOnly, "\(what): the order has expired") }
        if stopped.contains(job.action) { breach(.stopIsObeyed, "\(what): begins although it heard of the stop") }
        let isOpen = order.windows.contains { $0.start - tolerance <= fleet.now && fleet.now < $0.end + tolerance }
        if !order.windows.isEmpty, !isOpen { breach(.windowAndEligibility, "\(what): begins outside of its window") }
        if !agent.machine.mayInstall {
            breach(.windowAndEligibility, "\(what): begins on a machine that is \(agent.machine.kind)")
        }
        if let last = done[job.action], last > .enter {
            breach(.oneEffect, "\(what): begins again after \(last) was done")
        }
    }

    /// A step was done on the machine.
    func did(_ agent: AgentNode, _ job: InstallJob) {
        done[job.action] = max(done[job.action] ?? job.step, job.step)
        guard let current = agent.machine.current else { return }
        if agent.machine.placed[current] == nil {
            breach(.oldOrNew, "\(agent.name): runs \(current), which is not there as a whole")
        }
        if let content = agent.machine.contents[current], let placed = agent.machine.placed[current],
            content != fleet.vendor.packages[placed.path]?.content.sha256
        {
            breach(.signedInstallsOnly, "\(agent.name): runs \(current) out of bytes that nobody signed")
        }
        if current != job.package.path.release, current != job.previous {
            breach(.oldOrNew, "\(agent.name): runs \(current), neither the old release nor the new one")
        }
    }

    /// An agent's transaction is on the disk.
    func journal(_ agent: AgentNode) {
        let floor = agent.store.sequenceFloor()
        if let known = highest[agent.identity.id], floor.map({ $0 < known }) ?? true {
            breach(.noDowngrade, "\(agent.name): the sequence of its orders fell below \(known)")
        }
        highest[agent.identity.id] = floor
        for id in actions[agent.identity.id] ?? [] {
            guard let record = agent.store.action(id) else { continue }
            if let known = finals[id] {
                if record.state != known {
                    breach(.oneEffect, "\(agent.name): an action went from \(known) to \(record.state)")
                }
                continue
            }
            guard record.state.isFinal else { continue }
            finals[id] = record.state
            let current = agent.machine.current
            switch record.state {
            case .succeeded where current != record.path?.release:
                breach(.oldOrNew, "\(agent.name): says success and runs \(Self.text(current))")
            case .rolledBack where current != record.previous,
                .failed where record.step != nil && current != record.previous:
                breach(
                    .oldOrNew, "\(agent.name): says \(record.state) and runs \(Self.text(current)), not the old release"
                )
            default: break
            }
        }
    }

    private static func text(_ release: ReleaseName?) -> String { release?.text ?? "nothing" }

    // MARK: Reports (4)

    /// A spoke has committed and answers ok.
    func spokeAnswersOK(_ spoke: SpokeNode, _ reports: [ReportMessage]) {
        for report in reports where !fleet.isHostile(report.agent) {
            let key = ReportKey(agent: report.agent, incarnation: report.incarnation, counter: report.counter)
            if !applied.contains(key) { outstanding[spoke.name, default: []].insert(key) }
        }
    }

    /// What a spoke has acknowledged is in its store until the hub has applied it.
    func spokeCommitted(_ spoke: SpokeNode) {
        guard let waiting = outstanding[spoke.name], !waiting.isEmpty else { return }
        let stored = Set(
            spoke.store.reports(limit: .max).map {
                ReportKey(agent: $0.agent, incarnation: $0.incarnation, counter: $0.counter)
            })
        for key in waiting where !stored.contains(key) && !fleet.isRevoked(key.agent) {
            return breach(
                .reportsExactlyOnce, "\(spoke.name) lost report \(key.counter) of \(fleet.name(of: key.agent))")
        }
    }

    func hubTook(_ report: ReportMessage, before: UInt64, after: UInt64) {
        guard !fleet.isHostile(report.agent) else { return }
        let key = ReportKey(agent: report.agent, incarnation: report.incarnation, counter: report.counter)
        let isApplied = before < report.counter && after == report.counter
        if isApplied {
            guard applied.insert(key).inserted else {
                return breach(
                    .reportsExactlyOnce, "report \(key.counter) of \(fleet.name(of: key.agent)) was applied twice")
            }
            for name in outstanding.keys.sorted() { outstanding[name]?.remove(key) }
        } else if !applied.contains(key), !fleet.isRevoked(key.agent) {
            breach(.reportsExactlyOnce, "report \(key.counter) of \(fleet.name(of: key.agent)) was passed over")
        }
    }

    // MARK: The log, metadata, links, retries (5, 2, 13, 15)

    /// The log's new lines continue the chain and the last known line is unchanged.
    func logGrew() {
        let store = fleet.hub.store
        let sequence = lastLine?.sequence ?? 0
        do {
            if let lastLine, try store.events(after: sequence - 1, search: nil, limit: 1).first != lastLine {
                return breach(.activityLog, "line \(sequence) of the log is another than before")
            }
            for line in try store.events(after: sequence, search: nil, limit: .max) {
                let hash = EventRecord.hash(
                    line.event, sequence: line.sequence, after: lastLine?.hash ?? EventRecord.origin)
                guard line.sequence == (lastLine?.sequence ?? 0) + 1, line.hash == hash else {
                    return breach(.activityLog, "the chain breaks at line \(line.sequence)")
                }
                lastLine = line
                countLine(line)
            }
        } catch {
            breach(.cleanStoreFailure, "the log cannot be read: \(error)")
        }
    }

    func trusts(_ name: String, _ trusted: TrustedMetadata) {
        let now = [trusted.root.version, trusted.timestamp?.version ?? 0, trusted.snapshot?.version ?? 0]
        if let before = versions[name], zip(before, now).contains(where: { $0 > $1 }) {
            breach(.noDowngrade, "\(name) trusts older metadata than before: \(now) after \(before)")
        }
        versions[name] = now
    }

    func opened(_ owner: any LinkOwner, _ peer: PeerIdentity) {
        if let spoke = owner as? SpokeNode, spoke.isRevoked(peer.id) || hasTakenUp(peer.id, at: spoke.name) {
            breach(.revokedStayOut, "\(fleet.name(of: peer.id)) has a session at \(spoke.name) although it is revoked")
        }
        guard let agent = owner as? AgentNode else { return }
        for action in actions[agent.identity.id] ?? [] { attempts[action] = 0 }
    }

    /// A spoke knows that these of its agents are revoked, and has dropped them.
    func tookUp(_ revoked: Set<NodeID>, at spoke: String) { tookUp[spoke, default: []].formUnion(revoked) }

    private func hasTakenUp(_ agent: NodeID, at spoke: String) -> Bool { tookUp[spoke]?.contains(agent) ?? false }

    /// Nobody is served whom the spoke has dropped as revoked, whatever was asked before its session ended.
    func serves(_ spoke: SpokeNode, _ effects: [SpokeEffect]) {
        guard tookUp[spoke.name] != nil else { return }
        for effect in effects {
            let link: LinkID
            switch effect {
            case .servePackage(let to, _, _, _, _), .serveMetadata(let to, _, _): link = to
            case .link(.reply(_, _, .error)): continue
            case .link(.reply(let to, _, _)): link = to
            default: continue
            }
            if let peer = spoke.links[link]?.peer.id, hasTakenUp(peer, at: spoke.name) {
                breach(.revokedStayOut, "\(spoke.name) serves \(fleet.name(of: peer)), which it has dropped as revoked")
            }
        }
    }

    /// Sessions of revoked agents end soon after the spoke has heard of it.
    func lookForRevoked() {
        var found: Set<LinkID> = []
        for spoke in fleet.spokes {
            for (id, end) in spoke.links
            where spoke.isRevoked(end.peer.id) || hasTakenUp(end.peer.id, at: spoke.name) {
                if revokedLinks.contains(id) {
                    breach(.revokedStayOut, "\(fleet.name(of: end.peer.id)) still has its session at \(spoke.name)")
                }
                found.insert(id)
            }
        }
        revokedLinks = found
    }

    func dials(_ name: String, since last: Duration?) {
        guard let last, fleet.scheduler.uptime - last < .milliseconds(500) else { return }
        breach(.boundedRetries, "\(name) dials again after \(fleet.scheduler.uptime - last)")
    }

    /// The spoke asked for patience: to come again when it says is no attempt of the agent's own.
    func waits(_ action: ActionID) { attempts[action, default: 1] -= 1 }

    func downloads(_ agent: AgentNode, _ action: ActionID) {
        attempts[action, default: 0] += 1
        let most = (RetryPolicy.transfer.attempts ?? 0) + 2
        if attempts[action, default: 0] > most {
            breach(.boundedRetries, "\(agent.name) downloads for the \(most + 1)th time on one link")
        }
    }

    func fetches(_ name: String, from offset: UInt64, held: UInt64) {
        guard offset != held else { return }
        breach(.boundedRetries, "\(name) asks from byte \(offset) on and has \(held)")
    }

    // MARK: Hostile members (21)

    /// A daemon has closed every link because an event failed.
    func closedAll(_ name: String, _ peers: [NodeID]) {
        guard peers.contains(where: { !fleet.isHostile($0) }) else { return }
        breach(.peerCostsItself, "\(name) closed the links of \(peers.count) peers for an event of one member")
    }

    /// A line of the log: those that the hostile member causes stay within its budget.
    private func countLine(_ record: EventRecord) {
        guard let hostile = fleet.hostile, hostile.hasJoined, record.event.subject == "client/\(hostile.name)" else {
            return
        }
        hostileLines += 1
        let (rate, uptime) = (HubLimits.clientLines, fleet.scheduler.uptime)
        // Its reports at the hub, its events at the spoke, each forgotten when that starts anew; and a
        // session that comes and goes, which the spoke reports.
        let lives = fleet.hub.life + fleet.spoke(ofAgent: 0).life + 2
        let sessions = SpokeLimits.sessions.burst * lives + Int(uptime / SpokeLimits.sessions.interval)
        let most = rate.burst * lives + Int(uptime / rate.interval) * 2 + sessions * 2
        if hostileLines > most {
            breach(.peerCostsItself, "\(hostileLines) lines of the log are of one member after \(uptime)")
        }
    }

    // MARK: Pools (6, 7)

    func pools() {
        for (name, pool, quota) in fleet.pools {
            let account = pool.account()
            if account.used + account.reserved > quota {
                breach(.poolQuota, "\(name): \(account.used) and \(account.reserved) reserved are over \(quota)")
            }
        }
    }
}

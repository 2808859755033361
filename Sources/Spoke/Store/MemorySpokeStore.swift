package import Model

/// A spoke's store in memory, for simulation: a body that throws, or a crash before the commit, leaves nothing behind.
package final class MemorySpokeStore: SpokeStore {
    private struct Tables {
        var settings: [SpokeSetting: [UInt8]] = [:]
        var replicas: [SHA256Digest: WantedReplica] = [:]
        var patches: [SHA256Digest: KeptPatch] = [:]
        var agents: [NodeID: KnownAgent] = [:]
        var orders: [CarriedOrder] = []
        var reports: [CarriedReport] = []
        var events: [CarriedEvent] = []
        var lastSequence: UInt64 = 0
    }

    private var tables = Tables()

    package init() {}

    package func transaction<Result>(_ body: () throws -> Result) throws -> Result {
        let before = tables
        do {
            return try body()
        } catch {
            tables = before
            throw error
        }
    }

    package func setting(_ setting: SpokeSetting) -> [UInt8]? { tables.settings[setting] }

    package func set(_ setting: SpokeSetting, to value: [UInt8]) { tables.settings[setting] = value }

    package func replicas() -> [WantedReplica] { tables.replicas.values.sorted { $0.sha256 < $1.sha256 } }

    package func replica(_ sha256: SHA256Digest) -> WantedReplica? { tables.replicas[sha256] }

    package func replicas(naming path: TargetPath) -> [WantedReplica] { replicas().filter { $0.names(path) } }

    package func replicas(heldAs object: SHA256Digest) -> [WantedReplica] {
        replicas().filter { $0.objects.contains(object) }
    }

    package func save(_ replica: WantedReplica) { tables.replicas[replica.sha256] = replica }

    package func patches() -> [KeptPatch] { tables.patches.values.sorted { $0.sha256 < $1.sha256 } }

    package func patch(_ sha256: SHA256Digest) -> KeptPatch? { tables.patches[sha256] }

    package func patches(giving content: SHA256Digest) -> [KeptPatch] { patches().filter { $0.content == content } }

    package func save(_ patch: KeptPatch) { tables.patches[patch.sha256] = patch }

    package func removePatch(_ sha256: SHA256Digest) { tables.patches[sha256] = nil }

    package func knownAgents() -> Set<NodeID> { Set(tables.agents.keys) }

    package func addAgent(_ agent: NodeID, reportKey: [UInt8]?) {
        var known = tables.agents[agent] ?? KnownAgent(id: agent)
        known.reportKey = reportKey ?? known.reportKey
        tables.agents[agent] = known
    }

    package func addAgent(_ agent: NodeID) { addAgent(agent, reportKey: nil) }

    package func agent(_ id: NodeID) -> KnownAgent? { tables.agents[id] }

    package func removeAgent(_ agent: NodeID) { tables.agents[agent] = nil }

    package func keep(_ order: CarriedOrder) {
        guard !tables.orders.contains(order) else { return }
        removeOrder(action: order.action, kind: order.kind)
        tables.orders.append(order)
    }

    package func orders(for agent: NodeID) -> [CarriedOrder] { tables.orders.filter { $0.agent == agent } }

    package func removeOrder(action: ActionID, kind: UInt8) {
        tables.orders.removeAll { $0.action == action && $0.kind == kind }
    }

    package func removeOrders(expiredBefore time: UnixTime) -> Int {
        let before = tables.orders.count
        tables.orders.removeAll { $0.expires < time }
        return before - tables.orders.count
    }

    @discardableResult
    package func keep(_ report: CarriedReport) -> Bool {
        let isRepeated = tables.reports.contains {
            $0.agent == report.agent && $0.incarnation == report.incarnation && $0.counter == report.counter
        }
        guard !isRepeated else { return false }
        tables.reports.append(report)
        return true
    }

    package func reportTallies() -> [NodeID: (reports: Int, bytes: Int)] {
        tables.reports.reduce(into: [:]) { tallies, report in
            let known = tallies[report.agent] ?? (0, 0)
            tallies[report.agent] = (known.reports + 1, known.bytes + report.signed.count)
        }
    }

    package func reports(limit: Int) -> [CarriedReport] { Array(tables.reports.prefix(limit)) }

    @discardableResult
    package func removeReport(agent: NodeID, incarnation: UInt64, counter: UInt64) -> Int? {
        let index = tables.reports.firstIndex {
            $0.agent == agent && $0.incarnation == incarnation && $0.counter == counter
        }
        return index.map { tables.reports.remove(at: $0).signed.count }
    }

    package func append(_ event: Event) -> UInt64 {
        tables.lastSequence = max(tables.lastSequence + 1, UInt64(clamping: event.time.milliseconds))
        tables.events.append(CarriedEvent(sequence: tables.lastSequence, event: event))
        return tables.lastSequence
    }

    package func events(limit: Int) -> [CarriedEvent] { Array(tables.events.prefix(limit)) }

    @discardableResult
    package func removeEvents(through sequence: UInt64) -> Int {
        let before = tables.events.count
        tables.events.removeAll { $0.sequence <= sequence }
        return before - tables.events.count
    }

    package func eventCount() -> Int { tables.events.count }

    package func trimEvents(to count: Int) -> Int {
        let extra = max(0, tables.events.count - max(0, count))
        let least = tables.events.sorted {
            let (left, right) = ($0.event.severity.rawValue, $1.event.severity.rawValue)
            return left == right ? $0.sequence < $1.sequence : left < right
        }
        let gone = Set(least.prefix(extra).map(\.sequence))
        tables.events.removeAll { gone.contains($0.sequence) }
        return extra
    }
}

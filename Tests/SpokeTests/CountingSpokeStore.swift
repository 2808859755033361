import Model
import Spoke

/// A store in memory that counts what is read.
final class CountingSpokeStore: SpokeStore {
    let store = MemorySpokeStore()
    /// Replicas and patches that were given out.
    private(set) var rows = 0
    /// Times that all events were counted.
    private(set) var eventCounts = 0

    private func count<Row>(_ found: [Row]) -> [Row] {
        rows += found.count
        return found
    }

    private func count<Row>(_ found: Row?) -> Row? {
        rows += found == nil ? 0 : 1
        return found
    }

    func transaction<Result>(_ body: () throws -> Result) throws -> Result { try store.transaction(body) }
    func setting(_ setting: SpokeSetting) -> [UInt8]? { store.setting(setting) }
    func set(_ setting: SpokeSetting, to value: [UInt8]) { store.set(setting, to: value) }
    func replicas() -> [WantedReplica] { count(store.replicas()) }
    func replica(_ sha256: SHA256Digest) -> WantedReplica? { count(store.replica(sha256)) }
    func replicas(naming path: TargetPath) -> [WantedReplica] { count(store.replicas(naming: path)) }
    func replicas(heldAs object: SHA256Digest) -> [WantedReplica] { count(store.replicas(heldAs: object)) }
    func save(_ replica: WantedReplica) { store.save(replica) }
    func patches() -> [KeptPatch] { count(store.patches()) }
    func patch(_ sha256: SHA256Digest) -> KeptPatch? { count(store.patch(sha256)) }
    func patches(giving content: SHA256Digest) -> [KeptPatch] { count(store.patches(giving: content)) }
    func save(_ patch: KeptPatch) { store.save(patch) }
    func removePatch(_ sha256: SHA256Digest) { store.removePatch(sha256) }
    func knownAgents() -> Set<NodeID> { store.knownAgents() }
    func addAgent(_ agent: NodeID, reportKey: [UInt8]?) { store.addAgent(agent, reportKey: reportKey) }
    func agent(_ id: NodeID) -> KnownAgent? { store.agent(id) }
    func removeAgent(_ agent: NodeID) { store.removeAgent(agent) }
    func keep(_ order: CarriedOrder) { store.keep(order) }
    func orders(for agent: NodeID) -> [CarriedOrder] { store.orders(for: agent) }
    func removeOrder(action: ActionID, kind: UInt8) { store.removeOrder(action: action, kind: kind) }
    func removeOrders(expiredBefore time: UnixTime) -> Int { store.removeOrders(expiredBefore: time) }
    func keep(_ report: CarriedReport) -> Bool { store.keep(report) }
    func reportTallies() -> [NodeID: (reports: Int, bytes: Int)] { store.reportTallies() }
    func reports(limit: Int) -> [CarriedReport] { store.reports(limit: limit) }
    func removeReport(agent: NodeID, incarnation: UInt64, counter: UInt64) -> Int? {
        store.removeReport(agent: agent, incarnation: incarnation, counter: counter)
    }
    func append(_ event: Event) -> UInt64 { store.append(event) }
    func events(limit: Int) -> [CarriedEvent] { store.events(limit: limit) }
    func removeEvents(through sequence: UInt64) -> Int { store.removeEvents(through: sequence) }
    func eventCount() -> Int {
        eventCounts += 1
        return store.eventCount()
    }
    func trimEvents(to count: Int) -> Int { store.trimEvents(to: count) }
}

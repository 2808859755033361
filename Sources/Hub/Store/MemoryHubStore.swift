package import Model
import Rollout
import Trust

/// The hub's store in memory: for the simulation and for tests of the core.
///
/// What a restart leaves is what the last finished transaction left; the object itself stands for the disk.
package final class MemoryHubStore: HubStore {
    struct State {
        var tokens: [TokenID: TokenRecord] = [:]
        var spokes: [NodeID: SpokeRecord] = [:]
        var clients: [NodeID: ClientEntry] = [:]
        var facts: [NodeID: FactsRecord] = [:]
        var ledgers: [LedgerKey: ReportLedger] = [:]
        var ledgersHeard: [LedgerKey: UnixTime] = [:]
        var certificates: [CertificateRecord] = []
        var revocations: [NodeID: RevocationRecord] = [:]
        var segments: [SHA256Digest: (SegmentRecord, [UInt8])] = [:]
        var standings: [NodeID: StandingRecord] = [:]
        var catalog: CatalogRecord?
        var packages: [TargetPath: PackageRecord] = [:]
        var replicas: [ReplicaKey: ReplicaRecord] = [:]
        var patches: [PatchKey: PatchRecord] = [:]
        var pools: [PoolKey: PoolRecord] = [:]
        var links: [NodeID: LinkRecord] = [:]
        var checks: [PoolKey: CheckRecord] = [:]
        var prunes: [ReplicaKey: PruneRecord] = [:]
        var places: [ReplicaKey: PlaceRecord] = [:]
        var rollouts: [RolloutID: RolloutRecord] = [:]
        var waves: [RolloutID: [Int: WaveRecord]] = [:]
        var actions: [ActionID: ActionRecord] = [:]
        var orders: [Int64: OrderRecord] = [:]
        var alarms: [AlarmKey: AlarmRecord] = [:]
        var events: [EventRecord] = []
        var settings: [SettingKey: String] = [:]
        var answers: [String: IdempotencyRecord] = [:]
        var lastRollout: Int64 = 0
        var lastAction: Int64 = 0
        var sequence = OrderSequence(epoch: 1, number: 0)
    }

    struct LedgerKey: Hashable {
        let client: NodeID
        let incarnation: Int64
    }

    struct ReplicaKey: Hashable {
        let spoke: NodeID
        let path: TargetPath
    }

    struct PoolKey: Hashable {
        let node: NodeID
        let name: NodeName
    }

    var state = State()

    package init() {}

    package func transaction<T>(_ body: () throws -> T) throws -> T {
        let before = state
        do {
            return try body()
        } catch {
            state = before
            throw error
        }
    }

    // MARK: Catalog, settings, answers

    package func catalog() throws -> CatalogRecord? { state.catalog }
    package func setCatalog(_ catalog: CatalogRecord) throws { state.catalog = catalog }

    package func setting(_ key: SettingKey) throws -> String? { state.settings[key] }
    package func setSetting(_ key: SettingKey, _ value: String) throws { state.settings[key] = value }

    package func answer(for key: String) throws -> IdempotencyRecord? { state.answers[key] }

    package func insertAnswer(_ answer: IdempotencyRecord) throws {
        guard state.answers[answer.key] == nil else { throw HubStoreError.duplicate("answer \(answer.key)") }
        state.answers[answer.key] = answer
    }

    package func removeAnswers(createdBefore time: UnixTime) throws {
        state.answers = state.answers.filter { $0.value.created >= time }
    }

    // MARK: Events

    package func appendEvent(_ event: Event) throws -> EventRecord {
        let sequence = Int64(state.events.count) + 1
        let hash = EventRecord.hash(event, sequence: sequence, after: state.events.last?.hash ?? EventRecord.origin)
        let record = EventRecord(sequence: sequence, event: event, hash: hash)
        state.events.append(record)
        return record
    }

    package func events(after sequence: Int64, search: String?, limit: Int) throws -> [EventRecord] {
        let rest = state.events.dropFirst(Int(clamping: max(0, sequence)))
        guard let search, !search.isEmpty else { return Array(rest.prefix(max(0, limit))) }
        let needle = Self.lowercase(search)
        return Array(
            rest.lazy.filter { record in
                [record.event.code.rawValue, record.event.subject, record.event.text, record.event.actor ?? ""]
                    .contains { Self.lowercase($0).contains(needle) }
            }.prefix(max(0, limit)))
    }

    /// Lowercase of ASCII letters only, as SQLite's LIKE compares.
    private static func lowercase(_ text: String) -> String {
        String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    }

    package func lastEvent() throws -> EventRecord? { state.events.last }
}

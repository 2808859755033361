package import Model
package import Rollout

/// Fills in what `Rollout/Delivery.swift` judges, from the hub's records at one moment.
///
/// Remembers what it read, so that the answers about many clients cost one read of each spoke, package and rollout.
package struct DeliveryReader {
    private let store: any HubStore
    private let now: UnixTime
    private var spokes: [NodeID: SpokeRecord?] = [:]
    private var copies: [NodeID: [TargetPath: ReplicaRecord?]] = [:]
    private var packages: [TargetPath: PackageRecord?] = [:]
    private var rollouts: [RolloutID: RolloutRecord?] = [:]
    private var waves: [RolloutID: [WaveRecord]] = [:]
    private let clockErrors: [NodeID: Int64]
    private let cloned: Set<NodeID>

    /// Members with a wrong clock that are looked at.
    private static let clocks = 10_000

    package init(store: any HubStore, at now: UnixTime) throws {
        self.store = store
        self.now = now
        let wrong = try store.wrongClocks(limit: Self.clocks).first
        clockErrors = Dictionary(uniqueKeysWithValues: wrong.map { ($0.node, $0.clockError / 1000) })
        cloned = Set(try store.alarms(.machineCloned, seenAfter: now - HubLimits.cloneAlarm).map(\.subject))
    }

    /// What stands between a package and a client, with the client's action if it has one.
    package mutating func check(
        _ path: TargetPath, for client: ClientEntry, action: ActionRecord?
    ) throws -> Eligibility {
        guard let spoke = try spoke(client.spoke), let record = try package(path) else {
            return Eligibility(reasons: [], notes: [Note(.importFailed, "the catalog no longer names the package")])
        }
        let delivery = Delivery(
            now: now, package: record.state, packageError: record.error,
            spoke: Delivery.Machine(
                name: spoke.name, isConnected: spoke.isConnected, since: spoke.since, isRevoked: spoke.revoked != nil,
                clockError: clockErrors[spoke.id] ?? 0),
            client: Delivery.Machine(
                name: client.name, isConnected: client.isConnected, since: client.since,
                isRevoked: client.revoked != nil, clockError: clockErrors[client.id] ?? 0),
            reported: client.lastReport, isCloned: cloned.contains(client.id),
            copy: try copy(path, at: spoke.id).map {
                Delivery.Copy(state: $0.state, lacking: $0.lacking, text: $0.text)
            },
            work: try action.flatMap { try work(of: $0) })
        return delivery.check()
    }

    /// The same for an action of a rollout.
    package mutating func check(_ action: ActionRecord) throws -> Eligibility {
        // What is over waits for nothing.
        guard !action.state.isFinal, let client = try store.client(action.client) else {
            return Eligibility(reasons: [], notes: [])
        }
        return try check(action.path, for: client, action: action)
    }

    private mutating func work(of action: ActionRecord) throws -> Delivery.Work? {
        guard let rollout = try rollout(action.rollout) else { return nil }
        let known = try waves[rollout.id] ?? store.waves(of: rollout.id)
        waves[rollout.id] = known
        let state = known.first { $0.index == action.wave }?.state
        return Delivery.Work(
            rollout: rollout.specification.name, rolloutState: rollout.state, rolloutText: rollout.text,
            wave: action.wave, waveState: state ?? .scheduled, action: action.state, windows: rollout.windows)
    }

    private mutating func spoke(_ id: NodeID) throws -> SpokeRecord? {
        if let known = spokes[id] { return known }
        let found = try store.spoke(id)
        spokes[id] = .some(found)
        return found
    }

    private mutating func package(_ path: TargetPath) throws -> PackageRecord? {
        if let known = packages[path] { return known }
        let found = try store.package(path)
        packages[path] = .some(found)
        return found
    }

    private mutating func rollout(_ id: RolloutID) throws -> RolloutRecord? {
        if let known = rollouts[id] { return known }
        let found = try store.rollout(id)
        rollouts[id] = .some(found)
        return found
    }

    private mutating func copy(_ path: TargetPath, at spoke: NodeID) throws -> ReplicaRecord? {
        if let known = copies[spoke]?[path] { return known }
        let found = try store.replica(spoke: spoke, path: path)
        copies[spoke, default: [:]][path] = .some(found)
        return found
    }
}

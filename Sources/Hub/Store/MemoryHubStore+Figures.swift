package import Model
package import Rollout

extension MemoryHubStore {
    struct AlarmKey: Hashable {
        let subject: NodeID
        let code: WarningCode
    }

    // MARK: Alarms

    package func putAlarm(_ alarm: AlarmRecord) throws {
        state.alarms[AlarmKey(subject: alarm.subject, code: alarm.code)] = alarm
    }

    package func alarm(of subject: NodeID, _ code: WarningCode) throws -> AlarmRecord? {
        state.alarms[AlarmKey(subject: subject, code: code)]
    }

    package func alarms(_ code: WarningCode, seenAfter time: UnixTime) throws -> [AlarmRecord] {
        state.alarms.values.filter { $0.code == code && $0.seen > time }.sorted { $0.subject < $1.subject }
    }

    package func removeAlarms(of subject: NodeID) throws {
        state.alarms = state.alarms.filter { $0.key.subject != subject }
    }

    package func removeAlarms(seenBefore time: UnixTime) throws {
        state.alarms = state.alarms.filter { $0.value.seen >= time }
    }

    // MARK: Figures

    private var live: [ClientEntry] { state.clients.values.filter { $0.revoked == nil } }

    package func clientCounts() throws -> (total: Int, connected: Int) { (live.count, live.count { $0.isConnected }) }

    package func clientCount(of spoke: NodeID) throws -> Int { live.count { $0.spoke == spoke } }

    package func silentClients(before time: UnixTime, limit: Int) throws -> Counted<ClientEntry> {
        let found = live.filter { $0.lastReport ?? $0.joined < time }
            .sorted { ($0.lastReport ?? $0.joined, $0.name) < ($1.lastReport ?? $1.joined, $1.name) }
        return Counted(count: found.count, first: Array(found.prefix(limit)))
    }

    package func packageCounts() throws -> [PackageState: Int] {
        state.packages.values.reduce(into: [:]) { $0[$1.state, default: 0] += 1 }
    }

    package func rolloutCounts() throws -> [RolloutState: Int] {
        state.rollouts.values.reduce(into: [:]) { $0[$1.state, default: 0] += 1 }
    }

    package func rollouts(endedAfter time: UnixTime, limit: Int) throws -> [RolloutRecord] {
        let found = state.rollouts.values.filter { $0.ended.map { $0 > time } ?? false }
            .sorted { ($0.ended ?? .zero, $0.ordinal) > ($1.ended ?? .zero, $1.ordinal) }
        return Array(found.prefix(limit))
    }

    package func wrongClocks(limit: Int) throws -> Counted<StandingRecord> {
        let found = try standings().filter { $0.clockError != 0 }
        return Counted(count: found.count, first: Array(found.prefix(limit)))
    }

    package func certificates(endingBefore time: UnixTime, limit: Int) throws -> Counted<StandingRecord> {
        let found = try standings().filter { $0.expires < time }
            .sorted { ($0.expires, $0.node) < ($1.expires, $1.node) }
        return Counted(count: found.count, first: Array(found.prefix(limit)))
    }

    package func lackingReplicas(limit: Int) throws -> Counted<ReplicaRecord> {
        let found = state.replicas.values
            .filter { $0.lacking != nil && state.spokes[$0.spoke]?.revoked == nil }
            .sorted { ($0.spoke, $0.path) < ($1.spoke, $1.path) }
        return Counted(count: found.count, first: Array(found.prefix(limit)))
    }

    package func uncertainActions(limit: Int) throws -> Counted<ActionRecord> {
        let found = state.actions.values
            .filter { action in
                action.state == .uncertain && state.clients[action.client].map { $0.revoked == nil } ?? false
            }
            .sorted { $0.ordinal < $1.ordinal }
        return Counted(count: found.count, first: Array(found.prefix(limit)))
    }

    package func lastChange(of rollout: RolloutID) throws -> UnixTime? {
        state.actions.values.filter { $0.rollout == rollout }.map(\.changed).max()
    }
}

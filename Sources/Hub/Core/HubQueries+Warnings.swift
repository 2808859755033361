package import Model
import Rollout

/// Counts and warnings: everything that needs a person, by indexes and not by reading the fleet.
extension HubQueries {
    package func summary(at now: UnixTime) throws -> HubSummary {
        var summary = HubSummary()
        let spokes = try store.spokes()
        let live = spokes.filter { $0.revoked == nil }
        summary.spokes = live.count
        summary.spokesConnected = live.count { $0.isConnected }
        (summary.clients, summary.clientsConnected) = try store.clientCounts()
        summary.packages = try store.packageCounts()
        summary.rollouts = try store.rolloutCounts()
        let found: [HubWarning] =
            try alarms(at: now) + rolloutWarnings(at: now) + actionWarnings() + siteWarnings(live, at: now)
            + parentWarnings(spokes) + clientWarnings(at: now) + poolWarnings(spokes) + packageWarnings()
            + catalogWarnings(at: now) + memberWarnings(at: now)
        summary.warnings = WarningCode.allCases.flatMap { code in found.filter { $0.code == code } }
        return summary
    }

    /// `a, b and 3 more`.
    private func list(_ names: [String], of count: Int) -> String {
        let shown = names.prefix(HubLimits.warningExamples)
        let rest = count - shown.count
        return shown.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }

    private func warning(_ code: WarningCode, _ names: [String], of count: Int, _ text: (String) -> String)
        -> [HubWarning]
    {
        guard count > 0 else { return [] }
        let shown = Array(names.prefix(HubLimits.warningExamples))
        return [HubWarning(code, text(list(shown, of: count)), count: count, examples: shown)]
    }

    private func name(of node: NodeID) throws -> String {
        if let spoke = try store.spoke(node) { return "spoke/\(spoke.name)" }
        return try store.client(node).map { "client/\($0.name)" } ?? "the hub"
    }

    // MARK: - What was seen once

    private func alarms(at now: UnixTime) throws -> [HubWarning] {
        let shown: [(WarningCode, Duration)] = [
            (.machineCloned, HubLimits.cloneAlarm), (.hubRestored, HubLimits.alarmShown),
            (.spokeRestored, HubLimits.alarmShown), (.agentRestored, HubLimits.alarmShown),
        ]
        return try shown.flatMap { code, time in
            let alarms = try store.alarms(code, seenAfter: now - time)
            let first = try alarms.prefix(HubLimits.warningExamples).map { try name(of: $0.subject) }
            return warning(code, first, of: alarms.count) { names in
                alarms.count == 1 ? alarms[0].text : "\(code.meaning): \(names)"
            }
        }
    }

    // MARK: - Rollouts

    private func rolloutWarnings(at now: UnixTime) throws -> [HubWarning] {
        let paused = try store.rollouts(in: [.paused])
        let limit = HubLimits.warningExamples
        var warnings = warning(.rolloutPaused, paused.prefix(limit).map(\.specification.name), of: paused.count) {
            names in
            paused.count == 1
                ? "rollout \(paused[0].specification.name) is paused: \(paused[0].text ?? "")" : "paused: \(names)"
        }
        let ended = try store.rollouts(endedAfter: now - HubLimits.alarmShown, limit: 200)
        var failed: [(rollout: RolloutRecord, result: RolloutResult)] = []
        var proved: Set<ProductName> = []
        for rollout in ended {
            let result = RolloutResult(try store.actionCounts(of: rollout.id).all)
            let isBad = rollout.state == .failed || result.failed > 0
            // A later rollout of the product that went well has answered it.
            if isBad, !proved.contains(rollout.specification.product) { failed.append((rollout, result)) }
            if !isBad, rollout.state == .completed { proved.insert(rollout.specification.product) }
        }
        warnings += warning(.rolloutFailed, failed.prefix(limit).map(\.rollout.specification.name), of: failed.count) {
            guard failed.count == 1, let only = failed.first else { return "rollouts with failures: \($0)" }
            let detail = only.result.total > 0 ? only.result.text : only.rollout.text ?? ""
            return "rollout \(only.rollout.specification.name) is \(only.rollout.state.name): \(detail)"
        }
        let stalled = try store.rollouts(in: [.running]).filter { try isStalled($0, at: now) }
        warnings += warning(.rolloutStalled, stalled.prefix(limit).map(\.specification.name), of: stalled.count) {
            "nothing has moved for a day in \($0)"
        }
        return warnings
    }

    /// Whether nothing changed for a day in which the rollout could have gone on.
    private func isStalled(_ rollout: RolloutRecord, at now: UnixTime) throws -> Bool {
        guard rollout.windows.isEmpty || rollout.windows.contains(where: { $0.start <= now && now < $0.end }) else {
            return false
        }
        var last = try store.lastChange(of: rollout.id) ?? rollout.created
        if let started = rollout.started { last = max(last, started) }
        for wave in try store.waves(of: rollout.id) {
            if wave.state.isTimed { return false }
            if let began = wave.began { last = max(last, began) }
        }
        if let open = rollout.windows.first(where: { $0.start <= now && now < $0.end }) { last = max(last, open.start) }
        return now - last > HubLimits.rolloutStall
    }

    private func actionWarnings() throws -> [HubWarning] {
        let found = try store.uncertainActions(limit: HubLimits.warningExamples)
        let names = try found.first.map { action in
            let client = try store.client(action.client)?.name.text ?? "\(action.client)"
            return "\(client) \(action.path.product):\(action.path.release)"
        }
        return warning(.actionsUncertain, names, of: found.count) { "installs of which nothing is heard: \($0)" }
    }

    // MARK: - Members

    private func siteWarnings(_ live: [SpokeRecord], at now: UnixTime) throws -> [HubWarning] {
        let away = live.filter { !$0.isConnected }
        var warnings = warning(.spokeOffline, away.map(\.name.text), of: away.count) {
            "\(away.count) of \(live.count) spokes are not connected: \($0)"
        }
        let horizon = try store.catalog()?.expires
        let short = away.filter { spoke in
            let end = (spoke.since ?? spoke.joined) + HubLimits.offlineHorizon
            return min(end, horizon ?? end) - now < HubLimits.siteWarning
        }
        warnings += warning(.siteExpiring, short.map(\.name.text), of: short.count) {
            "sites that cannot go on much longer without the hub: \($0)"
        }
        return warnings
    }

    private func parentWarnings(_ spokes: [SpokeRecord]) throws -> [HubWarning] {
        var (names, count): ([String], Int) = ([], 0)
        for spoke in spokes where spoke.revoked != nil {
            let clients = try store.clientCount(of: spoke.id)
            guard clients > 0 else { continue }
            count += clients
            names.append("\(spoke.name) (\(clients))")
        }
        guard count > 0 else { return [] }
        let shown = Array(names.prefix(HubLimits.warningExamples))
        let text = "\(count) \(count == 1 ? "machine is" : "machines are") behind revoked spokes: "
        return [HubWarning(.parentRevoked, text + list(shown, of: names.count), count: count, examples: shown)]
    }

    private func clientWarnings(at now: UnixTime) throws -> [HubWarning] {
        let silent = try store.silentClients(before: now - HubLimits.reportAge, limit: HubLimits.warningExamples)
        return warning(.clientsSilent, silent.first.map(\.name.text), of: silent.count) { names in
            let since = silent.first.first.map { $0.lastReport ?? $0.joined } ?? now
            let hours = (now - since).components.seconds / 3600
            return silent.count == 1
                ? "client \(names) has not reported for \(hours) hours"
                : "\(silent.count) clients have not reported for a day, the first for \(hours) hours: \(names)"
        }
    }

    private func memberWarnings(at now: UnixTime) throws -> [HubWarning] {
        let limit = HubLimits.warningExamples
        let clocks = try store.wrongClocks(limit: limit)
        let clockNames = try clocks.first.map { standing in
            let seconds = standing.clockError / 1000
            return "\(try name(of: standing.node)) (\(seconds.magnitude) s \(seconds > 0 ? "ahead" : "behind"))"
        }
        var warnings = warning(.clockWrong, clockNames, of: clocks.count) { "wrong clocks: \($0)" }
        let ending = try store.certificates(endingBefore: now + HubLimits.certificateWarning, limit: limit)
        let endingNames = try ending.first.map { "\(try name(of: $0.node)) (\($0.expires))" }
        warnings += warning(.certificateExpiring, endingNames, of: ending.count) { "certificates end soon: \($0)" }
        return warnings
    }

    // MARK: - Bytes

    private func poolWarnings(_ spokes: [SpokeRecord]) throws -> [HubWarning] {
        let owners = Dictionary(uniqueKeysWithValues: spokes.map { ($0.id, $0) })
        func name(_ pool: PoolRecord) -> String {
            owners[pool.node].map { "\($0.name)/\(pool.name)" } ?? pool.name.text
        }
        let pools = try store.pools().filter { owners[$0.node]?.revoked == nil }
        let lost = pools.filter { $0.problem != nil || $0.access == .unavailable }
        let usable = pools.filter { $0.problem == nil && $0.access != .unavailable }
        // A pool of a spoke that reported nothing yet has no figures.
        let low = usable.filter { $0.freeOnDisk < HubLimits.diskLow }
        let full = usable.filter { pool in
            pool.quota > .zero && (pool.used + pool.reserved).bytes / 95 >= pool.quota.bytes / 100
                && pool.quota.bytes >= 100
        }
        let lacking = try store.lackingReplicas(limit: HubLimits.warningExamples)
        let lackingNames = lacking.first.map { replica in
            "\(owners[replica.spoke]?.name.text ?? "unknown") lacks \(replica.lacking ?? .zero) for \(replica.path.id)"
        }
        return warning(.spokeLacksSpace, lackingNames, of: lacking.count) { "spokes lack space: \($0)" }
            + warning(.diskLow, low.map { "\(name($0)) has \($0.freeOnDisk) free" }, of: low.count) {
                "less than \(HubLimits.diskLow) of free disk: \($0)"
            }
            + warning(.poolUnavailable, lost.map(name), of: lost.count) { "pools that cannot be used: \($0)" }
            + warning(.poolFull, full.map(name), of: full.count) { "pools that are 95 per cent full or more: \($0)" }
    }

    private func packageWarnings() throws -> [HubWarning] {
        let failed = try store.packages(in: .failed)
        return warning(.packageFailed, failed.map { $0.package.path.id }, of: failed.count) { names in
            failed.count == 1
                ? "package \(names) could not be imported: \(failed[0].error ?? "")" : "packages not imported: \(names)"
        }
    }

    /// A hub without a catalog is new, which is no fault.
    private func catalogWarnings(at now: UnixTime) throws -> [HubWarning] {
        guard let catalog = try store.catalog() else { return [] }
        var warnings: [HubWarning] = []
        if let error = catalog.error {
            warnings.append(HubWarning(.catalogFailed, "the catalog could not be refreshed: \(error)"))
        }
        if let expires = catalog.expires {
            if expires <= now {
                warnings.append(HubWarning(.catalogExpired, "the catalog expired at \(expires)"))
            } else if expires - now < HubLimits.catalogWarning {
                warnings.append(HubWarning(.catalogExpiring, "the catalog expires at \(expires)"))
            }
        }
        return warnings
    }
}

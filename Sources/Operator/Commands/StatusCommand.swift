import API
import Model

/// `axle status`: warnings first, then the fleet in numbers.
enum StatusCommand {
    static func run(_ hub: HubConnection, _ printer: Printer) throws -> Int32 {
        let status: StatusResource = try hub.get(["status"])
        let (warnings, isDown) = judge(status)
        guard !printer.isJSON else {
            try printer.json(status)
            return isDown ? 1 : 0
        }
        for warning in warnings { printer.warning(warning) }
        let catalog = status.catalog.map { catalog in
            "timestamp \(catalog.timestampVersion.map(String.init) ?? "none"), refreshed "
                + (Wording.age(catalog.refreshed, status.time).map { $0 + " ago" } ?? "never")
        }
        printer.fields([
            ("Hub", "\(status.hub.name) of fleet \(status.fleet), version \(status.version)"),
            ("Up", Wording.span(status.time.seconds - status.started.seconds)),
            ("Spokes", "\(status.spokes.connected) of \(status.spokes.total) connected"),
            ("Clients", "\(status.clients.connected) of \(status.clients.total) connected"),
            ("Packages", counts(status.packages)),
            ("Rollouts", counts(status.rollouts)),
            ("Catalog", catalog),
            ("Pool", status.pool.map { "\(Wording.size($0.used)) of \(Wording.size($0.quota)) used" }),
        ])
        return isDown ? 1 : 0
    }

    /// What a person should know first, and whether something is down.
    static func judge(_ status: StatusResource) -> (warnings: [String], isDown: Bool) {
        var warnings: [String] = []
        var isDown = false
        func down(_ text: String) {
            warnings.append(text)
            isDown = true
        }
        let offline = Wording.difference(status.spokes.total, status.spokes.connected)
        if offline > 0 { down("\(offline) of \(status.spokes.total) spokes offline; see 'axle spoke list'") }
        for site in status.offlineSites ?? [] {
            let left = site.until.seconds - status.time.seconds
            let away = Wording.span(status.time.seconds - site.since.seconds)
            if left <= 0 {
                warnings.append(
                    "site \(site.spoke) has been away for \(away), longer than it can without the hub: connect it, and where its "
                        + "machines say so, let them join again")
            } else if left < 15 * 86_400 {
                warnings.append("site \(site.spoke) has been away for \(away) and has \(Wording.span(left)) left")
            }
        }
        for name in status.wrongClocks ?? [] { warnings.append("the clock of \(name) is wrong; see 'axle log'") }
        if status.changesAuthority ?? false {
            warnings.append("a change of the fleet's CA is under way; see 'axle ca show'")
        }
        if let lack = status.confinementLack { warnings.append("at the hub: \(lack)") }
        if let catalog = status.catalog {
            if let problem = catalog.problem { down("the last refresh of the catalog failed: \(problem)") }
            if let expires = catalog.expires {
                let left = expires.seconds - status.time.seconds
                if left <= 0 { down("the catalog has expired; its publisher must sign it anew") }
                if (1..<604_800).contains(left) { warnings.append("the catalog expires in \(Wording.span(left))") }
            }
        } else {
            warnings.append("no catalog is set; see 'axle catalog set -h'")
        }
        if let failed = status.packages[PackageState.failed.name], failed > 0 {
            down("\(failed) packages could not be fetched; see 'axle package list'")
        }
        if let failed = status.rollouts[RolloutState.failed.name], failed > 0 {
            warnings.append("\(failed) rollouts failed; see 'axle rollout list'")
        }
        if let pool = status.pool, pool.quota.bytes > 0, pool.used.bytes / 9 >= pool.quota.bytes / 10 {
            warnings.append("the hub's pool is \(Wording.size(pool.used)) of \(Wording.size(pool.quota)) full")
        }
        return (warnings, isDown)
    }

    private static func counts(_ counts: [String: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }
}

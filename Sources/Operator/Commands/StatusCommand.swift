import API
import Model

/// `axle status`: warnings first, then the fleet in numbers.
enum StatusCommand {
    static func run(_ hub: HubConnection, _ printer: Printer) throws -> Int32 {
        let status: StatusResource = try hub.get(["status"])
        let warnings = status.warnings ?? []
        let result: Int32 = warnings.contains { $0.isWarning } ? 1 : 0
        guard !printer.isJSON else {
            try printer.json(status)
            return result
        }
        if status.warnings == nil { printer.message("The hub is of an earlier release and names no warnings.") }
        for warning in warnings {
            if warning.isWarning { printer.warning(warning.text) } else { printer.line("notice: \(warning.text)") }
            printer.line("  \(warning.next)")
        }
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
            ("Catalog", catalog ?? "none is set; see 'axle catalog set -h'"),
            ("Pool", status.pool.map { "\(Wording.size($0.used)) of \(Wording.size($0.quota)) used" }),
        ])
        return result
    }

    private static func counts(_ counts: [String: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }
}

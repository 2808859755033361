import API
import HTTP
import Model
import System

/// `axle package …`.
enum PackageCommands {
    static func run(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        switch invocation.path.last {
        case "show":
            try show(hub.get(["packages", try id(invocation.requiredOperand(0))]), printer)
        case "import":
            for operand in invocation.operands {
                let id = try id(operand)
                try hub.act(.post, ["packages", id, "import"])
                printer.message("\(id) is being imported; see 'axle package show \(id)'.")
            }
        case "remove": try remove(invocation, hub, printer)
        default:
            var packages: [PackageResource] = try hub.list(["packages"])
            if !invocation.isSet("all") { packages.removeAll(where: isGone) }
            try printer.list(
                packages, ["ID", "STATE", "SIZE", "REPLICAS"],
                none: "There are no packages. Set a catalog with 'axle catalog set' and refresh it."
            ) { package in
                let verified = package.replicas.count { $0.state == .verified }
                return [
                    package.id, package.state.name, Wording.size(package.length),
                    "\(verified)/\(package.replicas.count)",
                ]
            }
        }
    }

    /// Whether the catalog no longer names it and nobody has anything of it.
    private static func isGone(_ package: PackageResource) -> Bool {
        package.state == .retired && package.held == 0 && package.replicas.allSatisfy { $0.state == .evicted }
    }

    /// Shows what goes, then does it: all of it, or nothing where something is against one.
    private static func remove(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        let ids = try invocation.operands.map { try id($0) }
        let removals: [PackageRemovalResource] = try ids.map { try hub.get(["packages", $0, "removal"]) }
        let isDry = invocation.isSet("dry-run")
        let refused = removals.filter { !$0.refused.isEmpty }
        if !printer.isJSON || isDry || refused.isEmpty {
            try printer.list(
                removals, ["ID", "STATE", "SIZE", "AT-HUB", "AT-SPOKES", "AGAINST-IT"], lastIsText: true, none: ""
            ) { removal in
                [
                    removal.package, removal.state.name, Wording.size(removal.length), Wording.size(removal.held),
                    "\(removal.spokes.count)", removal.refused.isEmpty ? nil : removal.refused.joined(separator: "; "),
                ]
            }
        }
        guard !isDry else { return }
        if let first = refused.first {
            throw OperatorError(
                "\(first.package) cannot be removed: \(first.refused.joined(separator: "; "))",
                next:
                    "Nothing was removed. What the catalog names goes by retention: 'axle pool plan', 'axle pool prune'."
            )
        }
        for removal in removals {
            try hub.act(.post, ["packages", removal.package, "remove"])
            guard !printer.isJSON else { continue }
            let count = removal.spokes.count
            printer.message(
                count == 0
                    ? "\(removal.package) goes."
                    : "\(removal.package) goes, from \(count) spoke\(count == 1 ? "" : "s") as well, each when it is connected."
            )
        }
    }

    /// A package's id; its target path, with slashes, is taken as well.
    private static func id(_ text: String) throws -> String {
        text.contains("/") ? try TargetPath(text).id : try TargetPath(id: text).id
    }

    private static func show(_ package: PackageResource, _ printer: Printer) throws {
        guard !printer.isJSON else { return try printer.json(package) }
        printer.fields([
            ("Package", package.id), ("State", package.state.name),
            ("Size", "\(Wording.size(package.length)) (\(Wording.size(package.held)) here)"),
            ("SHA-256", package.sha256.description), ("Kind", package.kind.name),
            ("Severity", package.metadata?.severity.name), ("Program", package.metadata?.install.program),
            ("Notes", package.metadata?.notes),
            ("Pool", package.place.map { "\($0.pool)\($0.reason.map { " (\($0))" } ?? "")" }),
            ("Problem", package.problem),
        ])
        printer.section(
            "Replicas", ["SPOKE", "STATE", "HELD", "DETAIL"], lastIsText: true,
            package.replicas.map { replica in
                [
                    replica.spoke.name.text, replica.state.name, Wording.size(replica.held),
                    replica.problem
                        ?? (replica.state == .verified
                            ? Wording.transfer(replica.means, sent: replica.sent, of: package.length) : nil),
                ]
            })
        printer.section(
            "Patches", ["FROM", "MEANS", "STATE", "SIZE", "USED", "PROBLEM"], lastIsText: true,
            (package.patches ?? []).map { patch in
                [
                    patch.from, patch.means.name, patch.state.name, patch.length.map { Wording.size($0) },
                    Wording.age(patch.used, printer.now), patch.problem,
                ]
            })
    }
}

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
                printer.streams.message("\(id) is being imported; see 'axle package show \(id)'.")
            }
        default:
            let packages: [PackageResource] = try hub.list(["packages"])
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
                    replica.problem ?? Wording.transfer(replica.means, sent: replica.sent, of: package.length),
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

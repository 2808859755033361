import API
import HTTP
import Model
import System
import Trust

/// `axle catalog …`.
enum CatalogCommands {
    static func run(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        switch invocation.path.last {
        case "set":
            let file = try invocation.required("root")
            let url = invocation.value("url") ?? "bundle:"
            do {
                if url != "bundle:" { _ = try URLReference(url) }
            } catch {
                throw UsageError("--url: \(error)")
            }
            let root = try String(validating: File.read(file, limit: MetadataLimits.rootBytes), as: UTF8.self)
            guard let root else { throw OperatorError("\(file) is not the text of a root.json") }
            try show(hub.send(.put, ["catalog"], CatalogChange(url: url, root: root)), printer)
        case "refresh":
            try hub.act(.post, ["catalog", "refresh"])
            try show(hub.get(["catalog"]), printer)
        case "show":
            try show(hub.get(["catalog"]), printer)
        default:
            let releases: [ReleaseResource] = try hub.list(["catalog", "releases"])
            try printer.list(
                releases, ["PRODUCT", "RELEASE", "LINE", "COUNTER", "SEVERITY", "PLATFORMS"],
                none: "The catalog has no releases. Refresh it with 'axle catalog refresh'."
            ) { release in
                [
                    release.product.text, release.release.text, release.line.text, "\(release.counter)",
                    release.severity.name,
                    Set(release.packages.map(\.platform.text)).sorted().joined(separator: ","),
                ]
            }
        }
    }

    private static func show(_ catalog: CatalogResource, _ printer: Printer) throws {
        guard !printer.isJSON else { return try printer.json(catalog) }
        printer.fields([
            ("URL", catalog.url), ("Root", catalog.rootVersion.map(String.init)),
            ("Timestamp", catalog.timestampVersion.map(String.init)), ("Expires", catalog.expires?.description),
            ("Refreshed", Wording.age(catalog.refreshed, printer.now).map { $0 + " ago" }),
            ("Problem", catalog.problem),
        ])
    }
}

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
            let asked: CatalogResource = try hub.send(.post, ["catalog", "refresh"], [String: String]())
            try show(try refreshed(asked, hub, printer), printer)
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

    /// Half seconds that a refresh is waited for.
    private static let patience = 120

    /// The catalog once a refresh that was asked for has ended, however it ended; a hub that does not tell is not waited for.
    private static func refreshed(
        _ asked: CatalogResource, _ hub: HubConnection, _ printer: Printer
    ) throws -> CatalogResource {
        var catalog: CatalogResource = try hub.get(["catalog"])
        guard asked.nextRefresh != nil else { return catalog }
        for _ in 0..<patience where catalog.nextRefresh == asked.nextRefresh {
            printer.context.pause(.milliseconds(500))
            catalog = try hub.get(["catalog"])
        }
        if catalog.nextRefresh == asked.nextRefresh {
            printer.streams.message(
                "The refresh is still under way: this is what was known before it. See 'axle catalog show'.")
        }
        return catalog
    }

    /// The root that was pinned: its version and its fingerprint.
    private static func root(_ catalog: CatalogResource) -> String? {
        guard let sha256 = catalog.rootSHA256 else { return nil }
        return "version \(catalog.rootVersion.map(String.init) ?? "unknown") as it was set, SHA-256 \(sha256)"
    }

    private static func show(_ catalog: CatalogResource, _ printer: Printer) throws {
        guard !printer.isJSON else { return try printer.json(catalog) }
        printer.fields([
            ("URL", catalog.url), ("Root", root(catalog)),
            ("Timestamp", catalog.timestampVersion.map(String.init)), ("Expires", catalog.expires?.iso8601),
            ("Refreshed", Wording.age(catalog.refreshed, printer.now).map { $0 + " ago" }),
            ("Problem", catalog.problem),
        ])
    }
}

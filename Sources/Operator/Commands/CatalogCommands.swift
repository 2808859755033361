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
            try refresh(hub, seconds: try patience(invocation), printer)
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

    /// Seconds that the end of a refresh is waited for; nil with `--no-wait`.
    private static func patience(_ invocation: CommandInvocation) throws(UsageError) -> Int? {
        guard !invocation.isSet("no-wait") else {
            guard invocation.value("timeout") == nil else {
                throw UsageError("--timeout and --no-wait exclude each other")
            }
            return nil
        }
        guard let text = invocation.value("timeout") else { return 60 }
        guard let seconds = Int(text), (1...86_400).contains(seconds) else {
            throw UsageError("--timeout wants 1 to 86400 seconds, not \(text)")
        }
        return seconds
    }

    /// Asks for a refresh and shows the catalog once that has ended; throws if it failed or did not end in time.
    private static func refresh(_ hub: HubConnection, seconds: Int?, _ printer: Printer) throws {
        let asked: CatalogResource = try hub.send(.post, ["catalog", "refresh"], [String: String]())
        guard let seconds else {
            if !printer.isJSON { printer.streams.line("The refresh was asked for. See 'axle catalog show'.") }
            return printer.isJSON ? try printer.json(asked) : ()
        }
        var catalog: CatalogResource = try hub.get(["catalog"])
        if let begun = asked.nextRefresh {
            for _ in 0..<(2 * seconds) where catalog.nextRefresh == begun {
                printer.context.pause(.milliseconds(500))
                catalog = try hub.get(["catalog"])
            }
        }
        try show(catalog, printer)
        // A hub of an older release does not tell when a refresh ends: what it knows is shown.
        if let begun = asked.nextRefresh, catalog.nextRefresh == begun {
            throw OperatorError(
                "the refresh is still under way after \(seconds) s: this is what was known before it",
                next: "See 'axle catalog show', or wait longer with --timeout.")
        }
        if let problem = catalog.problem {
            throw OperatorError("the refresh failed: \(problem)", next: "See 'axle log --search catalog'.")
        }
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

internal import Codec
internal import Model
internal import System

/// `axle-spoke share add|list|remove`: which folders of this machine show which release of a
/// product.
///
/// Works whether the spoke runs or not; a running one sees the change within a second.
enum SpokeShareCommand {
    static let specification = CommandSpecification(
        "share", "Folders of this machine that show a release of a product",
        options: [.path("state", "DIR", "the spoke's state folder", required: true)],
        commands: [
            CommandSpecification(
                "add", "Show a release of a product in a folder of this machine",
                details: "The folder must be there. Clients start their program from FOLDER/current.",
                operands: [.required("NAME")],
                options: [
                    .value("product", "P", "the product", required: true),
                    .value("platform", "PLAT", "the platform, where the product has several"),
                    .value("line", "LINE", "one line of the product (default: all)"),
                    .value(
                        "shows", "RULE",
                        "newest: the newest release in the catalog; completed: the newest that a rollout completed; or a release (default: newest)"
                    ),
                    .path("folder", "FOLDER", "an absolute path", required: true),
                    .value("keep", "N", "releases that stay in the folder (default: 2)"),
                ]),
            CommandSpecification(
                "list", "List the shares and what they show",
                options: [.flag("json", "print JSON")]),
            CommandSpecification(
                "remove", "Forget a share; its folder stays as it is", operands: [.required("NAME")]),
        ])

    /// A share and what it shows, for `list --json`.
    private struct Listed: Encodable {
        let share: Share
        let shown: String?
    }

    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        let state = try invocation.required("state")
        guard File.exists(Directory.join(state, "identity")) else {
            throw UsageError("\(state) is no state folder of a spoke")
        }
        let settings = ShareSettings(state: state)
        switch invocation.path.last {
        case "add": return try add(invocation, settings, state, streams)
        case "remove":
            let name = try NodeName(invocation.requiredOperand(0))
            guard let share = try settings.remove(name) else {
                streams.message("there is no share \(name)")
                return 0
            }
            streams.message(
                "Share \(name) is removed; \(share.folder) stays as it is. Remove it when no client uses it.")
            return 0
        default: return try list(invocation, settings, streams)
        }
    }

    private static func add(
        _ invocation: CommandInvocation, _ settings: ShareSettings, _ state: String, _ streams: ProgramStreams
    ) throws -> Int32 {
        var folder = try invocation.required("folder")
        while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
        var share = Share(
            name: try NodeName(invocation.requiredOperand(0)), product: try ProductName(invocation.required("product")),
            platform: try invocation.value("platform").map { try PlatformName($0) },
            line: try invocation.value("line").map { try LineName($0) }, folder: folder)
        // A command that is repeated without the rule leaves the share as it is.
        let known = try settings.read().first { $0.name == share.name }
        share.shows = try invocation.value("shows").map(rule) ?? known?.shows ?? .newest
        if let text = invocation.value("keep") {
            guard let keep = Int(text) else { throw UsageError("--keep is a number, not '\(text)'") }
            share.keep = keep
        }
        // A relative state folder means the same to the comparison of paths.
        guard try settings.add(share, state: Directory.absolute(state)) else {
            streams.message("Share \(share.name) is there already.")
            return 0
        }
        streams.message(
            "Share \(share.name) shows \(meaning(of: share)); clients start their program from \(folder)/current.")
        if try File.status(folder, followLinks: false)?.kind != .folder {
            streams.message("\(folder) is no folder yet: make it, the spoke tries again by itself.")
        }
        return 0
    }

    private static func rule(_ text: String) throws -> ShareRule {
        do {
            return try ShareRule(text)
        } catch {
            throw UsageError("--shows is completed, newest or a release: \(error)")
        }
    }

    private static func meaning(of share: Share) -> String {
        switch share.shows {
        case .newest: "the newest release of \(share.product) in the catalog"
        case .completed: "the newest release of \(share.product) that a rollout completed"
        case .pinned(let release): "\(share.product) \(release)"
        }
    }

    private static func list(
        _ invocation: CommandInvocation, _ settings: ShareSettings, _ streams: ProgramStreams
    ) throws -> Int32 {
        let listed = try settings.read().map { share in
            let target = try File.linkTarget(Directory.join(share.folder, "current"))
            return Listed(
                share: share,
                shown: target.flatMap { $0.split(separator: "/").last }.map { ShareView.release(of: String($0)) })
        }
        guard !invocation.isSet("json") else {
            streams.line(String(decoding: try JSONCoder.encode(listed, indented: true), as: UTF8.self))
            return 0
        }
        guard !listed.isEmpty else {
            streams.message("There is no share. Set one with 'axle-spoke share add'.")
            return 0
        }
        var rows = [["NAME", "PRODUCT", "PLATFORM", "LINE", "RULE", "SHOWS", "KEEP", "FOLDER"]]
        rows += listed.map { item in
            let share = item.share
            return [
                share.name.text, share.product.text, share.platform?.text ?? "<any>", share.line?.text ?? "<any>",
                share.shows.description, item.shown ?? "<none>", "\(share.keep)", share.folder,
            ]
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1
                    ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            streams.line(cells.joined(separator: "  "))
        }
        return 0
    }
}

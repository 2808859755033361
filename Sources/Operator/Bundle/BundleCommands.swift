import API
import Codec
import Identity
import Model
import System
import Trust

/// `axle bundle …`: the air gap.
enum BundleCommands {
    static let specification = CommandSpecification(
        "bundle", "Carry a catalog and its packages on a medium",
        details:
            "A bundle is a folder. Hub and spoke verify it like what comes over the network; see docs/air-gap.md. At a "
            + "spoke without a link: axle-spoke import --state DIR BUNDLE.",
        commands: [
            CommandSpecification(
                "export", "Make a bundle from the hub, or with --from of a published catalog",
                operands: [.requiredPath("BUNDLE")],
                options: [
                    .value("from", "URL|DIR", "A catalog's address or folder, in place of the hub"),
                    .path("root", "FILE", "The vendor's root that is believed (the hub's)"),
                    .value("product", "NAME", "Only this product", repeatable: true),
                    .value("release", "NAME", "Only this release", repeatable: true),
                    .value("platform", "NAME", "Only this platform", repeatable: true),
                    .path("without", "FILE", "Not what the other hub has, by its 'axle package list --json'"),
                    .flag("dry-run", "Say what would be exported, and do nothing"),
                ]),
            CommandSpecification(
                "import", "Bring a bundle to the hub; repeat it to go on", operands: [.requiredPath("BUNDLE")]),
        ])

    static func run(_ invocation: CommandInvocation, _ context: OperatorContext) throws -> Int32 {
        if invocation.path.last == "import" {
            return try BundleImport(hub: HubConnection(invocation, context), invocation: invocation, context: context)
                .run()
        }
        var root = try invocation.value("root").map { try File.read($0, limit: MetadataLimits.rootBytes) }
        let source: any BundleSource
        if let from = invocation.value("from"), from.contains("://") {
            source = try WebBundleSource(from)
        } else if let from = invocation.value("from") {
            source = FolderBundleSource(folder: BundleFolder(try Directory.absolute(from)))
        } else {
            source = HubBundleSource(hub: try HubConnection(invocation, context))
            if root == nil, case .bytes(let pinned) = source.metadata("root.json", limit: MetadataLimits.rootBytes) {
                root = pinned
            }
        }
        guard let root else {
            throw UsageError("--root FILE is required: the vendor's root.json, got by a way you trust")
        }
        return try BundleExport(source: source, root: root, invocation: invocation, context: context).run()
    }
}

internal import Settings
internal import Storage
package import System

/// The program `axle-spoke`: its commands, what each prints, and its exit status (0 done, 1 failed, 2 usage).
package enum SpokeProgram {
    /// The release of this program.
    package static let version = "0.1.0"

    private static let state = OptionSpecification.path("state", "DIR", "the spoke's state folder", required: true)

    static let specification = CommandSpecification(
        "axle-spoke", "Holds packages for one site and brings orders to its agents, unattended",
        commands: [
            CommandSpecification(
                "join", "Join a fleet at its hub",
                details: "The token comes from `axle token create --role spoke`, in a file or on standard input (-).",
                options: [
                    state,
                    .value("hub", "HOST:PORT", "the hub to join and to connect to", required: true),
                    .path("token-file", "FILE", "file with the join token, or - for standard input", required: true),
                    .path("catalog-root", "FILE", "the vendor's root.json to trust in place of the hub's"),
                    .value("name", "NAME", "the name that people will see (default: the host name)"),
                    .value("listen", "HOST:PORT", "where agents will reach it (default: 0.0.0.0:7441)"),
                    .value("pool", "KIND", "how packages are kept: file (default), or container (chunks shared)"),
                ]),
            CommandSpecification(
                "run", "Run the spoke",
                details: "The address that it has bound is printed and written to DIR/listen.json.",
                options: [state, .value("listen", "HOST:PORT", "where agents reach it (default: as at the join)")]),
            CommandSpecification(
                "import", "Take a bundle from a medium into the pool; the spoke may be running or not",
                details: "Bundles are made with `axle bundle export`. The spoke must be able to read it.",
                operands: [.requiredPath("BUNDLE")], options: [state]),
            SpokeShareCommand.specification,
            SettingsCheckCommand<SpokeOptions>.specification(state),
        ] + PoolCommand.specifications(daemon: "spoke", state: state)
    ).checkingPermissions()
    /// Commands that need no database; all others refuse to work beside one that is lost.
    private static let needNoDatabase = ["join", "check-config"]
    /// Commands that change nothing: they tell of permissions and go on.
    private static let readers = ["share list", "check-config"]

    /// Runs the program with the arguments after its name; gives the exit status.
    package static func main(_ arguments: [String], _ streams: ProgramStreams) async -> Int32 {
        await specification.run(arguments, version: version, streams) { invocation in
            try requireDatabase(invocation)
            try invocation.checkPermissions(onlyTells: readers.contains(invocation.name), streams)
            if invocation.path.contains("share") { return try SpokeShareCommand.run(invocation, streams) }
            switch invocation.name {
            case "join": return try await SpokeJoinCommand.run(invocation, streams)
            case "import": return try await SpokeImportCommand.run(invocation, streams)
            case "add-pool", "drain-pool", "remove-pool": return try PoolCommand.spoke.run(invocation, streams)
            case "check-config": return try SettingsCheckCommand<SpokeOptions>.run(invocation, streams) { _ in [] }
            case "run": return try await SpokeRunCommand.run(invocation, streams)
            default: throw UsageError("\(invocation.name) is no command of this program")
            }
        }
    }

    /// Before the permissions are looked at: those of a file that is not the database say nothing.
    private static func requireDatabase(_ invocation: CommandInvocation) throws {
        guard !needNoDatabase.contains(invocation.name), let state = invocation.value("state"),
            StateFolder.holds(state, kind: SpokeState.kind)
        else { return }
        try SQLiteSpokeStore.require(SpokeState.database(state))
    }
}

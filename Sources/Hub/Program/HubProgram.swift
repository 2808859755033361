internal import Settings
internal import Storage
package import System

/// The program `axle-hub`: its commands, what each prints, and its exit status (0 done, 1 failed, 2 usage).
package enum HubProgram {
    /// The release of this program.
    package static let version = "0.1.0"

    private static let state = OptionSpecification.path("state", "DIR", "the hub's state folder", required: true)

    private static let apiName = OptionSpecification.value(
        "api-name", "NAME", "a name or address by which operators reach it, for its certificate", repeatable: true)

    static let specification = CommandSpecification(
        "axle-hub", "Brings a vendor's signed packages to a fleet, as its operators schedule",
        commands: [
            CommandSpecification(
                "init", "Make a new hub and its fleet",
                details: """
                    Makes the state folder with the fleet's certificate authority, DIR/admin.token for `axle --token-file` \
                    and DIR/ca.pem for `axle --ca`.
                    """,
                options: [
                    state,
                    .value("name", "NAME", "the name that people will see (default: the host name)"),
                    .value("fleet", "FLEET", "the fleet's name (default: main)"),
                    .value("listen", "HOST:PORT", "where spokes reach it (default: 0.0.0.0:7440)"),
                    .value("api", "HOST:PORT", "where operators reach it (default: 127.0.0.1:8443, this machine only)"),
                    apiName,
                    .value("pool", "KIND", "how packages are kept: file (default), or container (chunks shared)"),
                    .path("pool-folder", "DIR", "where packages are kept (default: in the state folder)"),
                    .value("retention", "N", "releases of each line of a product that pools keep (default: 4)"),
                    .path("ca", "FILE", "a CA of your own: the issuing certificate first, the root last (PEM)"),
                    .path("ca-key", "FILE", "the key of that issuing certificate (PEM)"),
                ]),
            CommandSpecification(
                "ca-request", "Make a key and a request for an issuing CA under your own root",
                details: "Have your PKI sign the request as a CA of path length 0, then give the chain to `init --ca`.",
                options: [
                    .path("key", "FILE", "where the new key goes; it must not be there", required: true),
                    .path("out", "FILE", "where the request goes (PEM)", required: true),
                ]),
            CommandSpecification(
                "run", "Run the hub",
                details: "The addresses that it has bound are printed and written to DIR/listen.json.",
                options: [
                    state, .value("listen", "HOST:PORT", "where spokes reach it (default: as at init)"),
                    .value("api", "HOST:PORT", "where operators reach it (default: as at init)"), apiName,
                ]),
            HubNamesCommand.specification(state),
            HubClockCommand.specification(state),
            CommandSpecification(
                "move-pool", "Take the packages of a stopped hub to another folder",
                details: """
                    Copies them, compares every package with its hash, and switches then; until that is done the hub has its old \
                    folder, which is left for you to remove. What was cut off is begun anew.
                    """,
                options: [state, .path("to", "DIR", "the new folder, on any disk", required: true)]),
        ] + PoolCommand.specifications(daemon: "hub", state: state) + [
            SettingsCheckCommand<HubOptions>.specification(state)
        ]
    ).checkingPermissions()
    /// Commands that need no database; all others refuse to work beside one that is lost.
    private static let needNoDatabase = ["init", "ca-request", "check-config"]
    /// Commands that change nothing: they tell of permissions and go on.
    private static let readers = ["check-config", "names list"]

    /// Runs the program with the arguments after its name; gives the exit status.
    package static func main(_ arguments: [String], _ streams: ProgramStreams) async -> Int32 {
        await specification.run(arguments, version: version, streams) { invocation in
            try requireDatabase(invocation)
            try invocation.checkPermissions(onlyTells: readers.contains(invocation.name), streams)
            if invocation.path.first == "clock" { return try HubClockCommand.run(invocation, streams) }
            if invocation.path.contains("names") { return try HubNamesCommand.run(invocation, streams) }
            switch invocation.name {
            case "init": return try HubInitCommand.run(invocation, streams)
            case "ca-request": return try HubCARequestCommand.run(invocation, streams)
            case "run": return try await HubRunCommand.run(invocation, streams)
            case "move-pool": return try HubMovePoolCommand.run(invocation, streams)
            case "add-pool", "drain-pool", "remove-pool": return try PoolCommand.hub.run(invocation, streams)
            case "check-config":
                return try SettingsCheckCommand<HubOptions>.run(invocation, streams) { options in
                    options.downloads.unusable(streams.environment)
                }
            default: throw UsageError("\(invocation.name) is no command of this program")
            }
        }
    }

    /// Before the permissions are looked at: those of a file that is not the database say nothing.
    private static func requireDatabase(_ invocation: CommandInvocation) throws {
        guard !needNoDatabase.contains(invocation.name), let state = invocation.value("state"),
            StateFolder.holds(state, kind: HubState.kind)
        else { return }
        try SQLiteHubStore.require(HubState.database(state))
    }
}

internal import Content
internal import Settings
package import System

/// The program `axle-agent`: its commands, what each prints, and its exit status (0 done, 1 failed, 2 usage).
package enum AgentProgram {
    /// The release of this program.
    package static let version = "0.1.0"

    static let state = OptionSpecification.path(
        "state", "DIR", "the agent's state folder", required: true, environment: "AXLE_AGENT_STATE")
    static let json = OptionSpecification.flag("json", "print JSON")

    static let specification = CommandSpecification(
        "axle-agent", "Keeps the software of this machine up to date, as its fleet's hub orders",
        commands: [
            CommandSpecification(
                "join", "Join a fleet through its spoke",
                details: "The token comes from `axle token create --role agent`, in a file or on standard input (-).",
                options: [
                    state,
                    .value("spoke", "HOST:PORT", "the spoke to join through and to connect to", required: true),
                    .path("token-file", "FILE", "file with the join token, or - for standard input", required: true),
                    .path("catalog-root", "FILE", "the vendor's root.json to trust"),
                    .value("name", "NAME", "the name that people will see (default: the host name)"),
                    .path(
                        "products", "DIR", "where releases go (default: /opt/axle/products, or beside the state folder)"
                    ),
                ]),
            CommandSpecification("run", "Run the agent, and watch over it", options: [state]),
            CommandSpecification(
                "serve", "Run the agent proper (started by run)", options: [state]),
            CommandSpecification(
                "status", "Show what the agent is doing and what is installed", options: [state, json]),
            CommandSpecification(
                "check", "Gather the facts of this machine now and show them", options: [state, json]),
            SettingsCheckCommand<AgentConfiguration>.specification(state),
        ]
    ).checkingPermissions()
    /// Commands that need no database; all others refuse to work beside one that is lost. `serve` tells its supervisor in a way of its own.
    private static let needNoDatabase = ["join", "serve", "check-config"]
    /// Commands that change nothing: they tell of permissions and go on.
    private static let readers = ["status", "check", "check-config"]

    /// Runs the limited child if the program was started as one; nil if not. Before anything else, while there is one thread.
    package static func runConfined(_ arguments: [String], _ streams: ProgramStreams) -> Int32? {
        ContentJob.runIfAsked(arguments, streams)
    }

    /// Runs the program with the arguments after its name; gives the exit status.
    package static func main(_ arguments: [String], _ streams: ProgramStreams) async -> Int32 {
        await specification.run(
            arguments, version: version, streams,
            explain: { error in (error as? AgentError)?.message ?? "\(error)" }
        ) { invocation in
            try requireDatabase(invocation)
            try invocation.checkPermissions(onlyTells: readers.contains(invocation.name), streams)
            switch invocation.name {
            case "join": return try await JoinCommand.run(invocation, streams)
            case "run": return try await RunCommand.run(invocation, streams)
            case "serve": return try await RunCommand.serve(invocation, streams)
            case "status": return try StatusCommand.run(invocation, streams)
            case "check": return try CheckCommand.run(invocation, streams)
            case "check-config":
                return try SettingsCheckCommand<AgentConfiguration>.run(
                    invocation, streams, unusable: OperatorKeys.unusable)
            default: throw UsageError("\(invocation.name) is no command of this program")
            }
        }
    }

    /// Before the permissions are looked at: those of a file that is not the database say nothing.
    private static func requireDatabase(_ invocation: CommandInvocation) throws {
        guard !needNoDatabase.contains(invocation.name), let state = invocation.value("state"),
            StateFolder.holds(state, kind: AgentState.kind)
        else { return }
        try SQLiteAgentStore.require(AgentState.database(state))
    }
}

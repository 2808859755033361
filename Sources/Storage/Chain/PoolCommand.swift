package import Model
package import System

/// `add-pool`, `drain-pool` and `remove-pool` of a daemon's program: which pools it has beside its first one.
package struct PoolCommand: Sendable {
    /// The daemon whose pools these are, in words: hub or spoke.
    private let daemon: String
    private let defaultQuota: ByteCount
    private let open: @Sendable (String, _ task: String) throws -> StateFolder
    private let setup: @Sendable (String) throws -> PoolSetup
    private let settings: @Sendable (StateFolder) throws -> [NodeName: PoolSet.Setting]

    /// - Parameters:
    ///   - daemon: what the program is, for what is said.
    ///   - defaultQuota: of the first pool, where nobody has set one.
    ///   - open: opens the state folder at a path, and holds it for a task; refused while the daemon runs.
    ///   - setup: what may be changed in a state folder.
    ///   - settings: what was set for each pool, by the daemon's database.
    package init(
        daemon: String, defaultQuota: ByteCount,
        open: @escaping @Sendable (String, _ task: String) throws -> StateFolder,
        setup: @escaping @Sendable (String) throws -> PoolSetup,
        settings: @escaping @Sendable (StateFolder) throws -> [NodeName: PoolSet.Setting]
    ) {
        self.daemon = daemon
        self.defaultQuota = defaultQuota
        self.open = open
        self.setup = setup
        self.settings = settings
    }

    /// How the commands are called; `state` is the program's option for its state folder.
    package static func specifications(daemon: String, state: OptionSpecification) -> [CommandSpecification] {
        [
            CommandSpecification(
                "add-pool", "Add a pool for what does not fit into the others",
                details: """
                    Packages go to the first pool that has room, in the order in which pools were added. The folder is new or empty and \
                    belongs to the user that runs the \(daemon), which may be running: it takes the pool up by itself.
                    """,
                operands: [.required("NAME")],
                options: [
                    state,
                    .path("pool-folder", "DIR", "where it keeps packages, on any disk", required: true),
                    .value("kind", "KIND", "how packages are kept: file (default), or container (chunks shared)"),
                    .value("quota", "SIZE", "the bytes that it never exceeds, such as 500GB", required: true),
                ]),
            CommandSpecification(
                "drain-pool", "Move what a pool of a stopped \(daemon) holds into its other pools",
                details:
                    """
                    Each package is compared with its hash before it leaves. What was cut off goes on where it was. While the \(daemon) runs \
                    it empties a pool by itself: 'axle pool set POOL --access draining'.
                    """,
                operands: [.required("NAME")], options: [state]),
            CommandSpecification(
                "remove-pool", "Take a pool of a stopped \(daemon) off the list",
                details:
                    "Refused as long as it holds what no other pool has; drain it first. The folder is left for you to remove.",
                operands: [.required("NAME")],
                options: [state, .flag("lost", "its disk does not come back: what was in it is fetched again")]),
        ]
    }

    package func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        let name = try NodeName(try invocation.requiredOperand(0))
        let path = try invocation.required("state")
        switch invocation.name {
        case "add-pool":
            let entry = PoolList.Entry(
                name: name, kind: try Self.kind(invocation.value("kind")),
                quota: try Self.quota(try invocation.required("quota")),
                folder: try PoolFolder.absolute(try invocation.required("pool-folder")))
            try setup(path).add(entry)
            streams.line("added pool \(name) in \(entry.folder), \(entry.quota)")
            streams.message("a \(daemon) that runs takes it up within half a minute")
            return 0
        case "drain-pool":
            return try drain(name, path, streams)
        default:
            let state = try open(path, invocation.name)
            let left = try setup(state.path).remove(
                name, isLost: invocation.isSet("lost"), settings: try settings(state), quota: defaultQuota)
            streams.line("pool \(name) is off the list")
            streams.message("next: remove \(left)")
            return 0
        }
    }

    private func drain(_ name: NodeName, _ path: String, _ streams: ProgramStreams) throws -> Int32 {
        let state = try open(path, "drain-pool")
        var told = SystemClock.uptime
        let drained = try setup(state.path).drain(name, settings: try settings(state), quota: defaultQuota) { bytes in
            guard SystemClock.uptime - told >= .seconds(2) else { return }
            told = SystemClock.uptime
            streams.message("\(bytes) moved")
        }
        streams.line("\(drained.packages) packages, \(drained.bytes), were moved out of pool \(name)")
        for (_, why) in drained.stays.sorted(by: { $0.key < $1.key }) { streams.message("\(why)") }
        streams.message(
            "before the \(daemon) runs again: remove the pool, or set it to readOnly once it runs, else it fills anew")
        return drained.stays.isEmpty ? 0 : 1
    }

    private static func kind(_ text: String?) throws(UsageError) -> PoolFolder.Kind {
        guard let text else { return .file }
        guard let kind = PoolFolder.Kind(rawValue: text) else {
            throw UsageError("--kind wants file or container, not \(text)")
        }
        return kind
    }

    private static func quota(_ text: String) throws(UsageError) -> ByteCount {
        do {
            return try ByteCount(text)
        } catch {
            throw UsageError("--quota: \(error)")
        }
    }
}

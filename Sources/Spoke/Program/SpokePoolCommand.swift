internal import Identity
internal import Model
internal import Storage
internal import System

/// `axle-spoke add-pool`, `drain-pool` and `remove-pool`: which pools the spoke has beside its first one.
enum SpokePoolCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        let name = try NodeName(try invocation.requiredOperand(0))
        let path = try invocation.required("state")
        switch invocation.name {
        case "add-pool":
            let entry = PoolList.Entry(
                name: name, kind: try kind(invocation.value("kind")),
                quota: try quota(try invocation.required("quota")),
                folder: folder(try invocation.required("pool-folder")))
            try setup(path).add(entry)
            streams.line("added pool \(name) in \(entry.folder), \(entry.quota)")
            streams.message("a spoke that runs takes it up within half a minute")
            return 0
        case "drain-pool":
            return try drain(name, path, streams)
        default:
            // A spoke that runs holds the folder.
            let state = try StateFolder.open(path, kind: SpokeState.kind, version: SpokeState.version)
            let left = try setup(state.path).remove(
                name, isLost: invocation.isSet("lost"), settings: try settings(state), quota: SpokeShell.defaultQuota)
            streams.line("pool \(name) is off the list")
            streams.message("next: remove \(left)")
            return 0
        }
    }

    private static func drain(_ name: NodeName, _ path: String, _ streams: ProgramStreams) throws -> Int32 {
        let state = try StateFolder.open(path, kind: SpokeState.kind, version: SpokeState.version)
        var told = SystemClock.uptime
        let drained = try setup(state.path).drain(
            name, settings: try settings(state), quota: SpokeShell.defaultQuota
        ) { bytes in
            guard SystemClock.uptime - told >= .seconds(2) else { return }
            told = SystemClock.uptime
            streams.message("\(bytes) moved")
        }
        streams.line("\(drained.packages) packages, \(drained.bytes), were moved out of pool \(name)")
        for text in drained.stays { streams.message(text) }
        streams.message(
            "before the spoke runs again: remove the pool, or set it to readOnly once it runs, else it fills anew")
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

    /// Without slashes that mean nothing; what is no path is refused when it is added.
    private static func folder(_ path: String) -> String {
        path.hasPrefix("/") ? "/" + path.split(separator: "/").joined(separator: "/") : path
    }

    private static func setup(_ path: String) throws -> PoolSetup {
        let identity = try IdentityKeeper(folder: Directory.join(path, "identity")).identity
        return PoolSetup(
            program: "axle-spoke", state: path,
            first: .init(name: try NodeName("main"), folder: Directory.join(path, "pool"), isOwn: true),
            list: SpokeState.pools(path), owner: identity.member.id)
    }

    private static func settings(_ state: StateFolder) throws -> [NodeName: PoolSet.Setting] {
        let store = try SQLiteSpokeStore(
            path: SpokeState.database(state), now: UnixTime(milliseconds: SystemClock.nowMilliseconds))
        return try SpokeShell.settings(store, first: try NodeName("main"))
    }
}

internal import Model
internal import Storage
internal import System

/// `axle-hub add-pool`, `drain-pool` and `remove-pool`: which pools the hub has beside its first one.
enum HubPoolCommand {
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
            streams.message("a hub that runs takes it up within half a minute")
            return 0
        case "drain-pool":
            return try drain(name, path, streams)
        default:
            // A hub that runs holds the folder.
            let state = try StateFolder.open(path, kind: HubState.kind, version: HubState.version)
            let left = try setup(state.path).remove(
                name, isLost: invocation.isSet("lost"), settings: try settings(state), quota: HubShell.defaultQuota)
            streams.line("pool \(name) is off the list")
            streams.message("next: remove \(left)")
            return 0
        }
    }

    private static func drain(_ name: NodeName, _ path: String, _ streams: ProgramStreams) throws -> Int32 {
        let state = try StateFolder.open(path, kind: HubState.kind, version: HubState.version)
        var told = SystemClock.uptime
        let drained = try setup(state.path).drain(
            name, settings: try settings(state), quota: HubShell.defaultQuota
        ) { bytes in
            guard SystemClock.uptime - told >= .seconds(2) else { return }
            told = SystemClock.uptime
            streams.message("\(bytes) moved")
        }
        streams.line("\(drained.packages) packages, \(drained.bytes), were moved out of pool \(name)")
        for text in drained.stays { streams.message(text) }
        streams.message(
            "before the hub runs again: remove the pool, or set it to readOnly once it runs, else it fills anew")
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
        let settings = try HubState.read(HubState.Settings.self, HubState.settings(path))
        return PoolSetup(
            program: "axle-hub", state: path,
            first: .init(
                name: try NodeName("main"), folder: settings.poolFolder(in: path), isOwn: settings.pool == nil),
            list: HubState.pools(path), owner: settings.id)
    }

    private static func settings(_ state: StateFolder) throws -> [NodeName: PoolSet.Setting] {
        let store = try SQLiteHubStore(
            path: HubState.database(state.path), now: UnixTime(milliseconds: SystemClock.nowMilliseconds))
        let hub = try HubState.read(HubState.Settings.self, HubState.settings(state.path)).id
        return try HubShell.settings(store, hub: hub)
    }
}

internal import Model
internal import Storage
internal import System

extension PoolCommand {
    /// `axle-hub add-pool`, `drain-pool` and `remove-pool`.
    static let hub = PoolCommand(
        daemon: HubState.kind, defaultQuota: HubShell.defaultQuota,
        open: { path, task in
            try StateFolder.open(path, kind: HubState.kind, version: HubState.version, task: task)
        },
        setup: { path in
            let settings = try HubState.read(HubState.Settings.self, HubState.settings(path))
            return PoolSetup(
                program: "axle-hub", state: path,
                first: .init(
                    name: try NodeName("main"), folder: settings.poolFolder(in: path), isOwn: settings.pool == nil),
                list: HubState.pools(path), owner: settings.id)
        },
        settings: { state in
            let store = try SQLiteHubStore(
                existing: HubState.database(state.path), now: UnixTime(milliseconds: SystemClock.nowMilliseconds))
            let hub = try HubState.read(HubState.Settings.self, HubState.settings(state.path)).id
            return try HubShell.settings(store, hub: hub)
        })
}

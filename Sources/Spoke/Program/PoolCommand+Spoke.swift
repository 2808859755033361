internal import Identity
internal import Model
internal import Storage
internal import System

extension PoolCommand {
    /// `axle-spoke add-pool`, `drain-pool` and `remove-pool`.
    static let spoke = PoolCommand(
        daemon: SpokeState.kind, defaultQuota: SpokeShell.defaultQuota,
        open: { path, task in
            try StateFolder.open(path, kind: SpokeState.kind, version: SpokeState.version, task: task)
        },
        setup: { path in
            let identity = try IdentityKeeper(folder: Directory.join(path, "identity")).identity
            return PoolSetup(
                program: "axle-spoke", state: path,
                first: .init(name: try NodeName("main"), folder: Directory.join(path, "pool"), isOwn: true),
                list: SpokeState.pools(path), owner: identity.member.id)
        },
        settings: { state in
            let store = try SQLiteSpokeStore(
                existing: SpokeState.database(state), now: UnixTime(milliseconds: SystemClock.nowMilliseconds))
            return try SpokeShell.settings(store, first: try NodeName("main"))
        })
}

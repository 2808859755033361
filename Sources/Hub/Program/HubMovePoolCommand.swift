internal import Model
internal import Storage
internal import System

/// `axle-hub move-pool`: takes a stopped hub's pool to another folder, for example on another disk.
///
/// The hub uses the old folder until the copy is on the disk and every byte of it was read again; the switch is one replaced file.
enum HubMovePoolCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        // A hub that runs holds the folder.
        let folder = try StateFolder.open(
            try invocation.required("state"), kind: HubState.kind, version: HubState.version,
            task: "move-pool")
        var settings = try HubState.read(HubState.Settings.self, HubState.settings(folder.path))
        let source = settings.poolFolder(in: folder.path)
        let target = try PoolFolder.absolute(try invocation.required("to"))
        guard target != source else {
            streams.line("the pool is in \(target) already")
            return 0
        }
        guard !(target + "/").hasPrefix(source + "/"), !(source + "/").hasPrefix(target + "/") else {
            throw UsageError("--to wants a folder that is not inside \(source), and not around it")
        }
        if let warning = HubPoolFolder.warning(target) { streams.message(warning) }
        var told = SystemClock.uptime
        let outcome = try PoolMove.copy(source, to: target) { bytes in
            guard SystemClock.uptime - told >= .seconds(2) else { return }
            told = SystemClock.uptime
            streams.message("\(bytes) copied")
        }
        settings.pool = target
        try HubState.write(settings, to: HubState.settings(folder.path))
        streams.line(
            "the pool is in \(target): \(outcome.packages) packages, \(outcome.bytes), each compared with its hash")
        streams.message("next: axle-hub run --state \(folder.path); then remove \(source)")
        return 0
    }
}

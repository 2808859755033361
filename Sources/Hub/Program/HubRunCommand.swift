internal import System

/// `axle-hub run`: the hub until a signal ends it.
enum HubRunCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) async throws -> Int32 {
        Signals.ignoreBrokenPipe()
        CurrentProcess.raiseFileLimit()
        let folder = try await StateFolder.openWhenFree(
            try invocation.required("state"), kind: HubState.kind, version: HubState.version,
            messages: { streams.message($0) })
        try addNames(invocation.values("api-name"), folder)
        let signals = try Signals.stream([.terminate, .interrupt])
        let (ends, end) = AsyncStream.makeStream(of: Int32.self)
        let options = try HubOptions.read(folder.file(HubOptions.fileName))
        let hub = try await RunningHub(
            folder: folder, options: options, downloads: try DownloadRules(options.downloads, streams.environment),
            listen: invocation.value("listen"), api: invocation.value("api"),
            program: "axle-hub/\(HubProgram.version)", executable: CurrentProcess.program,
            messages: { streams.message($0) },
            fatal: {
                streams.message("axle-hub run: \($0)")
                end.yield(1)
            })
        streams.line("listening on \(hub.addresses.listen), API on https://\(hub.addresses.api)")
        streams.message(
            try APINames(identity: HubState.identity(folder.path)).sentence(state: folder.path))
        let listening = Task {
            for await _ in signals { end.yield(0) }
        }
        defer { listening.cancel() }
        var status: Int32 = 0
        for await first in ends {
            status = first
            break
        }
        streams.message("stopping")
        await hub.stop()
        return status
    }

    /// Names that are given at a start stay, as if they were given to `names add`.
    private static func addNames(_ more: [String], _ folder: StateFolder) throws {
        guard !more.isEmpty else { return }
        let identity = HubState.identity(folder.path)
        var names = try APINames(identity: identity)
        let before = names
        for name in more { try names.add(name) }
        if names != before { try names.write(identity: identity) }
    }
}

internal import System

/// `axle-hub run`: the hub until a signal ends it.
enum HubRunCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) async throws -> Int32 {
        Signals.ignoreBrokenPipe()
        CurrentProcess.raiseFileLimit()
        let folder = try await StateFolder.openWhenFree(
            try invocation.required("state"), kind: HubState.kind, version: HubState.version,
            messages: { streams.message($0) })
        let signals = try Signals.stream([.terminate, .interrupt])
        let options = try HubOptions.read(folder.file(HubOptions.fileName))
        let hub = try await RunningHub(
            folder: folder, options: options, downloads: try DownloadRules(options.downloads, streams.environment),
            listen: invocation.value("listen"), api: invocation.value("api"),
            program: "axle-hub/\(HubProgram.version)", executable: try CurrentProcess.executablePath(),
            messages: { streams.message($0) })
        streams.line("listening on \(hub.addresses.listen), API on https://\(hub.addresses.api)")
        for await _ in signals { break }
        streams.message("stopping")
        await hub.stop()
        return 0
    }
}

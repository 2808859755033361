internal import System

/// `axle-spoke run`: the spoke until a signal ends it.
enum SpokeRunCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) async throws -> Int32 {
        Signals.ignoreBrokenPipe()
        CurrentProcess.raiseFileLimit()
        let folder = try await StateFolder.openWhenFree(
            try invocation.required("state"), kind: SpokeState.kind, version: SpokeState.version,
            messages: { streams.message($0) })
        let signals = try Signals.stream([.terminate, .interrupt])
        let (ends, end) = AsyncStream.makeStream(of: Int32.self)
        let spoke = try await RunningSpoke(
            folder: folder, listen: invocation.value("listen"), program: "axle-spoke/\(SpokeProgram.version)",
            messages: { streams.message($0) },
            fatal: {
                streams.message("axle-spoke run: \($0)")
                end.yield(1)
            })
        streams.line("listening on \(spoke.endpoint)")
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
        await spoke.stop()
        return status
    }
}

internal import Model
internal import SQLite
internal import Synchronization
internal import System

/// `axle-agent run`: the supervisor, until a signal ends it. `axle-agent serve`: the agent proper, which it starts.
enum RunCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) async throws -> Int32 {
        Signals.ignoreBrokenPipe()
        let signals = try Signals.stream([.terminate, .interrupt])
        let state = try invocation.required("state")
        let lock = try await lock(state)
        let supervisor = Supervisor(
            state: state, own: CurrentProcess.program, forcesPermissions: invocation.isSet(StrictModes.flag),
            messages: { Self.say($0, $1, streams) })
        let stopping = Task {
            for await _ in signals { supervisor.stop() }
        }
        defer { stopping.cancel() }
        let status = await withCheckedContinuation { (continuation: CheckedContinuation<Int32, Never>) in
            do {
                try NativeThread("supervisor") { continuation.resume(returning: supervisor.run()) }.detach()
            } catch {
                streams.message("axle-agent run: \(error)")
                continuation.resume(returning: 1)
            }
        }
        return withExtendedLifetime(lock) { status }
    }

    static func serve(_ invocation: CommandInvocation, _ streams: ProgramStreams) async throws -> Int32 {
        CurrentProcess.restoreName()
        Signals.ignoreBrokenPipe()
        let signals = try Signals.stream([.terminate, .interrupt])
        let path = try invocation.required("state")
        let folder = try open(path)
        let (ends, end) = AsyncStream.makeStream(of: Int32.self)
        let agent: RunningAgent
        do {
            agent = try RunningAgent(
                folder: folder, program: try CurrentProcess.executablePath(), child: CurrentProcess.program,
                messages: { Self.say($0, $1, streams) }, restart: { end.yield(Watchdog.restartStatus) },
                fatal: {
                    Self.say(.error, $0, streams)
                    end.yield(Watchdog.lostStatus)
                })
        } catch let loss as DatabaseLoss {
            say(.error, "\(loss)", streams)
            return Watchdog.lostStatus
        }
        await agent.start()
        let listening = Task {
            for await _ in signals { end.yield(0) }
        }
        defer { listening.cancel() }
        var status: Int32 = 0
        for await first in ends {
            status = first
            break
        }
        await agent.stop()
        return status
    }

    /// How long an agent proper whose supervisor was killed may take to end.
    private static let orphanTime: Duration = .seconds(10)

    /// Takes the supervisor's lock, and makes sure that the folder is an agent's and that no agent proper is left in it.
    private static func lock(_ state: String) async throws -> LockFile {
        let end = SystemClock.uptime + orphanTime
        var lock: LockFile?
        while true {
            do {
                _ = try open(state)
                if let lock { return lock }
            } catch StateFolder.Failure.locked(let path, let holder) {
                // With the supervisor's lock free, it is the orphan of one that was killed, and about to end.
                guard lock == nil || SystemClock.uptime < end else {
                    throw StateFolder.Failure.locked(path: path, by: holder)
                }
                if lock != nil { try await Task.sleep(for: .milliseconds(50)) }
            }
            if lock == nil { lock = try takeLock(state) }
        }
    }

    private static func takeLock(_ state: String) throws -> LockFile {
        do throws(LockFile.Failure) {
            return try LockFile(AgentState.supervisorLock(state))
        } catch {
            guard case .held(_, let holder) = error else { throw error }
            throw StateFolder.Failure.locked(path: state, by: holder)
        }
    }

    /// Opens and locks the folder, or says what is wrong with it.
    private static func open(_ state: String) throws -> StateFolder {
        try StateFolder.open(state, kind: AgentState.kind, version: AgentState.version)
    }

    private static func say(_ severity: EventSeverity, _ text: String, _ streams: ProgramStreams) {
        let line = Event.singleLine(text, limit: 2048)
        streams.message(severity >= .warning ? "\(severity.name): \(line)" : line)
    }
}

internal import Model
internal import System

/// Runs the agent proper as a child, starts it again when it ends, and puts its release before back when a new one loses its trial.
///
/// The program is `PRODUCTS/axle-agent/current/bin/axle-agent` if it is there, else this one: the file that runs, also when
/// another has taken its place on the disk. Every decision is `Watchdog`'s. Blocks: it has a thread of
/// its own, whose end the kernel answers by ending the child.
final class Supervisor: Sendable {
    private struct State {
        var child: RunningChild?
        var isStopping = false
    }

    private let state: String
    private let own: String
    private let trial: TrialFile
    private let trialTime: Duration
    /// Whether permissions of the state folder that are too wide were accepted. The agent proper is
    /// told by its environment, which one of the previous release ignores.
    private let forcesPermissions: Bool
    private let messages: @Sendable (EventSeverity, String) -> Void
    private let running = NativeLock(State())

    /// `state` is the state folder, `own` this program.
    init(
        state: String, own: String, forcesPermissions: Bool = false, trialTime: Duration = Watchdog.trialTime,
        messages: @escaping @Sendable (EventSeverity, String) -> Void
    ) {
        self.state = state
        self.own = own
        self.trialTime = trialTime
        self.forcesPermissions = forcesPermissions
        self.messages = messages
        trial = TrialFile(path: AgentState.trial(state))
    }

    /// Runs until `stop`; gives the exit status.
    func run() -> Int32 {
        var watchdog = Watchdog(trialTime: trialTime)
        while true {
            guard !isStopping else { return 0 }
            let trial = countStart()
            var decision = watchdog.willStart(trial: trial, at: SystemClock.uptime)
            if decision == nil { decision = runChild(&watchdog) }
            switch decision {
            case .start(let wait)?: pause(wait)
            case .putBack(let why)?: putBack(why, &watchdog)
            case .stop(let status)?: return status
            case nil: break
            }
        }
    }

    /// Ends the child and then `run`; may be called from any thread.
    func stop() {
        let child = running.withLock { state in
            state.isStopping = true
            return state.child
        }
        child?.signalGroup(Signals.Signal.terminate.rawValue)
    }

    // MARK: The child

    private func runChild(_ watchdog: inout Watchdog) -> Watchdog.Decision? {
        let program = currentProgram()
        let child: RunningChild
        do {
            var process = ChildProcess(program, ["serve", "--state", state], environment: environment())
            process.dieWithParent = true
            child = try process.start()
        } catch {
            messages(.error, "\(program) cannot be started: \(error)")
            return watchdog.ended(.status(127), trial: readTrial(), stopping: isStopping, at: SystemClock.uptime)
        }
        let mustStop = running.withLock { state in
            state.child = child
            return state.isStopping
        }
        if mustStop { child.signalGroup(Signals.Signal.terminate.rawValue) }
        defer { running.withLock { $0.child = nil } }
        while true {
            let wait = watchdog.deadline.map { max($0 - SystemClock.uptime, .zero) + .milliseconds(10) }
            if let status = child.wait(timeout: min(wait ?? .seconds(3600), .seconds(3600))) {
                if !isStopping, status != .exited(Watchdog.restartStatus) {
                    messages(.error, "the agent ended with \(status)")
                }
                return watchdog.ended(
                    Self.exit(status), trial: readTrial(), stopping: isStopping, at: SystemClock.uptime)
            }
            guard let decision = watchdog.tick(trial: readTrial(), at: SystemClock.uptime) else { continue }
            // Dead before the file is looked at again: it may have been confirmed in this very moment.
            _ = child.terminate(grace: .seconds(5))
            return watchdog.tick(trial: readTrial(), at: SystemClock.uptime) == nil ? .start(after: .zero) : decision
        }
    }

    private func currentProgram() -> String {
        let path = Directory.join(installer().products, "\(AgentShell.selfProduct)/current/bin/axle-agent")
        return File.exists(path) ? path : own
    }

    /// What the child needs of this process's environment.
    private func environment() -> [String: String] {
        var result = ["PATH": ChildProcess.searchPath, "LANG": "C.UTF-8"]
        for name in ["HOME", "TMPDIR", "SWIFT_BACKTRACE", "NOTIFY_SOCKET", StrictModes.variable] {
            if let value = CurrentProcess.environment(name) { result[name] = value }
        }
        if forcesPermissions { result[StrictModes.variable] = "1" }
        return result
    }

    private static func exit(_ status: ChildProcess.Status) -> Watchdog.Exit {
        switch status {
        case .exited(let code): .status(code)
        case .signalled(let number): .signal(number)
        }
    }

    // MARK: The trial

    /// The trial's record with this start counted; durable before the start.
    private func countStart() -> Trial? {
        guard var record = readTrial() else { return nil }
        guard record.failure == nil else { return record }
        record.starts += 1
        do {
            try trial.write(record)
        } catch {
            messages(.error, "the trial's record could not be written: \(error)")
        }
        return record
    }

    private func readTrial() -> Trial? {
        do {
            return try trial.read()
        } catch {
            messages(.error, "the trial's record could not be read: \(error)")
            return nil
        }
    }

    /// The link first, the record after it: after a cut in between the old release runs and says that the new one did not come up.
    private func putBack(_ why: String, _ watchdog: inout Watchdog) {
        guard var record = readTrial(), record.failure == nil else {
            return watchdog.didPutBack()
        }
        messages(.error, "release \(record.release) of the agent lost its trial: \(why); the one before is put back")
        do {
            let product = try ProductName(AgentShell.selfProduct)
            try installer().switchBack(product, to: try record.previous.map { try ReleaseName($0) })
            record.failure = why
            try trial.write(record)
            watchdog.didPutBack()
        } catch {
            messages(.error, "the agent's release before cannot be put back: \(error)")
            pause(.seconds(10))
        }
    }

    private func installer() -> TreeInstaller {
        // An unusable configuration is told by the child, which refuses to start; then the folder is at its default.
        let configuration = (try? AgentConfiguration.read(AgentState.configuration(state))) ?? AgentConfiguration()
        return TreeInstaller(
            products: AgentState.products(state, configuration), child: UnpackChild(command: [own]))
    }

    // MARK: Waiting

    private var isStopping: Bool { running.withLock { $0.isStopping } }

    /// Waits, looking up often enough to be stopped.
    private func pause(_ wait: Duration) {
        let end = SystemClock.uptime + wait
        while !isStopping, SystemClock.uptime < end {
            NativeThread.sleep(min(.milliseconds(200), end - SystemClock.uptime))
        }
    }
}

package import Model
internal import System

/// Runs the programs that the machine's owner has put beside the agent, before, after and on failure of a state.
///
/// A hook is an executable file in the hook folder whose name begins with `STATE_PHASE`, for example `installing_Enter_10-drain`; they run in the
/// order of their names. The folder and the file must belong to root or the agent's own user and not be writable by others, or they are refused.
/// They get AXLE_STATE, AXLE_PHASE, AXLE_PRODUCT, AXLE_RELEASE and AXLE_ACTION, and ten minutes. Exit status 21 of an `Enter` hook asks to try again
/// later. Blocks: call on a named queue.
package struct HookRunner: Sendable {
    /// When a hook runs.
    package enum Phase: String, Sendable {
        case enter = "Enter"
        case leave = "Leave"
        case error = "Error"
    }

    static let retryStatus: Int32 = 21
    static let limit = 32

    private let folder: String
    private let deadline: Duration

    package init(folder: String, deadline: Duration = .seconds(600)) {
        self.folder = folder
        self.deadline = deadline
    }

    /// Runs the hooks of a state. Throws `retryLater` or `hookFailed`; `error` hooks cannot fail.
    package func run(_ state: ActionState, _ phase: Phase, action: ActionID, path: TargetPath) throws {
        for hook in try hooks(state, phase) {
            var child = ChildProcess(
                hook, [],
                environment: [
                    "PATH": ChildProcess.searchPath, "LANG": "C.UTF-8", "AXLE_STATE": state.name,
                    "AXLE_PHASE": phase.rawValue, "AXLE_PRODUCT": path.product.text,
                    "AXLE_RELEASE": path.release.text, "AXLE_ACTION": "\(action)",
                ])
            child.folder = folder
            child.deadline = deadline
            child.outputLimit = 4096
            let outcome: ChildProcess.Outcome
            do {
                outcome = try child.run()
            } catch {
                if phase == .error { continue }
                throw AgentError(.hookFailed, "the hook \(hook) could not be started: \(error)")
            }
            if outcome.isSuccess || phase == .error { continue }
            if outcome.status == .exited(Self.retryStatus), phase == .enter {
                throw AgentError(.retryLater, "the hook \(hook) asked to try again later")
            }
            let why = outcome.timedOut ? "ran out of time" : "ended with \(outcome.status)"
            let said = outcome.errorText.isEmpty ? " and said nothing" : ": \(outcome.errorText)"
            throw AgentError(
                .hookFailed, Event.singleLine("the hook \(hook) \(why)\(said)", limit: 400))
        }
    }

    /// The hooks of a state and phase, in order.
    private func hooks(_ state: ActionState, _ phase: Phase) throws -> [String] {
        guard let status = try File.status(folder) else { return [] }
        try Self.check(folder, status)
        let prefix = "\(state.name)_\(phase.rawValue)"
        var result: [String] = []
        for name in try Directory.list(folder) where name == prefix || name.hasPrefix(prefix + "_") {
            let path = Directory.join(folder, name)
            guard let status = try File.status(path), status.kind == .file, status.mode & 0o100 != 0 else { continue }
            try Self.check(path, status)
            result.append(path)
        }
        guard result.count <= Self.limit else {
            throw AgentError(.hookFailed, "more than \(Self.limit) hooks for \(prefix)")
        }
        return result
    }

    private static func check(_ path: String, _ status: FileStatus) throws {
        guard status.owner == 0 || status.owner == CurrentProcess.effectiveUser, status.mode & 0o022 == 0 else {
            throw AgentError(
                .hookFailed, "\(path) can be changed by others than root and the agent; set its owner and mode")
        }
    }
}

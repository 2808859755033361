internal import Content
package import Model
internal import System

/// Runs the health command of an installed release: argv from signed data, inside the release's folder, with a deadline, never a shell.
///
/// Blocks: call on a named queue.
package enum HealthRunner {
    /// Throws `healthFailed` unless the command ends with 0 in time.
    ///
    /// `folder` is the release's. A package without a health command is healthy when its program, if it names one, is there and executable.
    package static func check(_ package: Package, in folder: String) throws {
        let install = package.metadata.install
        if let program = install.program {
            guard try TreeProgram.problem(with: program, in: folder) == nil else {
                throw AgentError(.healthFailed, "\(program) is missing or cannot be executed")
            }
        }
        guard let health = install.health, let command = health.argv.first else { return }
        var child = ChildProcess(
            command.hasPrefix("/") ? command : Directory.join(folder, command), Array(health.argv.dropFirst()))
        child.folder = folder
        child.deadline = .seconds(Int64(health.timeoutSeconds))
        child.outputLimit = 16 << 10
        let outcome: ChildProcess.Outcome
        do {
            outcome = try child.run()
        } catch {
            throw AgentError(.healthFailed, "the health command could not be started: \(error)")
        }
        guard outcome.isSuccess else {
            let why = outcome.timedOut ? "ran out of time" : "ended with \(outcome.status)"
            let said = outcome.errorText.isEmpty ? " and said nothing" : ": \(outcome.errorText)"
            throw AgentError(
                .healthFailed, Event.singleLine("the health command \(why)\(said)", limit: 400))
        }
    }
}

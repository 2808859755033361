import API
import System

/// The program `axle`: reads its command line, runs the command, says what went wrong; exit status 0, 1 or 2.
///
/// It blocks on the thread that calls it, so that it is for a program's main thread or a named queue.
package enum OperatorProgram {
    /// The release of this program.
    package static let version = "0.1.0"

    /// Runs a command line (without the program's name) and answers the exit status.
    package static func run(_ arguments: [String], _ context: OperatorContext) -> Int32 {
        switch OperatorCommands.program.read(arguments, version: version, context.streams) {
        case .done(let status): status
        case .run(let invocation): context.streams.status(after: run(invocation, context), program: "axle")
        }
    }

    private static func run(_ invocation: CommandInvocation, _ context: OperatorContext) -> Int32 {
        let streams = context.streams
        do {
            if invocation.path.first == "publish" { return try PublishCommands.run(invocation, context) }
            if invocation.path == ["rollout", "key"] { return try RolloutSigning.makeKey(invocation, context) }
            if invocation.path.first == "bundle" { return try BundleCommands.run(invocation, context) }
            let hub = try HubConnection(invocation)
            return try OperatorCommands.run(invocation, hub, context)
        } catch let error as UsageError {
            streams.message("axle \(invocation.name): \(error)")
            streams.message("Try 'axle \(invocation.name) -h' for help.")
            return 2
        } catch let error as OperatorError {
            streams.message("axle: \(error)")
            if !error.next.isEmpty { streams.message(error.next) }
        } catch let problem as Problem {
            streams.message("axle: \(problem.detail)")
            if !problem.next.isEmpty { streams.message(problem.next) }
        } catch {
            streams.message("axle: \(error)")
        }
        return 1
    }
}

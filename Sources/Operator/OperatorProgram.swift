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
            if invocation.path == ["rollout", "create"], invocation.isSet("example") {
                streams.output(RolloutExample.text)
                return 0
            }
            let hub = try HubConnection(invocation, context)
            return try OperatorCommands.run(invocation, hub, context)
        } catch let error as UsageError {
            streams.message("axle \(invocation.name): \(error)")
            streams.message("Try 'axle \(invocation.name) -h' for help.")
            return 2
        } catch let error as OperatorError {
            say("axle: \(error)", error.next, streams)
        } catch let problem as Problem {
            say("axle: \(problem.detail)", problem.next, streams)
        } catch {
            say("axle: \(error)", "", streams)
        }
        return 1
    }

    /// An error may repeat what a hub or a peer has said.
    private static func say(_ text: String, _ next: String, _ streams: ProgramStreams) {
        streams.message(TextTable.printable(text))
        if !next.isEmpty { streams.message(TextTable.printable(next)) }
    }
}

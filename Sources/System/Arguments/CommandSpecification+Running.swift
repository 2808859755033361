/// What came of a command line: a command to run, or the exit status of a program that is done.
package enum CommandReading: Sendable {
    case run(CommandInvocation)
    case done(status: Int32)
}

extension CommandSpecification {
    /// Reads the arguments after the program's name; prints help, version or what is wrong with them.
    package func read(_ arguments: [String], version: String, _ streams: ProgramStreams) -> CommandReading {
        switch ArgumentParser(self).parse(arguments, environment: streams.environment) {
        case .help(let text):
            streams.output(text)
            return .done(status: streams.status(after: 0, program: name))
        case .version:
            streams.line("\(name) \(version)")
            return .done(status: streams.status(after: 0, program: name))
        case .usage(let text):
            streams.error(text)
            return .done(status: 2)
        case .run(let invocation): return .run(invocation)
        }
    }

    /// Runs a daemon's program and gives its exit status: the command's own, 1 for what it throws,
    /// 2 for a command line that cannot be used. `explain` puts an error into words; where a file
    /// or folder was refused, its owner, its mode and what mends it are added.
    package func run(
        _ arguments: [String], version: String, _ streams: ProgramStreams,
        explain: (any Error) -> String = { "\($0)" }, _ command: (CommandInvocation) async throws -> Int32
    ) async -> Int32 {
        switch read(arguments, version: version, streams) {
        case .done(let status): return status
        case .run(let invocation):
            do {
                return streams.status(after: try await command(invocation), program: name)
            } catch let error as UsageError {
                streams.message("\(name) \(invocation.name): \(error.message)")
                return 2
            } catch {
                let advice =
                    (error as? any AccessRefusal)?.accessAdvice(state: invocation.value("state"))
                    .map { "; \($0)" } ?? ""
                streams.message("\(name) \(invocation.name): \(explain(error))\(advice)")
                return 1
            }
        }
    }
}

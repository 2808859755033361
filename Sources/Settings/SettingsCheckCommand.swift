internal import Codec
package import System

/// `PROGRAM check-config`: says everything that is wrong with a file of settings, or prints its
/// schema or an example.
package enum SettingsCheckCommand<Options: SettingsOptions> {
    /// What `--json` prints.
    private struct Answer: Encodable {
        let file: String
        let exists: Bool
        let problems: [SettingsProblem]
    }

    /// The command; `state` is the program's option for the state folder, which is not required
    /// here.
    package static func specification(_ state: OptionSpecification) -> CommandSpecification {
        CommandSpecification(
            "check-config", "Check DIR/\(Options.fileName), or print its schema or an example",
            details: """
                Every problem is named with its line, its column and what is allowed; the exit status is 1 then. Without such a \
                file all settings are at their defaults, which is no problem.
                """,
            options: [
                .path(state.name, state.valueName ?? "DIR", state.summary, environment: state.environment),
                .flag("json", "print the problems as JSON"),
                .flag("schema", "print the JSON Schema of the file"),
                .flag("example", "print a file with every setting, commented"),
            ])
    }

    /// Runs it. `unusable` looks at what the options name on the machine, such as files.
    package static func run(
        _ invocation: CommandInvocation, _ streams: ProgramStreams, unusable: (Options) -> [SettingsError]
    ) throws -> Int32 {
        guard !invocation.isSet("schema") || !invocation.isSet("example") else {
            throw UsageError("--schema and --example do not go together")
        }
        if invocation.isSet("schema") || invocation.isSet("example") {
            streams.output(
                invocation.isSet("schema") ? SettingsSchema.text(Options.self) : SettingsExample.text(Options.self))
            return 0
        }
        let path = Directory.join(try invocation.required("state"), Options.fileName)
        var content = SettingsFile.content(Options.self, path)
        if content.problems.isEmpty {
            for error in unusable(content.options) { content.refuse(error) }
        }
        let problems = content.problems
        if invocation.isSet("json") {
            let answer = Answer(file: path, exists: content.isThere, problems: problems)
            streams.output(String(decoding: try JSONCoder.encode(answer, indented: true), as: UTF8.self) + "\n")
        } else if problems.isEmpty {
            streams.line(content.isThere ? "\(path) is good" : "\(path) is not there, so all is at its default")
        } else {
            for problem in problems { streams.message("\(path): \(problem)") }
            if problems.count > 1 { streams.message(count(problems.count)) }
        }
        return problems.isEmpty ? 0 : 1
    }

    private static func count(_ problems: Int) -> String {
        problems < SettingsReading.problemLimit
            ? "\(problems) problems" : "\(problems) problems are shown; correct them and check again"
    }
}

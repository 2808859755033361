internal import System

/// `axle-agent check-config`: says whether `agent.json5` of a state folder can be used.
enum CheckConfigCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        let path = Directory.join(try invocation.required("state"), AgentConfiguration.fileName)
        _ = try OperatorKeys.policy(AgentConfiguration.read(path))
        streams.line(File.exists(path) ? "\(path) is good" : "\(path) is not there, so all is at its default")
        return 0
    }
}

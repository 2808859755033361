internal import System

/// `axle-spoke check-config`: says whether `spoke.json5` of a state folder can be used.
enum SpokeCheckConfigCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        let path = Directory.join(try invocation.required("state"), SpokeOptions.fileName)
        _ = try SpokeOptions.read(path)
        streams.line(File.exists(path) ? "\(path) is good" : "\(path) is not there, so all is at its default")
        return 0
    }
}

internal import System

/// `axle-hub check-config`: says whether `hub.json5` of a state folder, and what it names, can be used.
enum HubCheckConfigCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        let path = Directory.join(try invocation.required("state"), HubOptions.fileName)
        let options = try HubOptions.read(path)
        _ = try options.downloads.settings(streams.environment)
        if let file = options.downloads.authorities { _ = try File.read(file, limit: 16 << 20) }
        streams.line(File.exists(path) ? "\(path) is good" : "\(path) is not there, so all is at its default")
        return 0
    }
}

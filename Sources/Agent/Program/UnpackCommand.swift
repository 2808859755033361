internal import System

/// `axle-agent unpack`: the child that `UnpackChild` starts. Its only word is a line `CODE TEXT` on standard error when it refuses.
enum UnpackCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        let folder = try invocation.required("into")
        guard let entries = Int(try invocation.required("entries")), entries > 0,
            let bytes = Int64(try invocation.required("bytes")), bytes >= 0
        else { throw UsageError("--entries and --bytes take numbers") }
        do {
            let archive = FileDescriptor(takingOwnership: 0)
            try Unpacker(limits: TarLimits(entries: entries, bytes: bytes)).unpack(archive, into: folder)
            return 0
        } catch let error as AgentError {
            streams.message("\(error.code.rawValue) \(error.message)")
        } catch {
            streams.message("\(AgentError.Code.io.rawValue) \(error)")
        }
        return 1
    }
}

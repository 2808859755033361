internal import HTTP
internal import Identity
internal import Model
package import System
internal import Trust

/// The program `axle-tuf`: a client of any TUF repository, with the command line that the public conformance suite drives.
///
/// It runs the same trust code as hub, spoke and agent. It blocks on the thread that calls it, with blocking sockets and poll(2) only, and
/// takes the time from the system's clock once. The exit status is 0 or 1, for a command line that cannot be read, too.
package enum TUFProgram {
    static let specification = CommandSpecification(
        "axle-tuf", "Refreshes the metadata of a TUF repository and downloads what it vouches for",
        details: "The metadata folder holds only what is trusted, byte for byte as it was received.",
        options: [
            .path("metadata-dir", "DIR", "the folder of trusted metadata", required: true),
            .value("metadata-url", "URL", "where the repository keeps its metadata"),
            .value("target-name", "PATH", "a target to download; in the order given", repeatable: true),
            .path("target-dir", "DIR", "the folder for downloaded targets"),
            .value("target-base-url", "URL", "where the repository keeps its targets"),
        ],
        commands: [
            CommandSpecification(
                "init", "Trust a root.json that came by a safe way", operands: [.requiredPath("ROOT_JSON")]),
            CommandSpecification("refresh", "Bring the top-level metadata up to date"),
            CommandSpecification("download", "Refresh, then download targets that are not here yet"),
        ])

    /// Runs a command line (without the program's name) and answers the exit status.
    package static func main(_ arguments: [String], _ streams: ProgramStreams) -> Int32 {
        switch specification.read(arguments, version: OperatorProgram.version, streams) {
        case .done(let status): return min(status, 1)
        case .run(let invocation):
            Signals.ignoreBrokenPipe()
            do {
                try run(invocation, now: UnixTime(milliseconds: SystemClock.nowMilliseconds))
                return streams.status(after: 0, program: "axle-tuf")
            } catch {
                streams.message("axle-tuf \(invocation.name): \(error)")
                return 1
            }
        }
    }

    private static func run(_ invocation: CommandInvocation, now: UnixTime) throws {
        let folder = try MetadataFolder(try invocation.required("metadata-dir"), keeping: .currentFiles)
        if invocation.name == "init" { return try initialise(folder, try invocation.requiredOperand(0), now) }
        let client = TUFClient(folder, at: try URLReference(try invocation.required("metadata-url")), now: now)
        guard invocation.name == "download" else { return try client.refresh() }
        let base = try URLReference(try invocation.required("target-base-url"))
        let targets = try TargetFolder(try invocation.required("target-dir"))
        let names = invocation.values("target-name")
        guard !names.isEmpty else { throw UsageError("--target-name is required") }
        for name in names { try client.download(name, from: base, into: targets) }
    }

    /// Keeps a root that verifies by its own keys; nothing is asked of the repository.
    private static func initialise(_ folder: MetadataFolder, _ path: String, _ now: UnixTime) throws {
        let bytes = try File.read(path, limit: MetadataLimits().rootBytes)
        _ = try TrustedMetadata(root: bytes, startTime: now, verifier: OpenSSLVerifier(), digester: OpenSSLDigester())
        try folder.persist(.root, bytes)
    }
}

internal import Identity
internal import Model
internal import Network
internal import System
internal import Transport
internal import Trust

/// `axle-agent join`: makes the state folder of an agent that belongs to a fleet.
///
/// The folder is complete or not there: a cut in the middle leaves one that the same command fills again. The token is used up only when the hub has
/// answered.
enum JoinCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) async throws -> Int32 {
        Signals.ignoreBrokenPipe()
        let text = try invocation.required("spoke")
        guard let spoke = Endpoint(text) else { throw UsageError("--spoke wants HOST:PORT, not \(text)") }
        let name = try NodeName(invocation.value("name") ?? SystemName.current.node)
        let root = try invocation.value("catalog-root").map { try catalogRoot($0) }
        let token = try JoinToken(file: try invocation.required("token-file"))
        let path = try invocation.required("state")
        var member: MemberIdentity.Member?
        // The folder is taken first, so that one that cannot be used does not cost the token.
        var warning: String?
        do {
            _ = try await StateFolder.create(path, kind: AgentState.kind, version: AgentState.version) { folder in
                let client = try await JoinClient.connect(
                    spoke, rootKeyHash: token.pin, role: .agent, peerRole: .spoke,
                    program: "axle-agent/\(AgentProgram.version)", group: try EventLoopGroup(count: 1))
                defer { client.close() }
                let joining = try Joining(token: token, role: .agent, name: name)
                let joined = try await joining.run(peer: client.peer, upstream: spoke.description) {
                    try await client.request($0)
                }
                try joined.identity.write(to: AgentState.identity(folder))
                try fill(folder, root: root, hubRoot: joined.catalogRoot, time: joined.time)
                if let products = invocation.value("products") {
                    try File.swapLink(AgentState.productsLink(folder), to: products)
                }
                member = joined.identity.member
                warning = joined.clockWarning(own: UnixTime(milliseconds: SystemClock.nowMilliseconds))
            }
        } catch let error as TransportError {
            guard let doubt = Joining.clockDoubt(error, own: UnixTime(milliseconds: SystemClock.nowMilliseconds)) else {
                throw error
            }
            throw AgentError(.peer, doubt)
        }
        if let warning { streams.message(warning) }
        if let member { streams.line("joined fleet \(member.fleet) as agent \(member.name) (\(member.id))") }
        streams.message("next: axle-agent run --state \(path)")
        return 0
    }

    /// What a new folder has beside the identity.
    private static func fill(_ folder: String, root: [UInt8]?, hubRoot: [UInt8]?, time: UnixTime) throws {
        if let root { try AtomicFile.write(root, to: AgentState.catalogRoot(folder)) }
        if let hubRoot { try AtomicFile.write(hubRoot, to: AgentState.catalogRootFromHub(folder)) }
        if let machine = FactsGatherer.machineID() {
            try AtomicFile.write(machine, to: AgentState.machineID(folder))
        }
        let store = try SQLiteAgentStore(
            path: AgentState.database(folder), incarnation: SystemRandom().incarnation(), now: time)
        try store.transaction { try store.raiseSignedTimeFloor(time) }
    }

    private static func catalogRoot(_ path: String) throws -> [UInt8] {
        do {
            return try CatalogRootFile.read(path)
        } catch {
            throw AgentError(.configInvalid, "--catalog-root \(path) cannot be used: \(error)")
        }
    }
}

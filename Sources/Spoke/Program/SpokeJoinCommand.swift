internal import Identity
internal import Model
internal import Network
internal import Storage
internal import System
internal import Transport
internal import Trust

/// `axle-spoke join`: makes the state folder of a spoke that belongs to a fleet.
///
/// The folder is complete or not there: a cut in the middle leaves one that the same command fills again. The token is
/// used up only when the hub has answered.
enum SpokeJoinCommand {
    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) async throws -> Int32 {
        Signals.ignoreBrokenPipe()
        let hub = try endpoint(try invocation.required("hub"), "--hub")
        let listen = invocation.value("listen") ?? "0.0.0.0:7441"
        _ = try endpoint(listen, "--listen")
        let name = try NodeName(invocation.value("name") ?? SystemName.current.node)
        let root = try invocation.value("catalog-root").map { try CatalogRootFile.read($0) }
        let pool = try poolKind(invocation.value("pool"))
        let token = try JoinToken(file: try invocation.required("token-file"))
        let path = try invocation.required("state")
        var member: MemberIdentity.Member?
        // The folder is taken first, so that one that cannot be used does not cost the token.
        var warning: String?
        do {
            _ = try await StateFolder.create(path, kind: SpokeState.kind, version: SpokeState.version) { folder in
                let client = try await JoinClient.connect(
                    hub, rootKeyHash: token.pin, role: .spoke, peerRole: .hub,
                    program: "axle-spoke/\(SpokeProgram.version)", group: try EventLoopGroup(count: 1))
                defer { client.close() }
                let joining = try Joining(token: token, role: .spoke, name: name)
                let joined = try await joining.run(peer: client.peer, upstream: hub.description, listen: listen) {
                    try await client.request($0)
                }
                try joined.identity.write(to: Directory.join(folder, "identity"))
                if let root { try AtomicFile.write(root, to: SpokeState.catalogRoot(folder)) }
                if let root = joined.catalogRoot {
                    try AtomicFile.write(root, to: SpokeState.catalogRootFromHub(folder))
                }
                // The pool is of its kind from here on, whatever is asked for later.
                _ = try PoolFolder.open(Directory.join(folder, "pool"), quota: SpokeShell.defaultQuota, new: pool)
                // Made here, so that one that is missing later is one that was lost.
                _ = try SQLiteSpokeStore(
                    path: Directory.join(folder, SpokeState.databaseName),
                    now: joined.time)
                member = joined.identity.member
                warning = joined.clockWarning(own: UnixTime(milliseconds: SystemClock.nowMilliseconds))
            }
        } catch let error as TransportError {
            guard let doubt = Joining.clockDoubt(error, own: UnixTime(milliseconds: SystemClock.nowMilliseconds)) else {
                throw error
            }
            throw ClockDoubt(description: doubt)
        }
        if let warning { streams.message(warning) }
        if let member {
            streams.line("joined fleet \(member.fleet) as spoke \(member.name) (\(member.id))")
        }
        streams.message("next: axle-spoke run --state \(path)")
        return 0
    }

    private static func poolKind(_ text: String?) throws(UsageError) -> PoolFolder.Kind {
        guard let text else { return .file }
        guard let kind = PoolFolder.Kind(rawValue: text) else {
            throw UsageError("--pool wants file or container, not \(text)")
        }
        return kind
    }

    private static func endpoint(_ text: String, _ option: String) throws(UsageError) -> Endpoint {
        guard let endpoint = Endpoint(text) else { throw UsageError("\(option) wants HOST:PORT, not \(text)") }
        return endpoint
    }
}

/// A join that failed at the dates of a certificate; says how the clock stands.
private struct ClockDoubt: Error, CustomStringConvertible {
    let description: String
}

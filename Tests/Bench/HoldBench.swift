import Identity
import Model
import Network
import Protocol
import System
import TLS
import Transport
import Trust

/// Many agents' sessions at a real spoke: each joins through it with its own keys, opens its session and stays idle.
enum HoldBench {
    /// Prints `ready` when all are connected and holds them until it is told to stop.
    static func run(address: String, tokenFile: String, count: Int) async throws {
        let endpoint = try StreamBench.endpoint(address)
        let token = try JoinToken(file: tokenFile)
        let group = try EventLoopGroup("agents", count: 1)
        var dialers: [SessionDialer] = []
        var begun = 0
        while begun < count {
            let batch = begun..<min(begun + 16, count)
            begun = batch.upperBound
            dialers += try await withThrowingTaskGroup(of: SessionDialer.self) { tasks in
                for number in batch {
                    tasks.addTask { try await session(number, endpoint, token, group) }
                }
                return try await tasks.reduce(into: []) { $0.append($1) }
            }
        }
        ProgramStreams.process().line("ready")
        let signals = try Signals.stream([.terminate, .interrupt])
        for await _ in signals { break }
        for dialer in dialers { dialer.stop() }
    }

    private static func session(
        _ number: Int, _ endpoint: Endpoint, _ token: JoinToken, _ group: EventLoopGroup
    ) async throws -> SessionDialer {
        let client = try await JoinClient.connect(
            endpoint, rootKeyHash: token.pin, role: .agent, peerRole: .spoke, program: "bench", group: group)
        let name = try NodeName("agent-\(CurrentProcess.identifier)-\(number)")
        let joining = try Joining(token: token, role: .agent, name: name)
        let joined = try await joining.run(peer: client.peer, upstream: endpoint.description) {
            try await client.request($0)
        }
        client.close()
        let identity = joined.identity
        let context = try SessionTLS.dialler(identity: identity.tls, anchors: try TrustStore(identity.anchors))
        let settings = SessionSettings(
            fleet: identity.member.fleet, role: .agent, peerRoles: [.spoke], program: "bench")
        let (opened, continuation) = AsyncStream.makeStream(of: Void.self)
        let links = Links()
        let dialer = SessionDialer(
            endpoint, expecting: identity.member.upstreamID, group: group, settings: settings, context: { context },
            links: links, handler: Obliging(links),
            changed: { status in
                if case .connected = status { continuation.yield(()) }
            })
        dialer.start()
        for await _ in opened { break }
        return dialer
    }

    /// Says ok to whatever is asked.
    private final class Obliging: LinkHandler {
        private let links: Links

        init(_ links: Links) { self.links = links }

        func linkEvent(_ event: LinkEvent) {
            guard case .request(let link, let request, _) = event else { return }
            links.perform(.reply(link, request, .ok(OK())))
        }
    }
}

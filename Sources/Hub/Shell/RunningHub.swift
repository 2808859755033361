internal import HTTP
internal import Identity
internal import Model
internal import Network
internal import Protocol
internal import System
internal import TLS
internal import Transport

/// A hub at work: its shell, the listener for spokes and the API.
final class RunningHub: Sendable {
    /// Spokes and joining machines at a time at the most, and how many of them in their handshake.
    static let peers = PeerLimit(peers: 4096, handshakes: 256)

    let addresses: HubState.Addresses
    private let shell: HubShell
    private let listener: SessionListener
    private let server: HTTPServer

    init(
        folder: StateFolder, downloads: DownloadRules, listen: String?, api: String?, program: String,
        messages: @escaping @Sendable (String) -> Void
    ) async throws {
        let settings = try HubState.read(HubState.Settings.self, HubState.settings(folder.path))
        let identity = PeerIdentity(fleet: settings.fleet, role: .hub, id: settings.id)
        let time = UnixTime(milliseconds: SystemClock.nowMilliseconds)
        let keys = try HubKeys(
            folder: HubState.identity(folder.path), identity: identity, name: settings.name, now: time.seconds)
        let clock = ClockFloor(seconds: keys.wire.leaf.notBefore)
        let cryptography = try OpenSSLHubCryptography(keys)
        let configuration = HubConfiguration(
            fleet: settings.fleet, hub: settings.id, poolName: try NodeName("main"), zones: FoundationZone.named)
        let store = try SQLiteHubStore(path: HubState.database(folder.path), now: clock.now)
        let shell = try HubShell(
            folder: folder.path, store: store, downloads: downloads, cryptography: cryptography,
            configuration: configuration, clock: clock, messages: messages)
        let group = try EventLoopGroup(count: 2)
        var sessions = SessionSettings(fleet: settings.fleet, role: .hub, peerRoles: [.spoke], program: program)
        sessions.certificateTime = { clock.secondsIfBehind }
        sessions.refusal = { peer, _ in shell.refusal(peer) }
        let context = try SessionTLS.listener(
            identity: keys.wire, anchors: try TrustStore([keys.root], issuers: [keys.issuing.certificate]),
            takesJoins: true)
        listener = try SessionListener(
            try Self.endpoint(listen ?? settings.listen), group: group, limit: Self.peers, settings: sessions,
            context: { context }, links: shell.links, handler: shell)
        let resources = try HubResources(
            folder: folder.path, settings: settings, shell: shell, version: program, started: clock.now)
        server = try HTTPServer(
            try Self.endpoint(api ?? settings.api), group: group, context: try HTTPServer.context(identity: keys.api)
        ) { await resources.respond(to: $0) }
        self.shell = shell
        addresses = HubState.Addresses(listen: listener.endpoint.description, api: server.endpoint.description)
        await shell.start()
        try HubState.write(addresses, to: HubState.listen(folder.path))
    }

    private static func endpoint(_ text: String) throws(UsageError) -> Endpoint {
        guard let endpoint = Endpoint(text) else { throw UsageError("\(text) is no HOST:PORT") }
        return endpoint
    }

    /// Takes no more, lets requests end, and tells the spokes when to come back.
    func stop() async {
        listener.close()
        await server.stop(grace: .seconds(2))
        shell.links.closeAll(.leaving, "the hub is stopping", retryAfterSeconds: 2)
        // Whether they heard it or not, nothing acknowledged is lost.
        try? await Task.sleep(for: .milliseconds(200))
    }
}

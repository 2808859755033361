internal import HTTP
internal import Identity
internal import Model
internal import Network
internal import Protocol
package import System
internal import TLS
internal import Transport
internal import Trust

/// A hub at work: its shell, the listener for spokes and the API.
package final class RunningHub: Sendable {
    let addresses: HubState.Addresses
    /// Where spokes and operators reach it, `HOST:PORT`; port 0 has become the real one.
    package var listen: String { addresses.listen }
    package var api: String { addresses.api }
    /// Locked as long as it is held here.
    private let folder: StateFolder
    private let shell: HubShell
    private let listener: SessionListener
    private let server: HTTPServer

    /// Opens the state folder's contents and listens. `system` is the machine's clock in milliseconds since 1970; `executable` is this program's file,
    /// for the limited children that make patches: without it none are made. `fatal` is called with the reason when it cannot go on.
    init(
        folder: StateFolder, options: HubOptions, downloads: DownloadRules, listen: String?, api: String?,
        program: String, executable: String?,
        system: @escaping @Sendable () -> Int64 = { SystemClock.nowMilliseconds },
        messages: @escaping @Sendable (String) -> Void, fatal: @escaping @Sendable (String) -> Void
    ) async throws {
        let settings = try HubState.read(HubState.Settings.self, HubState.settings(folder.path))
        let identity = PeerIdentity(fleet: settings.fleet, role: .hub, id: settings.id)
        let keys = try HubKeys(folder: HubState.identity(folder.path), identity: identity, name: settings.name)
        let clock = ClockFloor(seconds: 0, system: system)
        let cryptography = OpenSSLHubCryptography(keys) { clock.earliest }
        let configuration = HubConfiguration(
            fleet: settings.fleet, hub: settings.id, poolName: try NodeName("main"),
            patchPoolName: try NodeName("patches"), zones: ZoneFolder.find)
        let store = try SQLiteHubStore(existing: HubState.database(folder.path), now: clock.now)
        // Only what another's clock vouched for: this hub's own signatures say no more than its clock did.
        if let known = try store.setting(.clockFloor).flatMap({ Int64($0) }) { clock.raise(toSeconds: known) }
        let set = try store.setting(.anchorSet).flatMap { ASCII.bytes(hex: $0) }.map {
            try AnchorSet.readUnverified($0)
        }
        let contexts = try HubContexts(keys, folder: folder.path, set: set, clock: clock)
        let shell = try HubShell(
            folder: folder.path, poolFolder: settings.pool, store: store, downloads: downloads,
            cryptography: cryptography, configuration: configuration, clock: clock, contexts: contexts,
            executable: executable, messages: messages, fatal: fatal)
        // Before the first spoke comes: a start forgets who was connected.
        await shell.start()
        // Strangers have loops of their own, and so has the API: nobody waits for what they make a loop do.
        let group = try EventLoopGroup("session", count: 2)
        var sessions = SessionSettings(fleet: settings.fleet, role: .hub, peerRoles: [.spoke], program: program)
        sessions.certificateTime = { clock.certificateTime }
        sessions.refusal = { peer, _ in shell.refusal(peer) }
        listener = try SessionListener(
            try Self.endpoint(listen ?? settings.listen), group: group, door: try EventLoopGroup("door", count: 1),
            limit: options.connections.limit, settings: sessions,
            firstByteTimeout: .seconds(options.connections.firstByteSeconds),
            handshakeTimeout: .seconds(options.connections.handshakeSeconds),
            context: { contexts.wire }, links: shell.links, handler: shell)
        let resources = try HubResources(
            folder: folder.path, settings: settings, shell: shell, version: program, started: clock.now)
        server = try HTTPServer(
            try Self.endpoint(api ?? settings.api), group: try EventLoopGroup("api", count: 1),
            door: try EventLoopGroup("api-door", count: 1), context: contexts.api, settings: options.api.server,
            knows: { resources.knows($0) }
        ) { await resources.respond(to: $0) }
        contexts.serve(server)
        self.folder = folder
        self.shell = shell
        addresses = HubState.Addresses(listen: listener.endpoint.description, api: server.endpoint.description)
        try HubState.write(addresses, to: HubState.listen(folder.path))
    }

    /// As `axle-hub run` starts it, without an environment, without patches and with a clock of the caller's.
    package convenience init(
        folder: StateFolder, listen: String?, api: String?, program: String, system: @escaping @Sendable () -> Int64,
        messages: @escaping @Sendable (String) -> Void
    ) async throws {
        let options = try HubOptions.read(folder.file(HubOptions.fileName))
        try await self.init(
            folder: folder, options: options, downloads: try DownloadRules(options.downloads) { _ in nil },
            listen: listen, api: api, program: program, executable: nil, system: system, messages: messages,
            fatal: messages)
    }

    private static func endpoint(_ text: String) throws(UsageError) -> Endpoint {
        guard let endpoint = Endpoint(text) else { throw UsageError("\(text) is no HOST:PORT") }
        return endpoint
    }

    /// Takes no more, lets requests end, and tells the spokes when to come back.
    package func stop() async {
        listener.close()
        await server.stop(grace: .seconds(2))
        shell.links.closeAll(.leaving, "the hub is stopping", retryAfterSeconds: 2)
        await shell.patches?.stop()
        // Whether they heard it or not, nothing acknowledged is lost.
        try? await Task.sleep(for: .milliseconds(200))
        await shell.close()
    }
}

internal import Codec
internal import Identity
internal import Model
package import Network
internal import Protocol
internal import Synchronization
package import System
internal import TLS
internal import Transport

/// A spoke at work: its shell, the listener for agents and the session with the hub.
package final class RunningSpoke: Sendable {
    /// Where agents reach it; port 0 has become the real one.
    package let endpoint: Endpoint
    /// Locked as long as it is held here.
    private let folder: StateFolder
    private let shell: SpokeShell
    private let listener: SessionListener
    private let dialer: SessionDialer
    private let imports: Task<Void, Never>
    private let shares: Task<Void, Never>

    private struct Addresses: Codable {
        let listen: String
    }

    /// Opens the state folder's contents, listens and dials. `listen` overrides the address of the join; `system` is the machine's clock in
    /// milliseconds since 1970; `child` the path of the program that is started as a limited child, this one where nil. `fatal` is called with
    /// the reason when it cannot go on; `messages` hears that where it is nil.
    package init(
        folder: StateFolder, listen: String?, program: String, child: String? = nil,
        system: @escaping @Sendable () -> Int64 = { SystemClock.nowMilliseconds },
        messages: @escaping @Sendable (String) -> Void, fatal: (@Sendable (String) -> Void)? = nil
    ) async throws {
        let connections = try SpokeOptions.read(folder.file(SpokeOptions.fileName)).connections
        let keeper = try IdentityKeeper(folder: SpokeState.identity(folder))
        let identity = keeper.identity
        let clock = ClockFloor(seconds: keeper.signedTime, system: system)
        // Strangers have a loop of their own: no agent waits for what they make a loop do.
        let group = try EventLoopGroup("session", count: 2)
        let shell = try SpokeShell(
            folder: folder, keeper: keeper, clock: clock, group: group, program: program,
            child: child ?? CurrentProcess.program, messages: messages, fatal: fatal ?? messages)
        let contexts = MemberTLS(keeper)
        var settings = SessionSettings(
            fleet: identity.member.fleet, role: .spoke, peerRoles: [.agent], program: program)
        settings.certificateTime = { clock.certificateTime }
        settings.refusal = { peer, certificate in shell.refusal(peer, serial: certificate.serial) }
        let first = try contexts.listener()
        let address = try Self.endpoint(listen ?? identity.member.listen ?? "0.0.0.0:7441")
        listener = try SessionListener(
            address, group: group, door: try EventLoopGroup("door", count: 1), limit: connections.limit,
            settings: settings, firstByteTimeout: .seconds(connections.firstByteSeconds),
            handshakeTimeout: .seconds(connections.handshakeSeconds),
            // An identity that cannot be used leaves the context before.
            context: { (try? contexts.listener()) ?? first }, links: shell.links, handler: shell)
        endpoint = listener.endpoint
        settings.peerRoles = [.hub]
        dialer = SessionDialer(
            try Self.endpoint(identity.member.upstream), expecting: identity.member.upstreamID, group: group,
            settings: settings, longestWait: .seconds(120), context: { try contexts.dialler() }, links: shell.links,
            handler: shell,
            recover: { await shell.upkeep.recover() },
            changed: { status in
                switch status {
                case .waiting(let wait, let reason):
                    messages("no connection to the hub (\(reason)); again in \(wait.tenths)")
                case .refused(let wait, let reason):
                    messages("the hub refuses this spoke: \(reason); again in \(wait.tenths)")
                case .idle, .connecting, .connected: break
                }
            })
        self.folder = folder
        self.shell = shell
        imports = Self.watchImports(ImportDrop(folder: SpokeState.imports(folder.path)), shell)
        shares = shell.watchShares()
        let addresses = Addresses(listen: endpoint.description)
        try AtomicFile.write(try JSONCoder.encode(addresses), to: SpokeState.listen(folder))
        await shell.start()
        dialer.start()
    }

    /// Takes bundles that are asked for, one after the other.
    private static func watchImports(_ drop: ImportDrop, _ shell: SpokeShell) -> Task<Void, Never> {
        let messages = shell.messages
        return Task {
            while (try? await Task.sleep(for: .seconds(1))) != nil {
                do {
                    guard let request = try await shell.importing.run({ try drop.request() }) else { continue }
                    messages("importing \(request.bundle)")
                    let report = await shell.importBundle(request.bundle) { report in
                        // Whoever waits sees a later one.
                        _ = try? drop.put(report, request.id)
                    }
                    try await shell.importing.run {
                        try drop.put(report, request.id)
                        try drop.remove()
                    }
                    messages(report.refused ?? "imported \(report.taken.count) packages from \(request.bundle)")
                } catch {
                    messages("a bundle could not be imported: \(error)")
                }
            }
        }
    }

    private static func endpoint(_ text: String) throws(UsageError) -> Endpoint {
        guard let endpoint = Endpoint(text) else { throw UsageError("\(text) is no HOST:PORT") }
        return endpoint
    }

    /// Tells every peer that it leaves and gives them a moment to hear it.
    package func stop() async {
        listener.close()
        dialer.stop()
        imports.cancel()
        shares.cancel()
        shell.links.closeAll(.leaving, "the spoke is stopping", retryAfterSeconds: 5)
        // Whether they heard it or not, nothing acknowledged is lost.
        try? await Task.sleep(for: .milliseconds(200))
        await shell.close()
    }
}

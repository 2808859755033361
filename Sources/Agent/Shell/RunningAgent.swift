internal import Identity
package import Model
internal import Network
internal import Protocol
package import System
internal import TLS
internal import Transport

/// An agent at work: its shell and the session with its spoke.
package final class RunningAgent: Sendable {
    private let shell: AgentShell
    private let dialer: SessionDialer
    private let folder: StateFolder

    /// Opens the state folder's contents and dials. `program` is this program's path, by which its release is known; `child` is what is started
    /// as a limited child, that path if nil. `fatal` is called with the reason when it cannot go on; `messages` hears that if it is nil. `system` is the machine's clock in milliseconds since 1970.
    package init(
        folder: StateFolder, program: String, child: String? = nil,
        system: @escaping @Sendable () -> Int64 = { SystemClock.nowMilliseconds },
        messages: @escaping @Sendable (EventSeverity, String) -> Void,
        restart: @escaping @Sendable () -> Void, fatal: (@Sendable (String) -> Void)? = nil
    ) throws {
        let group = try EventLoopGroup(count: 1)
        let shell = try AgentShell(
            folder: folder, program: program, child: child ?? program, group: group, system: system, messages: messages,
            restart: restart, fatal: fatal ?? { messages(.error, $0) })
        let identity = shell.identity
        guard let upstream = Endpoint(identity.member.upstream) else {
            throw AgentError(.stateFolder, "\(folder.path) names no spoke; join again with a new token")
        }
        var settings = SessionSettings(
            fleet: identity.member.fleet, role: .agent, peerRoles: [.spoke],
            program: "axle-agent/\(AgentProgram.version)")
        settings.instance = SystemRandom.bytes(Hello.instanceLength)
        settings.certificateTime = { shell.clock.certificateTime }
        settings.refusal = { peer, certificate in shell.refusal(peer, serial: certificate.serial) }
        let contexts = MemberTLS(shell.keeper)
        let state = folder.path
        let writing = NamedQueue("agent.status")
        dialer = SessionDialer(
            upstream, expecting: identity.member.upstreamID, group: group, settings: settings,
            context: { try contexts.dialler() }, links: shell.links, handler: shell,
            recover: { await shell.upkeep.recover() },
            changed: { status in
                let said = Self.said(status)
                if !said.reason.isEmpty { messages(.warning, "no connection to the spoke: \(said.reason)") }
                if case .connected = status { messages(.info, "connected to the spoke") }
                let file = StatusFile(
                    processID: CurrentProcess.identifier, link: said.link, reason: said.reason,
                    since: UnixTime(milliseconds: SystemClock.nowMilliseconds),
                    confinementLack: shell.confinementLack.withLock { $0 })
                writing.submit {
                    // Only for people: a full disk is told by the database.
                    try? file.write(state)
                }
            })
        self.shell = shell
        self.folder = folder
    }

    package func start() async {
        await shell.begin()
        dialer.start()
    }

    /// Tells the spoke that it leaves and gives it a moment to hear that.
    package func stop() async {
        dialer.stop()
        shell.links.closeAll(.leaving, "the agent is stopping")
        // Whether it was heard or not, nothing acknowledged is lost.
        try? await Task.sleep(for: .milliseconds(100))
        await shell.close()
    }

    private static func said(_ status: SessionDialer.Status) -> (link: String, reason: String) {
        switch status {
        case .idle: ("idle", "")
        case .connecting: ("connecting", "")
        case .connected: ("connected", "")
        case .waiting(_, let reason): ("waiting", Event.singleLine(reason, limit: 512))
        case .refused(_, let reason): ("refused", Event.singleLine(reason, limit: 512))
        }
    }
}

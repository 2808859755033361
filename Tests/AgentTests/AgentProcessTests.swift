import Agent
import Identity
import Model
import Protocol
import System
import TLS
import TestSupport
import Testing
import Trust

/// An `axle-agent run` of its own process.
final class AgentProcess {
    let state: String
    /// Where it looks for libraries first; the supervisor hands that to nobody, so that such an agent runs without it.
    private let libraries: String?
    private var child: RunningChild?

    init(_ state: String, libraries: String? = nil) {
        self.state = state
        self.libraries = libraries
    }

    deinit { kill() }

    func run() throws {
        let verb = libraries == nil ? "run" : "serve"
        var process = ChildProcess(
            "sh", ["-c", "exec \"$@\" 2>>\(state)/log", "sh", try agentProgram(), verb, "--state", state])
        process.environment["SWIFT_BACKTRACE"] = "enable=no"
        if let libraries { process.environment["LD_LIBRARY_PATH"] = libraries }
        child = try process.start()
    }

    /// kill -9 of the supervisor; the kernel ends the agent proper with it.
    func kill() {
        guard let child else { return }
        self.child = nil
        child.signalGroup(9)
        _ = child.wait()
    }

    /// The orderly end; gives how it ended.
    func stop() -> ChildProcess.Status? {
        guard let child else { return nil }
        self.child = nil
        return child.terminate(grace: .seconds(10))
    }

    var log: String {
        // Not there yet is empty.
        String(decoding: (try? File.read("\(state)/log", limit: 1 << 20)) ?? [], as: UTF8.self)
    }

    /// The process id of the agent proper, from its status.
    var served: Int32? {
        guard let bytes = try? File.read("\(state)/lock", limit: 64) else { return nil }
        return Int32(String(decoding: bytes.prefix { (0x30...0x39).contains($0) }, as: UTF8.self))
    }
}

@Suite("Agent processes", .serialized)
struct AgentProcessTests {
    let folder: TestFolder
    let spoke: FakeSpoke
    let state: String

    init() throws {
        folder = try TestFolder()
        spoke = try FakeSpoke()
        state = folder.file("state")
    }

    private func release(_ version: String, counter: UInt64, padding: Int = 0, script: String? = nil) throws -> (
        Package, [UInt8]
    ) {
        let archive = TarBuilder.archive {
            $0.file("bin/tool", script ?? "#!/bin/sh\necho tool \(version)\n", mode: 0o755)
            if padding > 0 { $0.file("data", String(repeating: version, count: padding)) }
        }
        let package = try Sample.package(
            archive, release: version, counter: counter,
            install: InstallSteps(health: HealthCheck(argv: ["bin/tool"], timeoutSeconds: 20), program: "bin/tool"))
        var large = package
        large.metadata.unpackedSize = ByteCount(UInt64(archive.count))
        return (large, archive)
    }

    private func printed() throws -> String {
        try ChildProcess("\(state)/products/tool/current/bin/tool").run().outputText
    }

    @Test("an agent joins through a spoke once; its keys are its own")
    func joins() async throws {
        let token = try folder.write("token", spoke.token.text + "\n", mode: 0o600)
        let join = ChildProcess(
            try agentProgram(),
            ["join", "--state", state, "--spoke", spoke.endpoint, "--token-file", token, "--name", "one"])
        let joined = try join.run()
        #expect(joined.isSuccess, "\(joined.errorText)")
        #expect(joined.outputText.hasPrefix("joined fleet test as agent one ("))
        let identity = try MemberIdentity(folder: AgentState.identity(state))
        #expect(identity.member.id == spoke.agentID)
        #expect(File.exists(AgentState.catalogRootFromHub(state)))
        for key in ["key.pem", "report-key.pem"] {
            #expect(try File.status("\(state)/identity/\(key)")?.mode == 0o600)
        }
        let again = try join.run()
        #expect(again.status == .exited(1))
        #expect(again.errorText.contains("already holds agent state"))
    }

    @Test("a join with a wrong secret or a wrong pin leaves nothing that runs")
    func badTokens() throws {
        let wrongSecret = try JoinToken(
            id: spoke.token.id, secret: [UInt8](repeating: 1, count: 32), pin: spoke.token.pin)
        let wrongPin = try JoinToken(
            id: spoke.token.id, secret: spoke.token.secret,
            pin: try SHA256Digest(bytes: [UInt8](repeating: 1, count: 32)))
        for token in [wrongSecret, wrongPin] {
            let file = try folder.write("token", token.text, mode: 0o600)
            let outcome = try ChildProcess(
                try agentProgram(),
                ["join", "--state", state, "--spoke", spoke.endpoint, "--token-file", file]
            ).run()
            #expect(outcome.status == .exited(1))
            #expect(!outcome.errorText.contains(token.text))
            let run = try ChildProcess(try agentProgram(), ["run", "--state", state]).run()
            #expect(run.status == .exited(1))
            #expect(run.errorText.contains("join"))
        }
        #expect(!spoke.joins.isEmpty)
    }

    @Test("an agent installs, updates and goes back from a sick release")
    func installs() async throws {
        try spoke.makeState(state)
        let agent = AgentProcess(state)
        try agent.run()
        let (one, oneBytes) = try release("1.0", counter: 1)
        try spoke.add(one, oneBytes)
        try spoke.order(one, action: Sample.action(1))
        try await eventually("1.0 installed: \(agent.log)") { spoke.states(Sample.action(1)).last == .succeeded }
        #expect(try printed() == "tool 1.0\n")
        let (two, twoBytes) = try release("2.0", counter: 2, padding: 200_000)
        try spoke.add(two, twoBytes)
        try spoke.order(two, action: Sample.action(2))
        try await eventually("2.0 installed") { spoke.states(Sample.action(2)).last == .succeeded }
        #expect(try printed() == "tool 2.0\n")
        let (three, threeBytes) = try release("3.0", counter: 3, script: "#!/bin/sh\nexit 7\n")
        try spoke.add(three, threeBytes)
        try spoke.order(three, action: Sample.action(3))
        try await eventually("3.0 rolled back") { spoke.states(Sample.action(3)).last == .rolledBack }
        #expect(try printed() == "tool 2.0\n")
        let last = try #require(spoke.reports.last { $0.action == Sample.action(3) })
        #expect(last.detail.contains("exit status 7"))
        #expect(last.installed?.map(\.release.text) == ["2.0"])
        #expect(try Directory.list("\(state)/products/tool") == ["1.0", "2.0", "current"])
        #expect(try Directory.list("\(state)/downloads").isEmpty)
        let status = try ChildProcess(try agentProgram(), ["status", "--state", state, "--json"]).run()
        #expect(status.isSuccess)
        #expect(status.outputText.contains("\"link\" : \"connected\""))
        #expect(status.outputText.contains("\"release\" : \"3.0\""))
        #expect(agent.stop() == .exited(0))
    }

    @Test("a broken transfer goes on where it broke off, and bytes that were altered are never installed")
    func transfers() async throws {
        try spoke.makeState(state)
        let agent = AgentProcess(state)
        let (one, bytes) = try release("1.0", counter: 1, padding: 400_000)
        try spoke.add(one, bytes)
        spoke.cut(after: 700_000)
        try agent.run()
        try spoke.order(one, action: Sample.action(1))
        try await eventually("1.0 installed") { spoke.states(Sample.action(1)).last == .succeeded }
        #expect(spoke.offsets == [0, 700_000])
        #expect(try printed() == "tool 1.0\n")
        let (two, twoBytes) = try release("2.0", counter: 2)
        try spoke.add(two, twoBytes)
        spoke.alterPackages()
        try spoke.order(two, action: Sample.action(2))
        try await eventually("told as an attack") { spoke.reports.contains { $0.attack?.code == .hashMismatch } }
        #expect(try printed() == "tool 1.0\n")
    }

    @Test("killed at any moment, it goes on and ends with the old release or the new one")
    func kills() async throws {
        try spoke.makeState(state)
        let agent = AgentProcess(state)
        for round in 1...6 {
            let (package, bytes) = try release("\(round).0", counter: UInt64(round), padding: 300_000)
            try spoke.add(package, bytes)
            try agent.run()
            try spoke.order(package, action: Sample.action(UInt64(round)))
            for wait in [40, 90, 150, 60] {
                try await Task.sleep(for: .milliseconds(wait * (1 + round % 3)))
                agent.kill()
                if round > 1 {
                    let text = try printed()
                    #expect(text == "tool \(round).0\n" || text == "tool \(round - 1).0\n")
                }
                try agent.run()
            }
            try await eventually("\(round).0 installed: \(agent.log)") {
                spoke.states(Sample.action(UInt64(round))).last == .succeeded
            }
            #expect(try printed() == "tool \(round).0\n")
            agent.kill()
        }
    }

    @Test("a second agent on the same folder is refused with what to do")
    func locked() async throws {
        try spoke.makeState(state)
        let agent = AgentProcess(state)
        try agent.run()
        try await eventually("runs") { !spoke.reports.isEmpty }
        let second = try ChildProcess(try agentProgram(), ["run", "--state", state]).run()
        #expect(second.status == .exited(1))
        #expect(second.errorText.contains("is in use by process"))
    }

    private func status() throws -> String {
        try ChildProcess(try agentProgram(), ["status", "--state", state, "--json"]).run().outputText
    }

    @Test("what began with the hub's root is marked, and believed no more once the owner insists on his own")
    func requiresLocalRoot() async throws {
        try spoke.makeState(state)
        let own = try File.read(AgentState.catalogRoot(state), limit: 1 << 20)
        try File.rename(AgentState.catalogRoot(state), to: AgentState.catalogRootFromHub(state))
        let agent = AgentProcess(state)
        try agent.run()
        let (one, oneBytes) = try release("1.0", counter: 1)
        try spoke.add(one, oneBytes)
        try spoke.order(one, action: Sample.action(1))
        try await eventually("1.0 installed: \(agent.log)") { spoke.states(Sample.action(1)).last == .succeeded }
        #expect(try status().contains("\"catalogRoot\" : \"hub\""))
        #expect(agent.stop() == .exited(0))

        try AtomicFile.write("{ requireLocalRoot: true }", to: AgentState.configuration(state))
        try agent.run()
        let (two, twoBytes) = try release("2.0", counter: 2)
        try spoke.add(two, twoBytes)
        try spoke.order(two, action: Sample.action(2))
        try await eventually("refused: \(agent.log)") { spoke.states(Sample.action(2)).last == .refused }
        let refusal = try #require(spoke.reports.last { $0.action == Sample.action(2) })
        #expect(refusal.detail.contains("requireLocalRoot"))
        #expect(try printed() == "tool 1.0\n")
        #expect(try status().contains("\"lacksLocalRoot\" : true"))

        // Another vendor's root, then the right one, put in place by the owner while the agent runs.
        let stranger = try FakeSpoke()
        try stranger.makeState(state + "-stranger")
        let foreign = try File.read(AgentState.catalogRoot(state + "-stranger"), limit: 1 << 20)
        try AtomicFile.write(foreign, to: AgentState.catalogRoot(state))
        try spoke.order(two, action: Sample.action(3))
        try await eventually("refused again") { spoke.states(Sample.action(3)).last == .refused }
        #expect(agent.stop() == .exited(0))
        try AtomicFile.write(own, to: AgentState.catalogRoot(state))
        try agent.run()
        try spoke.order(two, action: Sample.action(4))
        try await eventually("2.0 installed: \(agent.log)") { spoke.states(Sample.action(4)).last == .succeeded }
        #expect(try status().contains("\"catalogRoot\" : \"local\""))
        #expect(agent.stop() == .exited(0))
    }

    // MARK: The agent itself

    private func agentRelease(_ version: String, counter: UInt64, script: String?) throws -> (Package, [UInt8]) {
        let program = try File.read(try agentProgram(), limit: 1 << 30)
        var builder = TarBuilder()
        if let script {
            builder.file("bin/axle-agent", script, mode: 0o755)
        } else {
            builder.header("bin/axle-agent", size: program.count, mode: 0o755)
            builder.data(program)
        }
        builder.end()
        var package = try Sample.package(
            builder.bytes, product: "axle-agent", release: version, counter: counter,
            install: InstallSteps(program: "bin/axle-agent"))
        package.metadata.unpackedSize = ByteCount(UInt64(builder.bytes.count))
        return (package, builder.bytes)
    }

    @Test("the agent updates itself, and puts itself back when a new release does not come up")
    func updatesItself() async throws {
        try spoke.makeState(state)
        let agent = AgentProcess(state)
        try agent.run()
        let (good, goodBytes) = try agentRelease("1.1", counter: 1, script: nil)
        try spoke.add(good, goodBytes)
        try spoke.order(good, action: Sample.action(1))
        try await eventually("1.1 runs") { spoke.states(Sample.action(1)).last == .succeeded }
        #expect(spoke.states(Sample.action(1)).contains(.restarting))
        #expect(!File.exists(AgentState.trial(state)))
        let running = try #require(agent.served)
        #expect(try File.linkTarget("/proc/\(running)/exe") == "\(state)-products/axle-agent/1.1/bin/axle-agent")

        let (bad, badBytes) = try agentRelease("1.2", counter: 2, script: "#!/bin/sh\nexit 3\n")
        try spoke.add(bad, badBytes)
        try spoke.order(bad, action: Sample.action(2))
        try await eventually("1.2 put back: \(agent.log)") { spoke.states(Sample.action(2)).last == .rolledBack }
        #expect(!File.exists(AgentState.trial(state)))
        #expect(try File.linkTarget("\(state)/products/axle-agent/current") == "1.1")
        #expect(spoke.reports.last { $0.action == Sample.action(2) }?.detail.contains("died 3 times") == true)
        // It is well: the next order is obeyed.
        let (one, oneBytes) = try release("1.0", counter: 1)
        try spoke.add(one, oneBytes)
        try spoke.order(one, action: Sample.action(3))
        try await eventually("1.0 installed") { spoke.states(Sample.action(3)).last == .succeeded }
        #expect(agent.stop() == .exited(0))
    }
}

import Agent
import Hub
import Identity
import Model
import Network
import Operator
import Spoke
import System
import TLS
import TestSupport
import Testing

/// Hub, spoke and agent as they run, over loopback and TLS, with machine clocks that the test moves: the daemons are stopped, time passes, they start.
@Suite(.serialized) struct OfflineHorizonTests {
    /// A fleet of one hub, one spoke, one agent, in folders; who runs is started and stopped by the test.
    final class Site {
        let temporary: TemporaryFolder
        let hubListen: String
        let spokeListen: String
        private(set) var hub: RunningHub?
        private(set) var spoke: RunningSpoke?
        private(set) var agent: RunningAgent?
        private var api = ""
        let said = Lines()

        /// What the daemons have said.
        final class Lines: Sendable {
            private let lines = NativeLock<[String]>([])
            func add(_ line: String) { lines.withLock { $0.append(line) } }
            func clear() { lines.withLock { $0 = [] } }
            func has(_ text: String) -> Bool { lines.withLock { $0.contains { $0.contains(text) } } }
            var all: String { lines.withLock { $0.joined(separator: "\n") } }
        }

        /// The machine's clock moved by so many days.
        static func clock(_ days: Int64) -> @Sendable () -> Int64 {
            { SystemClock.nowMilliseconds + days * 86_400_000 }
        }

        init() async throws {
            temporary = try TemporaryFolder()
            let quiet = ProgramStreams(output: { _ in }, error: { _ in })
            func run(_ status: Int32) throws { if status != 0 { throw TestSupportError("a program failed") } }
            let (hubFolder, spokeFolder, agentFolder) = (
                temporary.path("hub"), temporary.path("spoke"), temporary.path("agent")
            )
            try run(
                await HubProgram.main(
                    ["init", "--state", hubFolder, "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"], quiet))
            let hub = try await RunningHub(
                folder: try StateFolder.open(hubFolder, kind: "hub", version: 1), listen: nil, api: nil, program: "t",
                system: Self.clock(0), messages: { _ in })
            (hubListen, api) = (hub.listen, hub.api)
            let spokeToken = try await Self.token("spoke", hubFolder, hub.api, temporary)
            let agentToken = try await Self.token("agent", hubFolder, hub.api, temporary)
            try run(
                await SpokeProgram.main(
                    [
                        "join", "--state", spokeFolder, "--hub", hub.listen, "--token-file", spokeToken, "--listen",
                        "127.0.0.1:0",
                    ], quiet))
            let spoke = try await RunningSpoke(
                folder: try StateFolder.open(spokeFolder, kind: "spoke", version: 1), listen: nil, program: "t",
                messages: { _ in })
            spokeListen = spoke.endpoint.description
            var status: Int32 = 1
            // The spoke may still be on its way to the hub.
            for _ in 0..<100 where status != 0 {
                status = await AgentProgram.main(
                    ["join", "--state", agentFolder, "--spoke", spokeListen, "--token-file", agentToken], quiet)
                if status != 0 { try await Task.sleep(for: .milliseconds(100)) }
            }
            try run(status)
            await spoke.stop()
            await hub.stop()
        }

        private static func token(
            _ role: String, _ folder: String, _ api: String, _ temporary: TemporaryFolder
        ) async throws -> String {
            let text = Lines()
            let streams = ProgramStreams(output: { text.add($0) }, error: { _ in })
            let context = OperatorContext(streams: streams)
            let arguments = [
                "token", "create", "--role", role, "--api", api, "--ca", folder + "/ca.pem", "--token-file",
                folder + "/admin.token",
            ]
            let status = await NamedQueue("axle").run { OperatorProgram.run(arguments, context) }
            guard status == 0 else { throw TestSupportError("no token") }
            return try temporary.write("\(role).token", Array(text.all.utf8))
        }

        func startHub(days: Int64) async throws {
            hub = try await RunningHub(
                folder: try StateFolder.open(temporary.path("hub"), kind: "hub", version: 1), listen: hubListen,
                api: api,
                program: "t", system: Self.clock(days), messages: { [said] in said.add("hub: \($0)") })
        }

        func startSpoke(days: Int64) async throws {
            spoke = try await RunningSpoke(
                folder: try StateFolder.open(temporary.path("spoke"), kind: "spoke", version: 1), listen: spokeListen,
                program: "t", system: Self.clock(days), messages: { [said] in said.add("spoke: \($0)") })
        }

        func startAgent(days: Int64) async throws {
            agent = try RunningAgent(
                folder: try StateFolder.open(temporary.path("agent"), kind: "agent", version: 1), program: "/bin/true",
                system: Self.clock(days), messages: { [said] in said.add("agent: \($1)") }, restart: {})
            await agent?.start()
        }

        func stopAll() async {
            await agent?.stop()
            await spoke?.stop()
            await hub?.stop()
            (agent, spoke, hub) = (nil, nil, nil)
            said.clear()
        }

        func identity(_ name: String) throws -> MemberIdentity {
            try MemberIdentity(folder: temporary.path(name) + "/identity")
        }

        /// Waits for what the daemons say, for at most a minute and a half.
        func wait(for text: String) async throws {
            let end = SystemClock.uptime + .seconds(90)
            while !said.has(text) {
                guard SystemClock.uptime < end else {
                    Issue.record("never said: \(text)\n\(said.all)")
                    throw CancellationError()
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    @Test func aSiteThatWasCutOffFor44DaysComesBackByItself() async throws {
        let site = try await Site()
        // It was connected until the day before its certificates were due, then cut off for 44 days: they are still good, and are renewed.
        try await site.startHub(days: 89)
        try await site.startSpoke(days: 89)
        try await site.startAgent(days: 89)
        try await site.wait(for: "spoke: connected to the hub")
        try await site.wait(for: "agent: connected to the spoke")
        try await site.wait(for: "spoke: the new certificate is in use")
        try await site.wait(for: "agent: the new certificate is in use")
        await site.stopAll()
        let now = SystemClock.nowMilliseconds / 1000
        for name in ["spoke", "agent"] {
            #expect(try site.identity(name).tls.leaf.notAfter > now + (89 + 89) * 86_400, "\(name)")
        }
        // Cut off again, until 44 days after the certificates have ended: TLS lets nobody in, the hub's signature does.
        let late: Int64 = 89 + 90 + 44
        try await site.startHub(days: late)
        try await site.startSpoke(days: late)
        try await site.startAgent(days: late)
        try await site.wait(for: "spoke: connected to the hub")
        try await site.wait(for: "agent: connected to the spoke")
        await site.stopAll()
        // Cut off for longer than that: it is told what to do, and keeps quiet otherwise.
        let tooLate: Int64 = late + 90 + 46
        try await site.startHub(days: tooLate)
        try await site.startSpoke(days: tooLate)
        try await site.wait(for: "join again with a new token (axle token create --role spoke")
        await site.stopAll()
    }

    @Test func machinesWithWrongClocksConnectReportAndWork() async throws {
        let site = try await Site()
        // The hub's own certificate is renewed, so that it is not valid yet by a clock that stands at the last signed time.
        try await site.startHub(days: 60)
        // A spoke that boots in 1970, an agent twenty years ahead.
        try await site.startSpoke(days: -(SystemClock.nowMilliseconds / 86_400_000))
        try await site.wait(for: "spoke: connected to the hub")
        try await site.startAgent(days: 20 * 365)
        try await site.wait(for: "agent: connected to the spoke")
        try await site.wait(for: "spoke: warning: the clock of this machine is wrong")
        try await site.wait(for: "agent: the clock of this machine is wrong")
        await site.stopAll()
    }
}

import Foundation
import Model
import System
import TestSupport
import Testing

/// Hub, spoke and agents as processes of their own over loopback, with a vendor of this test and a web server for its catalog.
///
/// A test stops one of the daemons and takes its place with its keys; everything else is what ships.
final class RealFleet {
    let folder: TemporaryFolder
    let vendor: TestVendor
    private var processes: [String: RunningChild] = [:]
    private var webServer: RunningProgram?
    private(set) var hubAddress = ""
    private(set) var api = ""
    private(set) var spokeAddress = ""

    init() throws {
        folder = try TemporaryFolder()
        vendor = try TestVendor(folder: folder.path + "/catalog")
    }

    deinit {
        for child in processes.values { child.signalGroup(9) }
        for child in processes.values { _ = child.wait() }
    }

    func path(_ name: String) -> String { folder.path + "/" + name }

    // MARK: Processes

    static func program(_ name: String) throws -> String {
        Directory.join(Directory.parent(of: try CurrentProcess.executablePath()), name)
    }

    func start(_ name: String, _ program: String, _ arguments: [String]) throws {
        var process = ChildProcess(
            "sh", ["-c", "exec \"$@\" >>\(path(name)).log 2>&1", "sh", try Self.program(program)] + arguments)
        process.environment["SWIFT_BACKTRACE"] = "enable=no"
        processes[name] = try process.start()
    }

    /// kill -9 of a daemon and what it has started.
    func kill(_ name: String) {
        guard let child = processes.removeValue(forKey: name) else { return }
        child.signalGroup(9)
        _ = child.wait()
    }

    /// The orderly end of a daemon.
    func stop(_ name: String) {
        guard let child = processes.removeValue(forKey: name) else { return }
        _ = child.terminate(grace: .seconds(10))
    }

    func log(_ name: String) -> String {
        // Not there yet is empty.
        String(decoding: (try? File.read("\(path(name)).log", limit: 4 << 20)) ?? [], as: UTF8.self)
    }

    @discardableResult
    func run(
        _ program: String, _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) throws -> String {
        var process = ChildProcess(try Self.program(program), arguments)
        process.environment.merge(environment) { _, new in new }
        process.input = Array(input.utf8)
        process.outputLimit = 4 << 20
        process.deadline = .seconds(180)
        let outcome = try process.run()
        guard outcome.isSuccess else {
            throw TestSupportError("\(program) \(arguments.joined(separator: " ")): \(outcome.errorText)")
        }
        return outcome.outputText
    }

    /// The operator's command line.
    @discardableResult
    func axle(_ arguments: String..., input: String = "") throws -> String {
        try run(
            "axle", arguments, input: input,
            environment: [
                "AXLE_API": api, "AXLE_CA": path("hub/ca.pem"), "AXLE_TOKEN_FILE": path("hub/admin.token"),
            ])
    }

    /// The items of a list, or the one object, of a command with `--json`.
    func json(_ text: String) throws -> [[String: Any]] {
        let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
        if let list = value as? [[String: Any]] { return list }
        guard let object = value as? [String: Any] else { return [] }
        return object["items"] as? [[String: Any]] ?? [object]
    }

    private func listening(_ name: String) async throws -> [String: String] {
        var found: [String: String] = [:]
        try await eventually("\(name) to listen: \(log(name))") {
            guard let bytes = try? File.read(path("\(name)/listen.json"), limit: 4096) else { return false }
            found = try JSONDecoder().decode([String: String].self, from: Data(bytes))
            return true
        }
        return found
    }

    // MARK: The fleet

    /// Hub and catalog, one spoke, and agents with their configuration; all connected.
    func begin(agents: [(name: String, configuration: String)]) async throws {
        try run(
            "axle-hub",
            ["init", "--state", path("hub"), "--fleet", "test", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"])
        // The catalog of a test is on this machine.
        try AtomicFile.write(Array("{downloads: {allow: [\"127.0.0.0/8\"]}}".utf8), to: path("hub/hub.json5"))
        try startHub()
        let addresses = try await listening("hub")
        (hubAddress, api) = (addresses["listen"] ?? "", addresses["api"] ?? "")
        try await eventually("the API") {
            (try? axle("status", "--json")) != nil || (try? axle("token", "list")) != nil
        }
        let port = try FreePort.next()
        webServer = try RunningProgram(
            "python3", ["-m", "http.server", "\(port)", "--bind", "127.0.0.1", "--directory", vendor.folder])
        try axle(
            "catalog", "set", "--url", "http://127.0.0.1:\(port)/", "--root", vendor.folder + "/metadata/1.root.json")
        try run(
            "axle-spoke",
            [
                "join", "--state", path("spoke"), "--hub", hubAddress, "--token-file", "-", "--name", "site",
                "--listen",
                "127.0.0.1:0",
            ], input: try axle("token", "create", "--role", "spoke"))
        try startSpoke()
        spokeAddress = try await listening("spoke")["listen"] ?? ""
        for agent in agents {
            try run(
                "axle-agent",
                [
                    "join", "--state", path(agent.name), "--spoke", spokeAddress, "--token-file", "-", "--name",
                    agent.name, "--catalog-root", vendor.folder + "/metadata/1.root.json",
                ], input: try axle("token", "create", "--role", "agent"))
            try AtomicFile.write(Array(agent.configuration.utf8), to: path("\(agent.name)/agent.json5"))
            try start(agent.name, "axle-agent", ["run", "--state", path(agent.name)])
        }
        try await eventually("agents with facts") {
            let clients = try json(axle("client", "list", "--json"))
            return clients.count { $0["connected"] as? Bool == true && $0["facts"] is [String: Any] } == agents.count
        }
    }

    func startHub() throws {
        let bound = hubAddress.isEmpty ? [] : ["--listen", hubAddress, "--api", api]
        try start("hub", "axle-hub", ["run", "--state", path("hub")] + bound)
    }

    func startSpoke() throws {
        let bound = spokeAddress.isEmpty ? [] : ["--listen", spokeAddress]
        try start("spoke", "axle-spoke", ["run", "--state", path("spoke")] + bound)
    }

    /// The ids of a client by its name.
    func client(_ name: String) throws -> NodeID {
        let found = try json(axle("client", "show", name, "--json"))
        let client = found.first?["client"] as? [String: Any] ?? found.first
        return try NodeID(client?["id"] as? String ?? "")
    }

    // MARK: Rollouts

    /// Publishes a release, waits until hub and spoke hold it, and gives its package.
    func publish(_ release: String, counter: UInt64) async throws -> Package {
        let package = try vendor.release(release, counter: counter)
        try axle("catalog", "refresh")
        try await isHeld(release)
        return package
    }

    func isHeld(_ release: String) async throws {
        try await eventually("\(release) at hub and spoke") {
            try json(axle("package", "list", "--json")).contains { package in
                let replicas = package["replicas"] as? [[String: Any]] ?? []
                return package["release"] as? String == release && package["state"] as? String == "imported"
                    && replicas.map { $0["state"] as? String } == ["verified"]
            }
        }
    }

    /// Makes and starts a rollout of a release to clients; gives its id.
    func rollOut(_ release: String, to clients: [String], more: String = "") throws -> String {
        let names = clients.map { "\"\($0)\"" }.joined(separator: ", ")
        let number = SystemRandom.bytes(4).map { String($0, radix: 16) }.joined()
        let file = path("rollout-\(number).json5")
        let text =
            "{name: \"r\(number)\", product: \"tool\", release: \"\(release)\", select: {names: [\(names)]}\(more)}"
        try AtomicFile.write(Array(text.utf8), to: file)
        let id = try #require(try json(axle("rollout", "create", file, "--json")).first?["id"] as? String)
        try axle("rollout", "start", id)
        return id
    }

    /// The states of a rollout's actions by the client's name.
    func states(_ rollout: String) throws -> [String: String] {
        let shown =
            try JSONSerialization.jsonObject(
                with: Data(axle("rollout", "show", rollout, "--json").utf8)) as? [String: Any]
        var states: [String: String] = [:]
        for action in shown?["actions"] as? [[String: Any]] ?? [] {
            guard let client = (action["client"] as? [String: Any])?["name"] as? String else { continue }
            states[client] = action["state"] as? String
        }
        return states
    }

    /// Waits until every client's action is over with success.
    func succeeds(_ rollout: String, _ clients: [String]) async throws {
        try await eventually("rollout of \(clients): \(try states(rollout))", seconds: 90) {
            try states(rollout) == Dictionary(uniqueKeysWithValues: clients.map { ($0, "succeeded") })
        }
    }

    /// Waits for a line of the hub's activity log with that code and those words.
    func logs(_ code: String, _ words: String...) async throws {
        try await eventually("the log to say \(code) \(words); it ends with \(try axle("log", "--limit", "15"))") {
            try json(axle("log", "--json")).contains { event in
                let text = "\(event["subject"] ?? "") \(event["text"] ?? "")"
                return event["code"] as? String == code && words.allSatisfy(text.contains)
            }
        }
    }

    /// What the installed program prints; nil where there is none.
    func says(_ agent: String) throws -> String? {
        let tool = path("\(agent)/products/tool/current/bin/tool")
        guard File.exists(tool) else { return nil }
        return try ChildProcess(tool).run().outputText.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// Waits until `condition` holds, for at most `seconds`.
func eventually(_ what: @autoclosure () throws -> String, seconds: Int64 = 60, _ condition: () throws -> Bool)
    async throws
{
    let end = SystemClock.uptime + .seconds(seconds)
    while try !condition() {
        guard SystemClock.uptime < end else {
            Issue.record("never: \(try what())")
            throw CancellationError()
        }
        try await Task.sleep(for: .milliseconds(100))
    }
}

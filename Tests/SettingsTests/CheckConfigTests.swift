import Agent
import Codec
import Hub
import Settings
import Spoke
import System
import TestSupport
import Testing

@Suite("check-config")
struct CheckConfigTests {
    private final class Captured: Sendable {
        let output = NativeLock("")
        let error = NativeLock("")
    }

    private func run(_ program: String, _ arguments: [String]) async -> (status: Int32, output: String, error: String) {
        let captured = Captured()
        let streams = ProgramStreams(
            output: { text in captured.output.withLock { $0 += text } },
            error: { text in captured.error.withLock { $0 += text } })
        let arguments = ["check-config"] + arguments
        let status: Int32
        switch program {
        case "axle-hub": status = await HubProgram.main(arguments, streams)
        case "axle-spoke": status = await SpokeProgram.main(arguments, streams)
        default: status = await AgentProgram.main(arguments, streams)
        }
        return (status, captured.output.withLock { $0 }, captured.error.withLock { $0 })
    }

    @Test("schema and example are printed without a state folder", arguments: ProgramSettings.all)
    func prints(_ program: ProgramSettings) async {
        let schema = await run(program.program, ["--schema"])
        #expect(schema.status == 0 && schema.output == program.schema && schema.error.isEmpty)
        let example = await run(program.program, ["--example"])
        #expect(example.status == 0 && example.output == program.example)
        #expect(await run(program.program, ["--example", "--schema"]).status == 2)
        #expect(await run(program.program, []).status == 2)
    }

    @Test("all problems are printed, the status is 1, and --json has the same", arguments: ProgramSettings.all)
    func problems(_ program: ProgramSettings) async throws {
        let folder = try TemporaryFolder()
        #expect(await run(program.program, ["--state", folder.path]).status == 0)
        let file = try folder.write(program.file, Array("{\n  nothing: 1,\n  xyzw: 2,\n}".utf8))
        let text = await run(program.program, ["--state", folder.path])
        #expect(text.status == 1 && text.output.isEmpty)
        #expect(text.error.contains("\(file): line 2, column 3: nothing: there is no such setting"), "\(text.error)")
        #expect(text.error.contains("\(file): line 3, column 3: xyzw: ") && text.error.hasSuffix("2 problems\n"))
        let json = await run(program.program, ["--state", folder.path, "--json"])
        #expect(json.status == 1)
        let answer = try JSONParser.parse(Array(json.output.utf8), limits: JSONLimits(bytes: 65_536)).asObject
        let problems = answer?["problems"]?.asArray?.compactMap(\.asObject) ?? []
        #expect(answer?["file"] == .string(JSONText(file)) && answer?["exists"] == true)
        #expect(problems.map { $0["setting"] } == ["nothing", "xyzw"])
        #expect(
            problems.map { $0["line"] } == [2, 3] && problems.map { $0["code"] } == ["unknownName", "unknownName"])
    }

    @Test("what a setting names on the machine is looked at, all of it, and named with its place")
    func unusable() async throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "hub.json5",
            Array(
                "{ downloads: {\n authorities: '/nowhere/a',\n proxy: 'p:1', proxyCredentialsFile: '/nowhere/b' } }"
                    .utf8))
        let hub = await run("axle-hub", ["--state", folder.path])
        #expect(hub.status == 1)
        #expect(hub.error.contains("line 2, column 15: downloads.authorities: "), "\(hub.error)")
        #expect(
            hub.error.contains("line 3, column 38: downloads.proxyCredentialsFile: there is no file /nowhere/b"),
            "\(hub.error)")
        try folder.write("agent.json5", Array("{ operatorKeys: ['/nowhere/a', '/nowhere/b'] }".utf8))
        let agent = await run("axle-agent", ["--state", folder.path])
        #expect(
            agent.error.contains("operatorKeys[0]: ") && agent.error.contains("column 32: operatorKeys[1]: "),
            "\(agent.error)")
    }
}

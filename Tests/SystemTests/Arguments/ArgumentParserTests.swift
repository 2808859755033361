import System
import Testing

@Suite("Command lines")
struct ArgumentParserTests {
    static let program = CommandSpecification(
        "tool", "Does things",
        options: [
            .flag("json", "Machine-readable"),
            .value("api", "URL", "Where", environment: "TOOL_API"),
        ],
        commands: [
            CommandSpecification("status", "How it is"),
            CommandSpecification(
                "token", "Tokens",
                commands: [
                    CommandSpecification(
                        "create", "Make one",
                        options: [
                            .choice("role", ["spoke", "agent"], "For whom", required: true),
                            .value("label", "K=V", "A label", repeatable: true),
                        ])
                ]),
            CommandSpecification("show", "Show one", operands: [.required("ID"), .optional("MORE")]),
            CommandSpecification("import", "Take files", operands: [.oneOrMore("FILE")]),
        ])

    private func run(_ line: String, environment: [String: String] = [:]) -> CommandLineRequest {
        ArgumentParser(Self.program)
            .parse(line.split(separator: " ").map(String.init), environment: { environment[$0] })
    }

    private func invocation(_ line: String, environment: [String: String] = [:]) -> CommandInvocation? {
        guard case .run(let invocation) = run(line, environment: environment) else { return nil }
        return invocation
    }

    @Test func optionsMayStandAnywhere() throws {
        for line in [
            "--json token create --role spoke", "token --json create --role=spoke", "token create --role spoke --json",
        ] {
            let found = try #require(invocation(line), "\(line)")
            #expect(found.name == "token create")
            #expect(found.isSet("json"))
            #expect(found.value("role") == "spoke")
        }
    }

    @Test func theCommandLineWinsOverTheEnvironment() {
        #expect(invocation("status", environment: ["TOOL_API": "E"])?.value("api") == "E")
        #expect(invocation("--api C status", environment: ["TOOL_API": "E"])?.value("api") == "C")
        #expect(invocation("status", environment: ["TOOL_API": ""])?.value("api") == nil)
    }

    @Test func repeatableOptionsKeepTheirOrder() {
        #expect(invocation("token create --role agent --label a=1 --label b=2")?.values("label") == ["a=1", "b=2"])
    }

    @Test func pathsAreMadeAbsoluteOnceWhateverWayTheyCome() throws {
        let program = CommandSpecification(
            "tool", "Does things",
            options: [.path("state", "DIR", "Where", environment: "TOOL_STATE"), .value("name", "NAME", "Who")],
            commands: [
                CommandSpecification(
                    "take", "Takes", operands: [.requiredPath("FILE"), .optional("MORE")],
                    options: [.path("key", "FILE", "Keys", repeatable: true)])
            ])
        func run(_ line: String, environment: [String: String] = [:]) throws -> CommandInvocation {
            let request = ArgumentParser(program).parse(
                line.split(separator: " ").map(String.init), environment: { environment[$0] }, folder: { "/here" })
            guard case .run(let invocation) = request else { throw UsageError("\(request)") }
            return invocation
        }
        let found = try run("take a b --state s --key k --key=/abs/k --key - --name n")
        #expect(found.operands == ["/here/a", "b"])
        #expect(found.value("state") == "/here/s" && found.value("name") == "n")
        #expect(found.values("key") == ["/here/k", "/abs/k", "-"])
        #expect(try run("take ../a", environment: ["TOOL_STATE": "./e"]).value("state") == "/here/./e")
        // Without a current folder only relative paths are refused.
        func lost(_ line: String) -> CommandLineRequest {
            ArgumentParser(program).parse(
                line.split(separator: " ").map(String.init),
                folder: { () throws(SystemError) -> String in throw SystemError(call: "getcwd", errno: .notFound) })
        }
        guard case .run = lost("take /a"), case .usage(let text) = lost("take a") else {
            Issue.record("a folder that is gone was not noticed")
            return
        }
        #expect(text.contains("'a' is relative"))
    }

    @Test func operandsAreKept() {
        #expect(invocation("show a b")?.operands == ["a", "b"])
        #expect(invocation("show -- --odd")?.operands == ["--odd"])
        #expect(invocation("import -")?.operands == ["-"])
        #expect(invocation("import a b c d")?.operands.count == 4)
    }

    @Test(arguments: [
        ("", "which command? one of status, token, show, import"),
        ("token", "which command? one of create"),
        ("staus", "unknown command 'staus'; did you mean 'status'?"),
        ("tokne create", "unknown command 'tokne'; did you mean 'token'?"),
        ("zzzzz", "unknown command 'zzzzz'\n"),
        ("token create", "--role spoke|agent is required"),
        ("token create --role", "--role spoke|agent needs a value"),
        ("token create --role --json", "--role spoke|agent needs a value\n"),
        ("token create --role --versionn", "needs a value; one that begins with '-' is given as --role=--versionn"),
        ("token create --role hub", "--role is one of spoke, agent, not 'hub'"),
        ("token create --role spoke --role spoke", "--role is given twice"),
        ("token create --rol spoke", "unknown option '--rol'; did you mean '--role'?"),
        ("status --json=1", "--json takes no value"),
        ("status --jsno", "did you mean '--json'?"),
        ("status -x", "unknown option '-x'"),
        ("status more", "unexpected argument 'more'"),
        ("show", "ID is missing"),
        ("show a b c", "unexpected argument 'c'"),
        ("import", "FILE is missing"),
    ])
    func mistakesAreUsageErrorsThatSayWhatToDo(line: String, expected: String) {
        guard case .usage(let message) = run(line) else {
            Issue.record("\(line) was accepted")
            return
        }
        #expect(message.contains(expected), "\(message)")
        #expect(message.contains("-h' for help"))
    }

    @Test(arguments: [
        "-h", "token create --role -h", "token -h create", "--bad -h token create", "token create x --help",
    ])
    func helpWorksAnywhere(line: String) {
        guard case .help(let text) = run(line) else {
            Issue.record("no help for \(line)")
            return
        }
        #expect(text.hasPrefix("Usage: tool"))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
        if line.contains("create") { #expect(text.contains("--role spoke|agent")) }
    }

    @Test func versionIsAskedForWithAFlag() {
        guard case .version = run("--version") else {
            Issue.record("no version")
            return
        }
    }

    @Test func aBarIsDrawnForPeopleOnly() {
        let captured = Captured()
        let terminal = ProgramStreams(output: { _ in }, error: { captured.add($0) }, errorIsTerminal: true)
        let bar = ProgressBar("wait", on: terminal, noColor: false)
        bar.update(1, of: 2)
        bar.finish()
        #expect(captured.text.contains("50%"))
        let pipe = Captured()
        let quiet = ProgressBar("wait", on: ProgramStreams(output: { _ in }, error: { pipe.add($0) }), noColor: false)
        quiet.update(1, of: 2)
        quiet.finish()
        #expect(pipe.text.isEmpty)
    }
}

/// Text collected from any thread.
private final class Captured: Sendable {
    private let content = NativeLock("")

    func add(_ text: String) {
        content.withLock { $0 += text }
    }

    var text: String {
        content.withLock { $0 }
    }
}

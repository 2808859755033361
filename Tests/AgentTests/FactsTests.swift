import Agent
import Model
import Rollout
import System
import TestSupport
import Testing

@Suite("Facts")
struct FactsTests {
    let folder: TestFolder
    let installer: TreeInstaller

    init() throws {
        folder = try TestFolder()
        installer = TreeInstaller(
            products: folder.file("products"), child: UnpackChild(command: [try agentProgram()]))
    }

    private func gatherer(
        _ configuration: AgentConfiguration = AgentConfiguration(), joined: String? = nil,
        places: FactsGatherer.Places = FactsGatherer.Places()
    ) throws -> FactsGatherer {
        FactsGatherer(
            configuration: configuration, installer: installer, agentVersion: try Version("0.1.0"),
            joinedMachineID: joined, places: places)
    }

    private func wide(requires: PackageRequirements = PackageRequirements(), install: InstallSteps = InstallSteps())
        throws -> Package
    {
        try Sample.package(
            [1], install: install, requires: requires, platform: try Platform("linux-x86_64-glibc"))
    }

    private func reasons(_ facts: ClientFacts, _ package: Package) -> [ReasonCode] {
        Eligibility.check(facts, package, OrderContext(now: .zero)).reasons.map(\.code)
    }

    @Test("this machine is what uname, its shell and its disk say")
    func here() throws {
        let facts = try gatherer().gather()
        let machine = try ChildProcess("uname", ["-m"]).run().outputText.split(separator: "\n").first.map(String.init)
        #expect(facts.platform.arch == machine)
        #expect(facts.platform.os == "linux")
        #expect(facts.userlandBits == 64)
        #expect(facts.isRoot == CurrentProcess.isRoot)
        #expect(facts.freeSpace > .zero)
        #expect(facts.osName.isEmpty == false)
        #expect(facts.installed.isEmpty)
    }

    @Test("under setarch i686 the agent itself says that its userland is 32-bit")
    func setarch() throws {
        let outcome = try ChildProcess(
            "setarch", ["i686", try agentProgram(), "check", "--state", folder.path, "--json"]
        ).run()
        #expect(outcome.isSuccess)
        #expect(outcome.outputText.contains("\"userlandBits\" : 32"))
        #expect(outcome.outputText.contains("\"arch\" : \"i686\""))
        // And that alone makes a 64-bit package refused for its bits, not for its platform.
        var facts = try gatherer().gather()
        facts.userlandBits = 32
        facts.platform = try Platform("linux-i686-glibc")
        #expect(reasons(facts, try wide()) == [.os32Bit])
    }

    @Test("a 32-bit shell makes the userland 32-bit, whatever the kernel is")
    func narrowShell() throws {
        var places = FactsGatherer.Places()
        var elf: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 100)
        elf[44] = 0
        places.shell = try folder.write("sh", elf)
        #expect(try gatherer(places: places).gather().userlandBits == 32)
    }

    @Test("the loader tells the C library")
    func elf() throws {
        let shell = try #require(ELFImage(path: "/bin/sh"))
        #expect(shell.bits == 64)
        #expect(shell.interpreter?.contains("ld-linux") == true)
        #expect(ELFImage([1, 2, 3]) == nil)
        #expect(ELFImage(path: "/etc/passwd") == nil)
        let bytes = try File.read("/bin/sh", limit: 1 << 20)
        for length in stride(from: 0, to: 600, by: 7) { _ = ELFImage(Array(bytes.prefix(length))) }
        for index in 0..<128 {
            var bad = Array(bytes.prefix(1024))
            bad[index] = 0xFF
            _ = ELFImage(bad)
        }
    }

    @Test("a scheduler by pid file: running, dead, missing, damaged")
    func pidFile() throws {
        var configuration = AgentConfiguration()
        configuration.scheduler = .pidFile(folder.file("pid"))
        let wanting = try wide(requires: PackageRequirements(scheduler: true))
        #expect(try gatherer(configuration).gather().scheduler == .stopped)
        #expect(reasons(try gatherer(configuration).gather(), wanting) == [.schedulerNotRunning])
        try folder.write("pid", "\(CurrentProcess.identifier)\n")
        let running = try gatherer(configuration).gather()
        #expect(running.scheduler == .process)
        #expect(
            Eligibility.check(running, wanting, OrderContext(now: .zero)).notes.map(\.code) == [.schedulerNotService])
        for text in ["", "x", "-1", "0", "99999999", "999999999999999999999"] {
            try folder.write("pid", text)
            #expect(try gatherer(configuration).gather().scheduler == .stopped, "\(text)")
        }
    }

    @Test("a scheduler by unit that is not active does not run; without one configured the machine has none")
    func unit() throws {
        var configuration = AgentConfiguration()
        configuration.scheduler = .unit("axle-no-such-unit.service")
        #expect(try gatherer(configuration).gather().scheduler == .stopped)
        #expect(try gatherer().gather().scheduler == .absent)
    }

    @Test("the owner's word: autodeploy, password access, pins")
    func owner() throws {
        let bytes = Array("{autodeploy: 'no', passwordAccess: 'prompt', pinned: ['tool']}".utf8)
        let facts = try gatherer(try AgentConfiguration.parse(bytes)).gather()
        #expect(reasons(facts, try wide()) == [.autodeployNo, .passwordAccessNotGenerate, .pinned])
    }

    @Test("noreboot refuses what needs a restart of the machine only")
    func noreboot() throws {
        let facts = try gatherer(try AgentConfiguration.parse(Array("{autodeploy: 'noreboot'}".utf8))).gather()
        #expect(reasons(facts, try wide()).isEmpty)
        #expect(reasons(facts, try wide(install: InstallSteps(restart: .machine))) == [.restartNeeded])
    }

    @Test("what dpkg has installed is found by a detection rule")
    func dpkg() throws {
        let rule = DetectionRule(source: .dpkg, value: "dpkg")
        let package = try Sample.package([1], detection: [rule])
        let facts = try gatherer().gather(for: package)
        let found = try #require(facts.installed(package.path.product))
        #expect(found.source == .dpkg)
        let version = try ChildProcess("dpkg-query", ["-W", "-f", "${Version}", "dpkg"]).run().outputText
        #expect(found.release.text == version)
        let none = try Sample.package([1], detection: [DetectionRule(source: .dpkg, value: "axle-no-such-package")])
        #expect(try gatherer().gather(for: none).installed.isEmpty)
        // A name that looks like an option is a name.
        let option = try Sample.package([1], detection: [DetectionRule(source: .dpkg, value: "--help")])
        #expect(try gatherer().gather(for: option).installed.isEmpty)
    }

    @Test("a file tells that something is there; its receipt tells what Axle installed, and how wide its program is")
    func receipts() throws {
        let file = try folder.write("marker", "x")
        let detected = try Sample.package([1], detection: [DetectionRule(source: .file, value: file)])
        #expect(try gatherer().gather(for: detected).installed(detected.path.product)?.source == .detected)
        let program = try File.read("/bin/true", limit: 1 << 20)
        var builder = TarBuilder()
        builder.header("bin/tool", size: program.count, mode: 0o755)
        builder.data(program)
        builder.end()
        let package = try Sample.package(builder.bytes)
        let archive = try folder.write("archive", builder.bytes)
        try installer.stage(package, action: Sample.action(), archive: .published(archive))
        try installer.place(package, action: Sample.action())
        try installer.switchTo(package.path.product, package.path.release)
        let facts = try gatherer().gather(for: package)
        #expect(facts.installed.map(\.sha256) == [package.sha256])
        #expect(facts.programBits == 64)
        #expect(reasons(facts, package) == [.alreadyInstalled])
        try Directory.create(folder.file("products/..odd"))
        try folder.write("products/tool/.staging-x/half", "x")
        #expect(try gatherer().gather().installed.count == 1)
    }

    /// systemd writes it into images, and replaces it once their first boot is complete.
    @Test func aMachineWithoutAnIdOfItsOwnHasNotChanged() throws {
        let folder = try TestFolder()
        for (text, id) in [("uninitialized\n", nil), ("", nil), ("\n", nil), ("0123abcd\n", "0123abcd")]
            as [(String, String?)]
        {
            #expect(FactsGatherer.machineID(try folder.write("machine-id", text)) == id)
        }
        #expect(FactsGatherer.machineID(folder.path + "/none") == nil)
    }

    @Test("a clone is told by the machine's own id")
    func clone() throws {
        var places = FactsGatherer.Places()
        places.machineID = try folder.write("machine-id", "0123abcd\n")
        #expect(try gatherer(joined: "0123abcd", places: places).gather().identityChanged == false)
        let changed = try gatherer(joined: "ffff", places: places).gather()
        #expect(reasons(changed, try wide()) == [.identityChanged])
    }

    @Test("people who are logged in are counted")
    func sessions() throws {
        var places = FactsGatherer.Places()
        var record = [UInt8](repeating: 0, count: 384)
        record[0] = 7
        var other = record
        other[0] = 8
        places.sessions = try folder.write("utmp", record + other + record + [7, 0])
        #expect(try gatherer(places: places).gather().sessions == 2)
    }

    @Test("too little space, no root")
    func space() throws {
        let facts = try gatherer().gather()
        let huge = try wide(requires: PackageRequirements(freeSpace: ByteCount(1 << 60)))
        #expect(reasons(facts, huge) == [.diskSpace])
        var user = facts
        user.isRoot = false
        #expect(reasons(user, try wide(requires: PackageRequirements(root: true))) == [.notRoot])
    }
}

@Suite("Configuration")
struct AgentConfigurationTests {
    @Test("a full file is read, comments and all")
    func full() throws {
        let text = """
            {
              // the owner's word
              autodeploy: 'noreboot', scheduler: { unit: 'cron.service' }, passwordAccess: "generate",
              pinned: ["tool"], products: "/opt/axle", hooks: "/etc/axle/hooks",
              serviceCommand: ["/bin/ctl"], rebootCommand: ["/bin/reboot", "now"], requireLocalRoot: true,
            }
            """
        let configuration = try AgentConfiguration.parse(Array(text.utf8))
        #expect(configuration.autodeploy == .noreboot)
        #expect(configuration.scheduler == .unit("cron.service"))
        #expect(configuration.passwordAccess == .generate)
        #expect(configuration.pinned.map(\.text) == ["tool"])
        #expect(configuration.productsFolder == "/opt/axle")
        #expect(configuration.hooksFolder == "/etc/axle/hooks")
        #expect(configuration.serviceCommand == ["/bin/ctl"])
        #expect(configuration.rebootCommand == ["/bin/reboot", "now"])
        #expect(configuration.requireLocalRoot)
        #expect(try AgentConfiguration.parse(Array("{}".utf8)) == AgentConfiguration())
    }

    @Test(
        "what is wrong is named",
        arguments: [
            ("{catalogRootFromHub: false}", "requireLocalRoot: true"),
            ("{autodeplox: 'no'}", "did you mean autodeploy"), ("{autodeploy: 'perhaps'}", "autodeploy"),
            ("{scheduler: {}}", "scheduler: must have either unit or pidFile"),
            ("{scheduler: 7}", "scheduler: must be an object"),
            ("{scheduler: {unit: 'a', pidFile: '/b'}}", "unit or pidFile"),
            ("{scheduler: {unit: '--x'}}", "scheduler.unit"),
            ("{scheduler: {pidFile: 'rel'}}", "scheduler.pidFile: must be an absolute path"),
            ("{products: 'relative'}", "absolute"),
            ("{serviceCommand: []}", "serviceCommand: must be a list of 1 to 16 texts: a program"),
            ("{serviceCommand: 'systemctl'}", "serviceCommand: must be a list of 1 to 16 texts"),
            ("{pinned: ['../x']}", "pinned[0]: "),
            ("{pinned: [null]}", "pinned[0]: must be a product's name, not null"),
            ("{patchBases: 300}", "patchBases: must be 0 to 90 percent, not 300"), ("{patchBases: 91}", "0 to 90"),
            ("{scheduler: {unit: 7}}", "scheduler.unit: must be a service's name, not 7"),
            ("[]", "must be an object in braces"), ("{", "agent.json5: line 1, column 2: "),
            ("", "agent.json5: line 1, column 1: "),
            ("{\n  // é\n  patchBases: 1.5,\n}", "line 3, column 15: patchBases: must be 0 to 90 percent, not 1.5"),
            (
                "{autodeploy: 'no',\n autodeploy: 'yes'}",
                "line 2, column 2: autodeploy: this object has the same name twice"
            ),
        ])
    func wrong(text: String, expected: String) {
        do {
            _ = try AgentConfiguration.parse(Array(text.utf8))
            Issue.record("\(text) was taken")
        } catch {
            #expect("\(error)".contains(expected), "\(error)")
            #expect((error as? AgentError)?.code == .configInvalid)
        }
    }

    @Test("check-config says the same with status 1")
    func program() throws {
        let folder = try TestFolder()
        let check = ChildProcess(try agentProgram(), ["check-config", "--state", folder.path])
        #expect(try check.run().isSuccess)
        try folder.write("agent.json5", "{autodeplox: 'no'}")
        let outcome = try check.run()
        #expect(outcome.status == .exited(1))
        #expect(outcome.errorText.contains("did you mean autodeploy"))
    }
}

@Suite("Hooks and health")
struct HookTests {
    let folder: TestFolder
    let path: TargetPath

    init() throws {
        folder = try TestFolder()
        path = try Sample.package([]).path
        try Directory.create(folder.file("hooks"))
    }

    private func run(_ phase: HookRunner.Phase = .enter, deadline: Duration = .seconds(20)) throws {
        try HookRunner(folder: folder.file("hooks"), deadline: deadline)
            .run(.installing, phase, action: Sample.action(), path: path)
    }

    private func code(_ phase: HookRunner.Phase = .enter, deadline: Duration = .seconds(20)) -> AgentError.Code? {
        do {
            try run(phase, deadline: deadline)
            return nil
        } catch {
            return (error as? AgentError)?.code
        }
    }

    @Test("hooks of the state and phase run in order, with what they need to know")
    func order() throws {
        let out = folder.file("out")
        for name in [
            "installing_Enter_20", "installing_Enter_10", "installing_Leave", "verifying_Enter",
            "installing_Enterprise",
        ] {
            try folder.write(
                "hooks/\(name)",
                "#!/bin/sh\necho \(name) $AXLE_STATE $AXLE_PHASE $AXLE_PRODUCT $AXLE_RELEASE >> \(out)\n",
                mode: 0o755)
        }
        try folder.write("hooks/installing_Enter_30", "#!/bin/sh\necho never\n", mode: 0o644)
        try run()
        let text = String(decoding: try File.read(out, limit: 4096), as: UTF8.self)
        #expect(
            text == "installing_Enter_10 installing Enter tool 1.0\ninstalling_Enter_20 installing Enter tool 1.0\n")
        try Directory.removeTree(folder.file("hooks"))
        try run()
    }

    @Test("21 is later, anything else is no, and error hooks cannot fail")
    func statuses() throws {
        try folder.write("hooks/installing_Enter", "#!/bin/sh\nexit 21\n", mode: 0o755)
        #expect(code() == .retryLater)
        try folder.write("hooks/installing_Leave", "#!/bin/sh\nexit 21\n", mode: 0o755)
        #expect(code(.leave) == .hookFailed)
        try folder.write("hooks/installing_Enter", "#!/bin/sh\nexit 1\n", mode: 0o755)
        #expect(code() == .hookFailed)
        try folder.write("hooks/installing_Error", "#!/bin/sh\nexit 1\n", mode: 0o755)
        #expect(code(.error) == nil)
        try folder.write("hooks/installing_Enter", "#!/bin/sh\nsleep 60\n", mode: 0o755)
        #expect(code(deadline: .milliseconds(200)) == .hookFailed)
        try folder.write("hooks/installing_Enter", "no program\n", mode: 0o755)
        #expect(code() == .hookFailed)
    }

    @Test("a hook or folder that others may change is refused", arguments: ["hooks/installing_Enter", "hooks"])
    func writable(name: String) throws {
        try folder.write("hooks/installing_Enter", "#!/bin/sh\n", mode: 0o755)
        #expect(code() == nil)
        try File.setMode(folder.file(name), 0o777)
        #expect(code() == .hookFailed)
    }

    @Test("health: status, deadline, and a program that is not there")
    func health() throws {
        func check(_ script: String, seconds: UInt32 = 20) throws -> AgentError.Code? {
            try folder.write("release/bin/tool", script, mode: 0o755)
            let package = try Sample.package(
                [], install: InstallSteps(health: HealthCheck(argv: ["bin/tool", "a b"], timeoutSeconds: seconds)))
            do {
                try HealthRunner.check(package, in: folder.file("release"))
                return nil
            } catch {
                return (error as? AgentError)?.code
            }
        }
        #expect(try check("#!/bin/sh\n[ \"$1\" = 'a b' ] && [ -x bin/tool ]\n") == nil)
        // What the signed data says is an argument, whatever a shell would make of it.
        try folder.write("release/bin/tool", "#!/bin/sh\n[ \"$1\" = '$(touch pwned); touch pwned' ]\n", mode: 0o755)
        let hostile = HealthCheck(argv: ["bin/tool", "$(touch pwned); touch pwned"], timeoutSeconds: 20)
        try HealthRunner.check(
            try Sample.package([], install: InstallSteps(health: hostile)), in: folder.file("release"))
        #expect(!File.exists(folder.file("release/pwned")))
        #expect(try check("#!/bin/sh\nexit 1\n") == .healthFailed)
        #expect(try check("#!/bin/sh\nsleep 60\n", seconds: 1) == .healthFailed)
        #expect(try check("nonsense") == .healthFailed)
        let missing = try Sample.package([], install: InstallSteps(program: "bin/other"))
        #expect(throws: AgentError.self) { try HealthRunner.check(missing, in: folder.file("release")) }
    }
}

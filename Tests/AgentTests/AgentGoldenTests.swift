import Agent
import Model
import System
import Testing
import Trust

/// Golden sample: an agent's state folder as the first release wrote it, without its keys. Later releases must read it and mean the same.
///
/// `AXLE_WRITE_GOLDEN=1` writes it if there is none; a sample that exists is never written again.
@Suite("Golden state of an agent")
struct AgentGoldenTests {
    private let golden = Directory.join(Directory.parent(of: #filePath), "../Golden/state/agent")

    /// What the sample holds, made anew.
    private func record() throws -> ActionRecord {
        let package = try Sample.package([1, 2, 3], release: "2.0", counter: 2)
        var record = ActionRecord(
            id: Sample.action(2), kind: .install, order: [0xD2, 0x84], sequence: OrderSequence(epoch: 1, number: 7),
            expires: UnixTime(seconds: 1_800_000_000),
            stage: .changing(
                .installing,
                InstallProgress(
                    package: package, step: .activate, previous: try ReleaseName("1.0"), bootID: "a-boot")))
        record.failures = 1
        record.notBefore = UnixTime(seconds: 1_790_000_000)
        record.detail = "a detail"
        return record
    }

    private func facts() throws -> ClientFacts {
        ClientFacts(
            platform: try Platform("linux-x86_64-glibc"), userlandBits: 64, osName: "Debian", kernel: "6.1",
            hostname: "host", agentVersion: try Version("0.1.0"), freeSpace: ByteCount(1000))
    }

    private func write(_ path: String) throws {
        _ = try StateFolder.create(path, kind: AgentState.kind, version: AgentState.version) { folder in
            let store = try SQLiteAgentStore(
                path: AgentState.database(folder), incarnation: 77, now: UnixTime(seconds: 1_780_000_000))
            let product = try ProductName("tool")
            try store.transaction {
                try store.save(try record())
                let number = try store.takeReportCounter()
                try store.queue(QueuedReport(number: number, signed: [1, 2, 3]))
                try store.raiseSequenceFloor(OrderSequence(epoch: 1, number: 7), order: [7])
                try store.raiseSignedTimeFloor(UnixTime(seconds: 1_785_000_000))
                try store.raiseTrustedVersion("root", 3)
                try store.setCounterFloor(product, try LineName("main"), 1)
                try store.setInstalled(try Sample.receipt().installed)
                try store.reject(RejectedRelease(product: product, release: try ReleaseName("1.5")))
                try store.lock(try ProductName("locked"))
                try store.setWarning(product, true)
                try store.setReportedFacts(try facts())
            }
            try TrialFile(path: AgentState.trial(folder)).write(Trial(release: "0.2.0", previous: "0.1.0", starts: 1))
            try AtomicFile.write("{ autodeploy: 'noreboot' }\n", to: AgentState.configuration(folder))
            let release = Directory.join(folder, "products/tool/1.0")
            try Directory.create(release)
            try Sample.receipt().write(release)
            try File.swapLink(Directory.join(folder, "products/tool/current"), to: "1.0")
        }
        try File.remove(Directory.join(path, "lock"))
    }

    @Test("a state folder of the first release is read, and means the same")
    func reads() throws {
        if CurrentProcess.environment("AXLE_WRITE_GOLDEN") == "1", !File.exists(golden) { try write(golden) }
        let scratch = try TestFolder()
        let copy = scratch.file("state")
        try #require(try ChildProcess("cp", ["-a", golden, copy]).run().isSuccess)
        let folder = try StateFolder.open(copy, kind: AgentState.kind, version: AgentState.version)
        let store = try SQLiteAgentStore(path: AgentState.database(folder.path), incarnation: 1, now: .zero)
        let product = try ProductName("tool")
        #expect(try store.openActions() == [try record()])
        #expect(try store.queuedReports(limit: 9).map(\.signed) == [[1, 2, 3]])
        #expect(try store.takeReportCounter() == ReportNumber(incarnation: 77, counter: 2))
        #expect(try store.sequenceFloor() == OrderSequence(epoch: 1, number: 7))
        #expect(try store.signedTimeFloor() == UnixTime(seconds: 1_785_000_000))
        #expect(try store.trustedVersion("root") == 3)
        #expect(try store.counterFloor(product, try LineName("main")) == 1)
        #expect(try store.installed() == [try Sample.receipt().installed])
        #expect(try store.rejected().map(\.release.text) == ["1.5"])
        #expect(try store.locked().map(\.text) == ["locked"])
        #expect(try store.warnings() == [product])
        #expect(try store.reportedFacts() == (try facts()))
        #expect(
            try TrialFile(path: AgentState.trial(copy)).read() == Trial(release: "0.2.0", previous: "0.1.0", starts: 1))
        #expect(try AgentConfiguration.read(AgentState.configuration(copy)).autodeploy == .noreboot)
        let installer = TreeInstaller(
            products: Directory.join(copy, "products"), child: UnpackChild(command: []))
        #expect(try installer.installed() == [try Sample.receipt().installed])
    }
}

extension Sample {
    /// The receipt of an installed release.
    static func receipt() throws -> Receipt { Receipt(package: try package([1]), action: action(1)) }
}

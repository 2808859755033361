import Codec
import Model
import Testing
import Trust

@Suite("TUF workflow: order of requests and writes")
struct RefreshOrderTests {
    @Test("a first run asks for root N+1, timestamp, snapshot, targets, and keeps each after its checks")
    func firstRun() throws {
        var repository = RepositorySimulator()
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository)
        #expect(client.fetched == ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"])
        #expect(
            client.written == [
                "persist 1.root.json", "persist root.json", "persist floors", "persist timestamp.json",
                "persist floors",
                "persist snapshot.json", "persist floors", "persist targets.json",
            ])
        // Byte for byte as received.
        #expect(client.folder["root.json"] == repository.files["1.root.json"])
        #expect(client.folder["timestamp.json"] == repository.files["timestamp.json"])
        #expect(client.folder["snapshot.json"] == repository.files["1.snapshot.json"])
        #expect(client.folder["targets.json"] == repository.files["1.targets.json"])
    }

    @Test("a run without news fetches root N+1 and timestamp only, and writes nothing")
    func noNews() throws {
        var repository = RepositorySimulator()
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository)
        try client.refresh(repository)
        #expect(client.fetched == ["2.root.json", "timestamp.json"])
        #expect(client.written.isEmpty)
        #expect(client.outcome?.trusted.targetsRole(.targets)?.version == 1)
    }

    @Test("without consistent snapshots the names carry no version")
    func inconsistent() throws {
        var repository = RepositorySimulator()
        repository.consistent = false
        repository.delegate(.init(name: "ruff", paths: ["ruff/*/*/*"]))
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository, .catalog)
        #expect(client.fetched == ["2.root.json", "timestamp.json", "snapshot.json", "targets.json", "ruff.json"])
    }

    @Test("all root versions are kept")
    func rootsAreKept() throws {
        var repository = RepositorySimulator()
        repository.publish()
        var client = SimulatedClient(repository)
        repository.rotate("root", to: "root-2")
        repository.rotate("root", to: "root-3")
        try client.refresh(repository)
        for version in 1...3 {
            let name = "\(version).root.json"
            #expect(client.folder[name] == repository.files[name])
        }
        #expect(client.folder["root.json"] == repository.files["3.root.json"])
    }

    @Test("at most 256 roots are fetched in one run, and the next run goes on from there")
    func manyRoots() throws {
        var repository = RepositorySimulator()
        repository.publish()
        for _ in 0..<300 {
            repository.versions["root", default: 0] += 1
            repository.publishRoot()
        }
        var client = SimulatedClient(repository)
        try client.refresh(repository)
        #expect(client.fetched.filter { $0.hasSuffix("root.json") }.count == 256)
        #expect(client.outcome?.trusted.root.version == 257)
        try client.refresh(repository)
        #expect(client.outcome?.trusted.root.version == 301)
    }

    @Test("role names are percent-encoded for requests and files, whatever they are")
    func hostileRoleNames() throws {
        var repository = RepositorySimulator()
        let names = ["../../etc/passwd", "/abs", "a\u{0}b", "back\\slash", "..", ".", "5.root", "é"]
        for name in names { repository.delegate(.init(name: name, paths: ["\(name)"])) }
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository, .catalog)
        #expect(client.fetched.contains("1...%2F..%2Fetc%2Fpasswd.json"))
        #expect(client.fetched.contains("1.%2Fabs.json"))
        #expect(client.fetched.contains("1.a%00b.json"))
        #expect(client.fetched.contains("1.back%5Cslash.json"))
        #expect(client.fetched.contains("1.%C3%A9.json"))
        for name in client.folder.keys {
            #expect(!name.contains("/") && !name.contains("\u{0}") && name != "." && name != "..")
        }
        // A delegated role never overwrites a root.
        #expect(client.folder["5.root.json"] == nil)
        #expect(client.folder["%35.root.json"] != nil)
        #expect(client.outcome?.refused.isEmpty == true)
    }

    @Test("a machine without a link verifies what it kept, freshness included")
    func stored() throws {
        var repository = RepositorySimulator()
        repository.delegate(.init(name: "ruff", paths: ["ruff/*/*/*"]))
        repository.targets["ruff"] = ["ruff/1/any/f": RepositorySimulator.target("f")]
        repository.publish()
        var client = SimulatedClient(repository)
        #expect(client.refusal(repository, from: .stored) == .missingMetadata)
        try client.refresh(repository, .catalog)
        try client.refresh(repository, .target("ruff/1/any/f"), from: .stored)
        #expect(client.fetched.isEmpty)
        #expect(client.outcome?.target?.role == "ruff")
        client.now = UnixTime(seconds: 2_000_000_000)
        #expect(client.refusal(repository, .target("ruff/1/any/f"), from: .stored) == .metadataExpired)
    }

    @Test("a spoke answers for the names that the repository would")
    func relay() throws {
        var repository = RepositorySimulator()
        repository.delegate(.init(name: "ruff", paths: ["ruff/*/*/*"]))
        repository.publish()
        repository.rotate("root", to: "root-2")
        repository.versions["snapshot"] = 4
        repository.versions["ruff"] = 7
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository, .catalog)
        let trusted = try #require(client.outcome?.trusted)
        for name in [
            "1.root.json", "2.root.json", "timestamp.json", "4.snapshot.json", "1.targets.json", "7.ruff.json",
        ] {
            let file = try #require(trusted.storedFile(forRemoteName: name))
            #expect(client.folder[file.fileName] == repository.files[name])
        }
        let absent = [
            "3.root.json", "0.root.json", "01.root.json", "root.json", "snapshot.json", "1.snapshot.json",
            "6.ruff.json",
            "../timestamp.json", "", "٢.root.json", "99999999999999999999.root.json",
        ]
        for name in absent { #expect(trusted.storedFile(forRemoteName: name) == nil) }
    }

    @Test("every cut between two writes gives the old state or the new one, and the next run ends the same")
    func cuts() throws {
        var before = RepositorySimulator()
        before.delegate(.init(name: "ruff", paths: ["ruff/*/*/*"]))
        before.publish()
        var after = before
        after.rotate("timestamp", to: "timestamp-2")
        after.rotate("root", to: "root-3")
        after.versions["ruff"] = 2
        after.bump("targets", "snapshot", "timestamp")
        var whole = SimulatedClient(before)
        try whole.refresh(before, .catalog)
        let start = whole
        try whole.refresh(after, .catalog)
        let writes = whole.written.count
        #expect(writes == 14)
        for cut in 0..<writes {
            var client = start
            #expect(throws: SimulatedClient.Cut.self) { try client.refresh(after, .catalog, cutAt: cut) }
            try client.refresh(after, .catalog)
            #expect(client.folder == whole.folder, "cut at \(cut)")
        }
    }

    @Test(
        "a cut after a root that retired timestamp keys still forgets the fast-forwarded timestamp, without the network"
    )
    func cutDuringFastForwardRecovery() throws {
        var repository = RepositorySimulator()
        repository.signers["timestamp"] = [FakeSigner("stolen"), FakeSigner("good")]
        repository.versions["timestamp"] = 1_000_000
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository)
        // Recovery: only the good key stays, which had signed the fast-forwarded timestamp too.
        repository.rotate("timestamp", to: "good")
        repository.versions["timestamp"] = 2
        repository.publish()
        for cut in 0..<5 {
            var interrupted = client
            #expect(throws: SimulatedClient.Cut.self) { try interrupted.refresh(repository, cutAt: cut) }
            if cut >= 1 {
                // The new root is kept, so no attacker who withholds it can bring the old keys back.
                #expect(throws: MetadataError.self) { try interrupted.refresh(repository) { _, _ in .notFound } }
                #expect(interrupted.folder["root.json"] == repository.files["2.root.json"])
                #expect(interrupted.folder["timestamp.json"] == nil)
                #expect(interrupted.folder["snapshot.json"] == nil)
            }
            try interrupted.refresh(repository)
            #expect(interrupted.outcome?.trusted.timestamp?.version == 2)
        }
    }

    @Test("a broken kept root is replaced from the one that came with the machine")
    func brokenKeptRoot() throws {
        var repository = RepositorySimulator()
        repository.publish()
        repository.rotate("root", to: "root-2")
        var client = SimulatedClient(repository)
        try client.refresh(repository)
        client.folder["root.json"] = [0x7B]
        try client.refresh(repository)
        #expect(client.outcome?.trusted.root.version == 2)
        #expect(client.folder["root.json"] == repository.files["2.root.json"])
        client.folder["root.json"] = [0x7B]
        client.bootstrap = nil
        #expect(client.refusal(repository) == .malformedMetadata)
        client.folder = [:]
        #expect(client.refusal(repository) == .noTrustedRoot)
    }

    @Test("broken kept files other than the root are fetched again")
    func brokenKeptFiles() throws {
        var repository = RepositorySimulator()
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository)
        let good = client.folder
        for name in ["timestamp.json", "snapshot.json", "targets.json"] {
            client.folder[name] = Array("broken".utf8)
            try client.refresh(repository)
            #expect(client.folder == good)
        }
    }

    @Test("failures of transport are errors of their own and change nothing")
    func transport() throws {
        var repository = RepositorySimulator()
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository)
        repository.bump("targets", "snapshot", "timestamp")
        let kept = client.folder
        #expect(client.refusal(repository) { _, _ in .failed("refused") } == .unreachable)
        #expect(client.refusal(repository) { $0 == "timestamp.json" && $1 > 0 ? .tooSlow : nil } == .tooSlow)
        #expect(client.refusal(repository) { $0 == "timestamp.json" && $1 > 0 ? .notFound : nil } == .missingMetadata)
        #expect(client.folder == kept)
    }

    @Test("steps out of turn are refused")
    func outOfTurn() throws {
        var repository = RepositorySimulator()
        repository.publish()
        var workflow = RefreshWorkflow(
            .refresh, bootstrapRoot: repository.files["1.root.json"], startTime: RepositorySimulator.now,
            verifier: FakeVerifier(), digester: TestDigester())
        #expect(throws: MetadataError.self) { try workflow.resume(.stored) }
        workflow = RefreshWorkflow(
            .refresh, bootstrapRoot: repository.files["1.root.json"], startTime: RepositorySimulator.now,
            verifier: FakeVerifier(), digester: TestDigester())
        _ = try workflow.start()
        #expect(throws: MetadataError.self) { try workflow.start() }
        _ = try workflow.resume(.notFound)
        _ = try workflow.resume(.notFound)
        // A write was asked for; anything but `stored` ends the run, and nothing comes after the end.
        #expect(throws: MetadataError.self) { try workflow.resume(.bytes([])) }
        #expect(throws: MetadataError.self) { try workflow.resume(.stored) }
    }
}

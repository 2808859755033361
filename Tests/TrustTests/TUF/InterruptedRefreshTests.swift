import Codec
import Model
import Testing
import Trust

/// What stays believed when a refresh ends at any of its steps.
@Suite("TUF interrupted refresh")
struct InterruptedRefreshTests {
    static let steps = ["2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json", "2.ruff.json"]

    private func world() throws -> (RepositorySimulator, SimulatedClient) {
        var repository = RepositorySimulator()
        repository.delegate(.init(name: "ruff", paths: ["ruff/*"]))
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository, .catalog)
        repository.rotate("root", to: "root-2")
        repository.bump("ruff", "targets", "snapshot", "timestamp")
        return (repository, client)
    }

    private static let kept = [
        "2.root.json": "root.json", "timestamp.json": "timestamp.json", "2.snapshot.json": "snapshot.json",
        "2.targets.json": "targets.json", "2.ruff.json": "ruff.json",
    ]

    @Test(
        "a file that is not there, is another one, or does not come keeps all before it new and all from it on old",
        arguments: steps)
    func persistsUpToTheFailure(missing: String) throws {
        let (repository, start) = try world()
        let place = try #require(Self.steps.firstIndex(of: missing))
        let answers: [RefreshAnswer] = [
            .notFound, .failed("cut"), .tooSlow, .tooLarge, .bytes([]),
            .bytes(repository.files["1.targets.json"] ?? []),
            .bytes(repository.files["1.root.json"] ?? []),
        ]
        for answer in answers {
            var client = start
            let target = RefreshWorkflow.Goal.target("ruff/x")
            let refusal = client.refusal(repository, target) { name, _ in name == missing ? answer : nil }
            // A root that is not there is the end of the roots, and no refusal.
            if case .notFound = answer, place == 0 {
                #expect(refusal == nil)
                continue
            }
            #expect(refusal != nil, "\(missing) \(answer)")
            for (index, name) in Self.steps.enumerated() {
                let file = try #require(Self.kept[name])
                #expect(client.folder[file] == (index < place ? repository.files[name] : start.folder[file]), "\(file)")
            }
            #expect(client.fetched.last == missing)
            // Then it goes on as if nothing had been.
            try client.refresh(repository, target)
            for (name, file) in Self.kept { #expect(client.folder[file] == repository.files[name]) }
        }
    }

    @Test("kept metadata that has expired is still a yardstick against rollback")
    func expiredKeptMetadata() throws {
        var repository = RepositorySimulator()
        for role in ["root", "timestamp", "snapshot", "targets"] {
            repository.expires[role] = "2026-06-10T00:00:00Z"
            repository.versions[role] = role == "root" ? 1 : 5
        }
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository)
        client.now = client.now + .seconds(30 * 86_400)
        repository.expires = [:]
        repository.rotate("root", to: "root-2")
        for (role, code) in [
            ("timestamp", MetadataError.Code.timestampRolledBack), ("snapshot", .snapshotRolledBack),
            ("targets", .targetsRolledBack),
        ] {
            var old = repository
            for other in ["timestamp", "snapshot", "targets"] { old.versions[other] = other == role ? 4 : 6 }
            old.publish()
            var other = client
            #expect(other.refusal(old) == code)
        }
        repository.bump("timestamp", "snapshot", "targets")
        try client.refresh(repository)
        #expect(client.outcome?.trusted.timestamp?.version == 6)
    }

    @Test("a change of hashes and lengths alone, without a new version, is refused at every level")
    func sameVersionOtherBytes() throws {
        for role in ["snapshot", "targets", "ruff"] {
            var (repository, client) = try world()
            try client.refresh(repository, .catalog)
            repository.expires[role] = "2031-01-01T00:00:00Z"
            let changed = repository
            var evil = repository
            evil.publish()
            // The timestamp of before goes with files that were made anew.
            evil.serve("timestamp.json", changed.files["timestamp.json"])
            client.folder["\(role).json"] = nil
            let refusal = client.refusal(evil, .target("ruff/x"))
            #expect([.hashMismatch, .lengthMismatch].contains(refusal), "\(role): \(String(describing: refusal))")
        }
    }
}

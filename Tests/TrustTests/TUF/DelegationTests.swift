import Codec
import Model
import Testing
import Trust

@Suite("TUF delegations")
struct DelegationTests {
    private func client(_ repository: RepositorySimulator) throws -> SimulatedClient {
        var client = SimulatedClient(repository)
        try client.refresh(repository)
        return client
    }

    /// Roles fetched while a path is looked for.
    private func visited(_ repository: RepositorySimulator, _ path: String) throws -> [String] {
        var client = try client(repository)
        try client.refresh(repository, .target(JSONText(path)))
        return client.fetched.dropFirst(2).map { String($0.dropFirst(2).dropLast(5)) }
    }

    static let patterns: [(String, String, Bool)] = [
        ("*", "a", true), ("*", "", true), ("*", "a/b", false), ("a/*", "a/b", true), ("a/*", "a/b/c", false),
        ("a/*", "a/", true), ("a/*", "a", false), ("*/*", "a/b", true), ("?", "a", true), ("?", "", false),
        ("?", "/", false), ("?", "é", true), ("??", "é", false), ("a?c", "abc", true), ("a?c", "a/c", false),
        ("*.tar", "x.tar", true), ("*.tar", "x/y.tar", false), ("*a*b*c", "xaxbxc", true), ("*a*b*c", "xaxcxb", false),
        ("[ab]", "a", false), ("[ab]", "[ab]", true), ("a\\*", "a\\x", true), ("a", "A", false), ("", "", true),
        ("", "a", false), ("**", "ab", true), ("**", "a/b", false), ("*?", "", false), ("*?", "abc", true),
        ("a*", "a\n", true), ("ruff/*/*/*", "ruff/1/any/f", true), ("ruff/*/*/*", "ruff/1/any/f/g", false),
        ("ruff/*/*/*", "ruff2/1/any/f", false),
    ]

    @Test("* and ? do not match /; every other character stands for itself", arguments: patterns)
    func pattern(pattern: String, path: String, expected: Bool) {
        #expect(PathPattern(JSONText(pattern)).matches(JSONText(path)) == expected)
    }

    @Test("a pattern made to take exponential time does not")
    func patternTime() {
        let pattern = PathPattern(JSONText(String(repeating: "*a", count: 200) + "b"))
        #expect(!pattern.matches(JSONText(String(repeating: "a", count: 4000))))
    }

    @Test("roles are searched in pre-order, depth first")
    func preOrder() throws {
        var repository = RepositorySimulator()
        repository.delegate(.init(name: "A", paths: ["*"]))
        repository.delegate(.init(name: "B", paths: ["*"]))
        repository.delegate(.init(name: "C", paths: ["other"]))
        repository.delegate(.init(name: "A1", paths: ["*"]), from: "A")
        repository.delegate(.init(name: "A2", paths: ["*"]), from: "A")
        repository.delegate(.init(name: "A11", paths: ["*"]), from: "A1")
        repository.publish()
        #expect(try visited(repository, "x") == ["A", "A1", "A11", "A2", "B"])
        repository.targets["A1"] = ["x": RepositorySimulator.target("x")]
        repository.targets["B"] = ["x": RepositorySimulator.target("other x")]
        repository.publish()
        #expect(try visited(repository, "x") == ["A", "A1"])
    }

    @Test("terminating is honoured: siblings after it and roles before are not searched")
    func terminating() throws {
        var repository = RepositorySimulator()
        repository.delegate(.init(name: "A", paths: ["*"]))
        repository.delegate(.init(name: "B", paths: ["*"]))
        repository.delegate(.init(name: "A1", paths: ["*"], terminating: true), from: "A")
        repository.delegate(.init(name: "A2", paths: ["*"]), from: "A")
        repository.delegate(.init(name: "A11", paths: ["*"]), from: "A1")
        repository.targets["B"] = ["x": RepositorySimulator.target("x")]
        repository.publish()
        #expect(try visited(repository, "x") == ["A", "A1", "A11"])
        var client = try client(repository)
        try client.refresh(repository, .target("x"))
        #expect(client.outcome?.target == nil)
        // A terminating role that may not speak for the path ends nothing.
        repository.delegations["A"]?[0].paths = ["y"]
        repository.publish()
        #expect(try visited(repository, "x") == ["A", "A2", "B"])
    }

    @Test("cycles are skipped")
    func cycles() throws {
        var repository = RepositorySimulator()
        repository.delegate(.init(name: "A", paths: ["*"]))
        repository.delegate(.init(name: "B", paths: ["*"]), from: "A")
        repository.delegate(.init(name: "A", paths: ["*"]), from: "B")
        repository.delegate(.init(name: "B", paths: ["*"]), from: "B")
        repository.publish()
        #expect(try visited(repository, "x") == ["A", "B"])
        var client = try client(repository)
        try client.refresh(repository, .catalog)
        #expect(client.outcome?.trusted.verifiedRoles == ["A", "B", "targets"])
    }

    @Test("at most 32 delegated roles are visited for one path")
    func roleLimit() throws {
        for (count, refusal) in [(32, nil), (33, MetadataError.Code.tooManyRoles)] as [(Int, MetadataError.Code?)] {
            var repository = RepositorySimulator()
            for number in 0..<count { repository.delegate(.init(name: "r\(number)", paths: ["*"])) }
            repository.publish()
            var client = try client(repository)
            #expect(client.refusal(repository, .target("x")) == refusal)
        }
    }

    @Test("the path must be allowed along the whole chain")
    func wholeChain() throws {
        var repository = RepositorySimulator()
        repository.delegate(.init(name: "A", paths: ["a/*"]))
        repository.delegate(.init(name: "B", paths: ["*", "a/*", "b/*"]), from: "A")
        repository.targets["A"] = ["b/x": RepositorySimulator.target("A speaks out of its scope")]
        repository.targets["B"] = [
            "b/x": RepositorySimulator.target("B, too"), "a/x": RepositorySimulator.target("fine"),
        ]
        repository.publish()
        var client = try client(repository)
        try client.refresh(repository, .target("b/x"))
        #expect(client.outcome?.target == nil)
        #expect(client.fetched.count == 2)
        try client.refresh(repository, .target("a/x"))
        #expect(client.outcome?.target?.role == "B")
        try client.refresh(repository, .catalog)
        #expect(client.outcome?.trusted.allTargets().map(\.file.path) == ["a/x"])
    }

    @Test("delegated metadata is verified like all other: unverified delegated metadata is refused")
    func delegatedIsVerified() throws {
        let changes: [(MetadataError.Code, (inout RepositorySimulator) -> Void)] = [
            (.thresholdNotMet, { $0.delegations["targets"]?[0].signers = [FakeSigner("someone else")] }),
            (.metadataExpired, { $0.expires["A"] = "2026-01-01T00:00:00Z" }),
            (.wrongType, { $0.tamper["A"] = { $0.set("_type", "A") } }),
            (.malformedMetadata, { $0.tamper["A"] = { $0.remove("targets") } }),
            (.roleNotInSnapshot, { $0.unlisted = ["A"] }),
            (.thresholdNotMet, { $0.delegations["targets"]?[0].threshold = 2 }),
        ]
        for (code, change) in changes {
            var repository = RepositorySimulator()
            repository.delegate(.init(name: "A", paths: ["*"]))
            repository.targets["A"] = ["x": RepositorySimulator.target("x")]
            change(&repository)
            repository.publish()
            var client = try client(repository)
            #expect(client.refusal(repository, .target("x")) == code)
            #expect(client.folder["A.json"] == nil)
        }
        var repository = RepositorySimulator()
        repository.delegate(.init(name: "A", paths: ["*"]))
        repository.publish()
        repository.serve("1.A.json", (repository.files["1.A.json"] ?? []).dropLast() + [0x20])
        var client = try client(repository)
        #expect(client.refusal(repository, .target("x")) == .hashMismatch)
        repository.serve("1.A.json", nil)
        #expect(client.refusal(repository, .target("x")) == .missingMetadata)
    }

    @Test("a cached delegated role is verified again against each delegator")
    func eachDelegator() throws {
        var repository = RepositorySimulator()
        repository.delegate(.init(name: "A", paths: ["a/*"]))
        repository.delegate(.init(name: "B", paths: ["b/*"]))
        repository.delegate(.init(name: "C", paths: ["a/*"]), from: "A")
        // B names another key for the same role.
        repository.delegate(.init(name: "C", paths: ["b/*"], signers: [FakeSigner("not C's")]), from: "B")
        repository.targets["C"] = ["a/x": RepositorySimulator.target("1"), "b/x": RepositorySimulator.target("2")]
        repository.publish()
        var client = try client(repository)
        try client.refresh(repository, .target("a/x"))
        #expect(client.outcome?.target?.role == "C")
        let trusted = client
        do {
            try client.find("b/x", repository)
            Issue.record("C was believed for B")
        } catch let error as MetadataError {
            #expect(error.code == .thresholdNotMet)
        }
        // What was verified stays: a second search through A needs nothing more.
        client = trusted
        try client.find("a/x", repository)
        #expect(client.trace.isEmpty)
        #expect(client.outcome?.target?.role == "C")
    }

    @Test("path_hash_prefixes go by the hexadecimal SHA-256 of the path")
    func pathHashPrefixes() throws {
        let hash = ASCII.hex(TestDigester().sha256(Array("x/y".utf8)))
        var repository = RepositorySimulator()
        repository.delegate(.init(name: "A", prefixes: ["0000", String(hash.prefix(3))]))
        repository.delegate(.init(name: "B", prefixes: [hash.uppercased()]))
        repository.targets["A"] = ["x/y": RepositorySimulator.target("x")]
        repository.publish()
        #expect(try visited(repository, "x/y") == ["A"])
        #expect(try visited(repository, "other").isEmpty)
    }

    @Test("succinct bins (TAP 15) are found by the first bits of the path's hash, and end the search")
    func succinctBins() throws {
        for bits in [Int64(1), 3, 4, 5, 8] {
            var repository = RepositorySimulator()
            let signer = FakeSigner("bins")
            repository.bins["targets"] = (bits, "bin", [signer])
            let width = Int(bits + 3) / 4
            let names = (0..<(1 << bits)).map { number in
                let digits = String(number, radix: 16)
                return "bin-" + String(repeating: "0", count: width - digits.count) + digits
            }
            for name in names {
                repository.signers[name] = [signer]
                repository.targets[name] = [:]
                repository.versions[name] = 1
            }
            let paths = (0..<20).map { "ruff/\($0)/any/f" }
            for path in paths {
                let hash = TestDigester().sha256(Array(path.utf8))
                let number = Int(hash[0]) >> (8 - Int(bits))
                repository.targets[names[number], default: [:]][path] = RepositorySimulator.target(path)
            }
            repository.publish()
            var client = try client(repository)
            try client.refresh(repository, .target(JSONText(paths[0])))
            #expect(client.outcome?.target != nil)
            #expect(client.fetched.count == 3)
            try client.refresh(repository, .target("absent"))
            #expect(client.outcome?.target == nil)
            try client.refresh(repository, .catalog)
            #expect(client.outcome?.trusted.allTargets().count == paths.count)
        }
    }

    @Test("bins know their own names only")
    func binNames() throws {
        let signers = try #require(RoleKeys(keyIDs: ["a"], threshold: 1))
        let bins = Delegations.Bins(signers: signers, bits: 5, namePrefix: "b")
        for name in ["b-00", "b-1f"] { #expect(bins.contains(RoleName(name))) }
        for name in ["b-20", "b-1F", "b-0", "b-000", "c-00", "b-+1", "b--1", "b00", ""] {
            #expect(!bins.contains(RoleName(name)))
        }
    }

    @Test("a delegation may not take a top-level name, have none, or occur twice")
    func roleNames() throws {
        for name in ["root", "timestamp", "snapshot", "targets", "", String(repeating: "x", count: 81)] {
            var repository = RepositorySimulator()
            repository.delegations["targets"] = [.init(name: name, paths: ["*"], signers: [FakeSigner("x")])]
            repository.publish()
            var client = SimulatedClient(repository)
            #expect(client.refusal(repository) == .invalidRoleName)
        }
        var repository = RepositorySimulator()
        repository.delegate(.init(name: "A", paths: ["a"]))
        repository.delegate(.init(name: "A", paths: ["b"]))
        repository.publish()
        var client = SimulatedClient(repository)
        #expect(client.refusal(repository) == .invalidRoleName)
    }

    @Test("the whole catalog is listed by who may speak; one broken product does not hold up the others")
    func catalog() throws {
        var repository = RepositorySimulator()
        for name in ["mypy", "ruff", "uv"] {
            repository.delegate(.init(name: name, paths: ["\(name)/*/*/*"], terminating: true))
            repository.targets[name] = [
                "\(name)/1/any/f": RepositorySimulator.target(name),
                "ruff/2/any/f": RepositorySimulator.target("stolen"),
            ]
        }
        repository.publish()
        var client = SimulatedClient(repository)
        try client.refresh(repository, .catalog)
        let all = try #require(client.outcome).trusted.allTargets()
        #expect(all.map(\.file.path.string) == ["mypy/1/any/f", "ruff/1/any/f", "ruff/2/any/f", "uv/1/any/f"])
        #expect(all.map(\.role.string) == ["mypy", "ruff", "ruff", "uv"])
        repository.delegations["targets"]?[1].signers = [FakeSigner("someone else")]
        repository.bump("targets", "snapshot", "timestamp")
        try client.refresh(repository, .catalog)
        let outcome = try #require(client.outcome)
        #expect(outcome.refused.map(\.code) == [.thresholdNotMet])
        #expect(outcome.trusted.allTargets().map(\.role.string) == ["mypy", "uv"])
        // A repository out of reach is no broken product.
        repository.bump("ruff", "uv", "snapshot", "timestamp")
        #expect(
            client.refusal(repository, .catalog) { name, _ in name.contains("uv") ? .failed("cut") : nil }
                == .unreachable)
    }

    @Test("hostile target names are looked up byte for byte and become no path")
    func hostileTargetNames() throws {
        var repository = RepositorySimulator()
        let names = ["../../etc/passwd", "/etc/passwd", "a\u{0}b", "a\\b", "..", "", "\u{e9}"]
        for name in names { repository.targets["targets", default: [:]][name] = RepositorySimulator.target(name) }
        repository.publish()
        var client = try client(repository)
        for name in names {
            try client.find(name, repository)
            let target = try #require(client.outcome?.target)
            #expect(target.file.path == JSONText(name))
            #expect(throws: MetadataError.self) { try Package(target.file) }
        }
        let listed = try #require(client.outcome).trusted.packages()
        #expect(listed.packages.isEmpty)
        #expect(listed.refused.count == names.count)
    }

    @Test("a target's bytes must have the listed length and every known hash (5.7)")
    func targetBytes() throws {
        let bytes = Array("content".utf8)
        let file = TargetFile(
            path: "a/b.tar", length: 7, hashes: FileHashes(sha256: TestDigester().sha256(bytes)))
        try file.check(bytes, digester: TestDigester())
        try file.check(length: 7, sha256: TestDigester().sha256(bytes))
        func refusal(_ body: () throws -> Void) -> MetadataError.Code? {
            do {
                try body()
                return nil
            } catch {
                return (error as? MetadataError)?.code
            }
        }
        #expect(refusal { try file.check(bytes + [0], digester: TestDigester()) } == .lengthMismatch)
        #expect(refusal { try file.check(Array("contenT".utf8), digester: TestDigester()) } == .hashMismatch)
        #expect(refusal { try file.check(length: 7, sha256: Array(repeating: 0, count: 32)) } == .hashMismatch)
        #expect(refusal { try file.check(length: 8, sha256: TestDigester().sha256(bytes)) } == .lengthMismatch)
        #expect(file.remotePath(consistentSnapshot: false) == "a/b.tar")
        let hash = ASCII.hex(TestDigester().sha256(bytes))
        #expect(file.remotePath(consistentSnapshot: true).string == "a/\(hash).b.tar")
        let top = TargetFile(path: "b.tar", length: 7, hashes: file.hashes)
        #expect(top.remotePath(consistentSnapshot: true).string == "\(hash).b.tar")
    }
}

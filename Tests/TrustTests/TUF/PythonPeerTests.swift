import Codec
import Model
import TLS
import TestSupport
import Testing
import Trust

/// python-tuf as the judge: what we publish it accepts, what it publishes we accept, and both canonical forms agree.
@Suite("TUF with python-tuf")
struct PythonPeerTests {
    static let root = #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined()

    /// Runs Tests/Peers/tuf_peer.py, JSON in and out.
    static func peer(_ command: String, _ input: JSONValue) throws -> JSONValue {
        let output = try Program.run(
            "\(root)/.venv/bin/python3", ["\(root)/Tests/Peers/tuf_peer.py", command], input: input.text())
        return try JSONParser.parse(output, limits: JSONLimits(bytes: 32_000_000))
    }

    @Test("python-tuf's client accepts what we publish", arguments: [KeyKind.ed25519, .p256])
    func publishes(kind: KeyKind) throws {
        let signers = try (0..<6).map { _ in try RealSigner(PrivateKey.generate(kind)) }
        var roles: [RoleName: RoleSigners] = [:]
        for (index, role) in [RoleName.timestamp, .snapshot, .targets].enumerated() {
            roles[role] = RoleSigners(keys: [signers[index].key])
        }
        roles[.root] = RoleSigners(keys: [signers[3].key, signers[4].key], threshold: 2)
        // The other side goes by the real clock.
        let century = Duration.seconds(100 * 365 * 86_400)
        var repository = try Repository(
            topRoles: roles, lifetimes: Lifetimes(signed: century, timestamp: century), verifier: RealVerifier(),
            digester: TestDigester())
        var contents: [(String, JSONValue)] = []
        for product in ["ruff", "uv"] {
            try repository.addProduct(try ProductName(product), signers: RoleSigners(keys: [signers[5].key]))
            for release in ["0.1", "0.2"] {
                let path = "\(product)/\(release)/linux-x86_64-glibc/\(product).tar"
                var package = try RepositoryTests.package(path, content: path)
                package.metadata.notes = "Ünïcode \"quotes\" \\ and\nnew lines \u{1}"
                try repository.add(package)
                contents.append((path, .string(JSONText(path))))
            }
        }
        _ = try repository.sign(with: signers, at: RepositorySimulator.now)
        // More rounds: rotated keys of every role with a bridging root, a product with other keys, one that is removed.
        let fresh = try (0..<6).map { _ in try RealSigner(PrivateKey.generate(kind)) }
        try repository.setSigners(
            of: .root, RoleSigners(keys: [signers[4].key] + fresh[0...1].map(\.key), threshold: 2))
        _ = try repository.sign(with: signers + fresh, at: RepositorySimulator.now)
        for (role, index) in [(RoleName.timestamp, 2), (.snapshot, 3), (.targets, 4)] {
            try repository.setSigners(of: role, RoleSigners(keys: [fresh[index].key]))
        }
        try repository.setSigners(
            of: "uv",
            RoleSigners(keys: [signers[5].key, fresh[5].key.named("team", digester: TestDigester())], threshold: 2))
        try repository.addProduct(try ProductName("gone"), signers: RoleSigners(keys: [signers[5].key]))
        _ = try repository.sign(with: signers + fresh, at: RepositorySimulator.now)
        try repository.removeProduct(try ProductName("gone"))
        _ = try repository.sign(with: signers + fresh, at: RepositorySimulator.now)
        let files = repository.files.map { ($0.key, JSONValue.string(JSONText(utf8: $0.value))) }
        let targets = RepositorySimulator.object(contents)
        let got = try Self.peer(
            "accept", RepositorySimulator.object([("files", RepositorySimulator.object(files)), ("targets", targets)]))
        #expect(got == targets)
        #expect(repository.files["4.root.json"] != nil)
    }

    @Test("we accept what python-tuf publishes: every kind of key, every kind of delegation", arguments: [true, false])
    func reads(consistent: Bool) throws {
        let made = try #require(
            try Self.peer("make", RepositorySimulator.object([("consistent", .bool(consistent))])).asObject)
        var simulator = RepositorySimulator()
        for member in try #require(made["files"]?.asObject).members {
            simulator.serve(member.name.string, member.value.asText?.bytes)
        }
        var client = SimulatedClient(simulator)
        client.verifier = RealVerifier()
        try client.refresh(simulator)
        #expect(client.outcome?.trusted.root.version == 2)
        for path in try #require(made["targets"]?.asArray) {
            let path = try #require(path.asText)
            try client.find(path.string, simulator)
            let target = try #require(client.outcome?.target, "\(path)")
            try target.file.check(Array("content of \(path)".utf8), digester: TestDigester())
        }
        try client.find("ruff/none/any/x", simulator)
        #expect(client.outcome?.target == nil)
        try client.refresh(simulator, .catalog)
        #expect(client.outcome?.refused == [])
        #expect(client.outcome?.trusted.allTargets().count == 5)
    }

    @Test("the canonical form is securesystemslib's")
    func canonicalForms() throws {
        let texts = [
            "{}", "[]", "{\"b\":[1,-2,true,false,null],\"a\":{\"\":\"\"}}",
            #""\"\\\/\b\f\n\r\t\u0000\u001f\u007fé😀e\u0301""#,
            "{\"\u{1F600}\":1,\"\u{FF61}\":2,\"aa\":3,\"a\":4,\"Z\":5,\"\u{e9}\":6,\"e\u{301}\":7}",
            "[9007199254740992,-9007199254740992,0]",
        ]
        let input = RepositorySimulator.object([("texts", .array(texts.map { .string(JSONText($0)) }))])
        let theirs = try #require(try Self.peer("canonical", input).asArray)
        for (text, form) in zip(texts, theirs) {
            let value = try JSONParser.parse(Array(text.utf8), limits: JSONLimits(bytes: 1000))
            #expect(ASCII.hex(value.canonicalForm) == form.asText?.string, "\(text)")
        }
        #expect(theirs.count == texts.count)
    }
}

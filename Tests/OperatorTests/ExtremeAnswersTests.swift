import API
import HTTP
import Model
import Operator
import TestSupport
import Testing

/// A spoke chooses the sizes, times and texts of its pools and replicas, and the hub passes them on. Whatever they are, every command prints and exits:
/// one hostile spoke must not blind the operator to all others.
@Suite("axle: extreme values from a hub are printed and never trap", .serialized)
struct ExtremeAnswersTests {
    /// A command, the question whose answer is altered, and the answers to all questions.
    struct Command: Sendable, CustomTestStringConvertible {
        let line: String
        let altered: String
        let answers: [String: String]
        var testDescription: String { line }
    }

    static let numbers = [
        "0", "1", "-1", "2147483648", "9007199254740991", "9007199254740993", "9223372036854775807",
        "-9223372036854775808", "18446744073709551615", "1e308", "18446744073709551616",
    ]
    static let times = [
        "\"0000-01-01T00:00:00Z\"", "\"9999-12-31T23:59:59.999Z\"", "\"1969-12-31T23:59:59.999Z\"",
    ]
    static let texts = [
        "\"\"", "\"" + String(repeating: "x", count: 20_000) + "\"",
        "\"a\\u001b[2J\\u0000b\\n\\r\\tc\\u202ed\\u009be\\u007f\"",
    ]

    // MARK: Tests

    @Test(arguments: try commands()) func everyNumberMayBeExtreme(_ command: Command) async throws {
        try await run(command, with: Self.numbers) { $0 == .number }
    }

    @Test(arguments: try commands()) func everyTextAndTimeMayBeExtreme(_ command: Command) async throws {
        try await run(command, with: Self.texts + Self.times) { $0 == .text }
    }

    /// Sums of several extreme numbers.
    @Test(arguments: try commands()) func allNumbersMayBeExtremeAtOnce(_ command: Command) async throws {
        let text = try #require(command.answers[command.altered])
        let leaves = JSONLeaf.all(of: text).filter { $0.kind == .number }
        for extreme in Self.numbers {
            let altered = JSONLeaf.replace(leaves, of: text, by: extreme)
            try await run(command, [altered], [command.line, command.line + " --json"])
        }
    }

    /// Runs the command once for each leaf of the kind and each extreme value.
    private func run(_ command: Command, with extremes: [String], _ kind: (JSONLeaf.Kind) -> Bool) async throws {
        let text = try #require(command.answers[command.altered])
        let leaves = JSONLeaf.all(of: text).filter { kind($0.kind) }
        let altered = leaves.flatMap { leaf in extremes.map { JSONLeaf.replace([leaf], of: text, by: $0) } }
        try await run(command, altered, [command.line, command.line + " --json"])
    }

    private func run(_ command: Command, _ altered: [String], _ lines: [String]) async throws {
        var answers = command.answers.mapValues { [HTTPResponse.json(Array($0.utf8))] }
        answers[command.altered] = altered.flatMap { text in
            lines.map { _ in HTTPResponse.json(Array(text.utf8)) }
        }
        let hub = try FakeHub(answers)
        for text in altered {
            for line in lines {
                let run = await hub.run(line)
                #expect([0, 1, 3].contains(run.status), "\(line): \(text)")
                // An empty PEM is nothing to print.
                let isSaid = !run.output.isEmpty || !run.errors.isEmpty || line.contains("--pem")
                #expect(isSaid, "\(line): \(text)")
                let isHarmless = (run.output + run.errors).unicodeScalars.allSatisfy { scalar in
                    scalar == "\n"
                        || !(0..<0x20).contains(scalar.value) && !(0x7F..<0xA0).contains(scalar.value)
                            && scalar.value != 0x202E
                }
                #expect(isHarmless, "\(line): \(text)")
            }
        }
    }

    // MARK: Answers

    private static func json(_ value: some Encodable) throws -> String {
        String(decoding: try JSONCoding.encode(value), as: UTF8.self)
    }

    private static func list<Item: Codable & Sendable>(_ items: [Item]) throws -> String {
        try json(ListPage(items: items))
    }

    static func commands() throws -> [Command] {
        typealias Samples = OperatorCommandTests
        var pool = try Samples.pool("main", owner: "hub", "1", .hub)
        pool.checked = PoolResource.Check(ended: Samples.ago(50), damaged: 1, problems: 2)
        pool.level = 3
        pool.problem = "a disk is slow"
        let pools = try list([pool])
        var spoke = try Samples.spoke("berlin", "2", connected: true)
        spoke.offlineUntil = UnixTime(seconds: testNow.seconds + 86_400)
        spoke.certificateExpires = UnixTime(seconds: testNow.seconds + 86_400)
        spoke.clockError = 7
        spoke.limit = LimitResource(rule: "20 Mbit/s", bitsPerSecond: 20_000_000, until: testNow)
        spoke.agentLimit = LimitResource(rule: "none", bitsPerSecond: nil, until: nil)
        var traffic = TrafficResource(sent: ByteCount(12), received: ByteCount(4))
        traffic.sendRate = ByteCount(2)
        traffic.receiveRate = ByteCount(3)
        (traffic.transfers, traffic.bytesLeft, traffic.secondsLeft) = (3, ByteCount(15), 60)
        spoke.replicas = [try Samples.replica("a", .patch, of: 1000, sent: 10)]
        traffic.means = MeansResource.sums(of: spoke.replicas ?? [])
        spoke.traffic = traffic
        spoke.shares = [
            ShareResource(
                name: try NodeName("apps"), product: try ProductName("ruff"), platform: nil, folder: "/srv/apps",
                state: .published, release: "0.5.1", problem: "slow")
        ]
        let client = try Samples.client("web-1", labels: ["site": "b"])
        let candidate = try Samples.candidate(
            "web-1", [Reason(.diskSpace, "5 MB are free")], notes: [Note(.schedulerNotService)])
        var status = try Samples.status(spokesConnected: 1, catalog: Samples.catalog)
        status.rollouts = ["failed": 1]
        status.packages = ["failed": 2, "imported": 3]
        status.offlineSites = [
            StatusResource.OfflineSite(
                spoke: try NodeName("oslo"), since: Samples.ago(86_400),
                until: UnixTime(seconds: testNow.seconds + 86_400))
        ]
        status.wrongClocks = ["spoke/oslo"]
        status.warnings = [Samples.offline]
        let rollout = try Samples.rollout(.completed, ["pending": 1, "succeeded": 2, "failed": 3])
        let rolloutID = rollout.id.description
        let action = ActionResource(
            id: try ActionID(rolloutID), rollout: rollout.id, wave: 1, client: try Samples.reference("web-1", "5"),
            spoke: try Samples.reference("berlin", "2"), product: try ProductName("ruff"),
            release: try ReleaseName("0.5.1"), package: "ruff", state: .failed, since: Samples.ago(5),
            reasons: [Reason(.diskSpace)], notes: [], detail: "no room")
        let path = try TargetPath("ruff/0.12.1/linux-x86_64-any/ruff.tar")
        let id = path.id.split(separator: ":").joined(separator: "%3A")
        let package = PackageResource(
            Package(
                path: path, length: 1000, sha256: try SHA256Digest(bytes: Array(repeating: 1, count: 32)),
                metadata: PackageMetadata(
                    product: path.product, release: path.release, line: try LineName("main"), counter: 3,
                    platform: try Platform("linux-x86_64-any"), kind: .tree)),
            state: .imported, held: 900, problem: "slow",
            replicas: [
                ReplicaResource(
                    spoke: try Samples.reference("berlin", "2"), state: .verified, held: 900, means: .patch, sent: 3)
            ],
            patches: [
                PatchResource(
                    from: "ruff", means: .patch, state: .made, length: 3, problem: "late", used: Samples.ago(9))
            ], withMetadata: true)
        let removal = PackageRemovalResource(
            package: path.id, state: .retired, length: 12, held: 11, spokes: [try Samples.reference("berlin", "2")],
            refused: ["a rollout installs it"])
        let plan = PoolPlanResource(
            pool: pool, retention: 2,
            goes: [PoolPlanResource.Item(package: path.id, length: ByteCount(5), reason: "it is old")],
            stays: [PoolPlanResource.Item(package: path.id, length: ByteCount(6), reason: "it is new")],
            freed: ByteCount(5))
        let check = PoolCheckResource(
            number: 4, over: true, read: ByteCount(7), total: ByteCount(9),
            damaged: [PoolCheckResource.Damaged(package: path.id, repaired: true)], problems: ["a mark is lost"],
            began: Samples.ago(5), ended: Samples.ago(1))
        let token = TokenResource(
            id: try TokenID(String(repeating: "7", count: 32)), role: .agent, spoke: try NodeName("berlin"), uses: 3,
            usesLeft: 2, created: testNow, expires: UnixTime(seconds: testNow.seconds + 7200), token: "axle1.a.b.c")
        let authority = AuthorityResource(
            number: 2,
            roots: [
                AuthorityResource.Root(
                    pin: try SHA256Digest(bytes: Array(repeating: 2, count: 32)), subject: "CN=Test",
                    expires: testNow, issuing: true, members: 4, pem: "PEM\n")
            ], members: 5, waiting: ["spoke/oslo"], waitingCount: 1, renewing: ["client/web-1"], renewingCount: 1)
        let event = EventResource(
            sequence: 6,
            Event(time: Samples.ago(60), severity: .warning, code: .packageFailed, subject: "ruff", text: "why"))
        let release = ReleaseResource(
            product: path.product, release: path.release, line: try LineName("main"), counter: 3, severity: .normal,
            notes: "new", packages: [package])

        func command(_ line: String, _ altered: String, _ answer: String, _ more: [String: String] = [:]) -> Command {
            Command(line: line, altered: altered, answers: more.merging([altered: answer]) { $1 })
        }
        return [
            command("status", "GET /v1/status", try json(status)),
            command("spoke list", "GET /v1/spokes", try list([spoke])),
            command("spoke show berlin", "GET /v1/spokes/berlin", try json(spoke)),
            command("spoke set berlin --limit none", "PATCH /v1/spokes/berlin", try json(spoke)),
            command("client list", "GET /v1/clients", try list([client])),
            command("client show web-1", "GET /v1/clients/web-1", try json(client)),
            command("client explain web-1", "GET /v1/clients/web-1/explain", try list([candidate])),
            command("client label web-1 a=b", "PATCH /v1/clients/web-1", try json(client)),
            command("candidates ruff 0.5.1", "GET /v1/candidates", try list([candidate])),
            command("pool list", "GET /v1/pools", pools),
            command(
                "pool set main --quota 20GB", "PATCH /v1/pools/\(pool.id)", try json(pool), ["GET /v1/pools": pools]),
            command("pool plan main", "GET /v1/pools/\(pool.id)/plan", try json(plan), ["GET /v1/pools": pools]),
            command(
                "pool prune main", "POST /v1/pools/\(pool.id)/prune", try json(plan), ["GET /v1/pools": pools]),
            command(
                "pool check main --last", "GET /v1/pools/\(pool.id)/check", try json(check), ["GET /v1/pools": pools]),
            command("pool retention", "GET /v1/retention", try json(RetentionResource(releases: 3))),
            command("package list", "GET /v1/packages", try list([package])),
            command("package show \(path.id)", "GET /v1/packages/\(id)", try json(package)),
            command(
                "package remove \(path.id) --dry-run", "GET /v1/packages/\(id)/removal", try json(removal)),
            command("package remove \(path.id)", "GET /v1/packages/\(id)/removal", try json(removal)),
            command("catalog show", "GET /v1/catalog", try json(Samples.catalog)),
            command("catalog list", "GET /v1/catalog/releases", try list([release])),
            command("rollout list", "GET /v1/rollouts", try list([rollout])),
            command(
                "rollout show \(rolloutID)", "GET /v1/rollouts/\(rolloutID)", try json(rollout),
                ["GET /v1/rollouts/\(rolloutID)/actions": try list([action])]),
            command(
                "rollout show \(rolloutID)", "GET /v1/rollouts/\(rolloutID)/actions", try list([action]),
                ["GET /v1/rollouts/\(rolloutID)": try json(rollout)]),
            command("rollout watch \(rolloutID)", "GET /v1/rollouts/\(rolloutID)", try json(rollout)),
            command("token list", "GET /v1/tokens", try list([token])),
            command("token create --role agent", "POST /v1/tokens", try json(token)),
            command("ca show", "GET /v1/ca", try json(authority)),
            command("ca show --pem", "GET /v1/ca", try json(authority)),
            command("log", "GET /v1/events", try list([event])),
        ]
    }
}

/// A number or a text in JSON, by its place.
struct JSONLeaf {
    enum Kind { case number, text }

    let kind: Kind
    let place: Range<Int>

    /// The leaves of a document without escapes in its texts; names of members are none.
    static func all(of text: String) -> [JSONLeaf] {
        let bytes = Array(text.utf8)
        var leaves: [JSONLeaf] = []
        var index = 0
        while index < bytes.count {
            let start = index
            if bytes[index] == UInt8(ascii: "\"") {
                index += 1
                while index < bytes.count, bytes[index] != UInt8(ascii: "\"") { index += 1 }
                index += 1
                let isName = index < bytes.count && bytes[index] == UInt8(ascii: ":")
                if !isName { leaves.append(JSONLeaf(kind: .text, place: start..<index)) }
            } else if bytes[index] == UInt8(ascii: "-") || (0x30...0x39).contains(bytes[index]) {
                while index < bytes.count, bytes[index] == UInt8(ascii: "-") || (0x30...0x39).contains(bytes[index]) {
                    index += 1
                }
                leaves.append(JSONLeaf(kind: .number, place: start..<index))
            } else {
                index += 1
            }
        }
        return leaves
    }

    /// The document with other values in place of the leaves.
    static func replace(_ leaves: [JSONLeaf], of text: String, by value: String) -> String {
        var bytes = Array(text.utf8)
        for leaf in leaves.reversed() { bytes.replaceSubrange(leaf.place, with: value.utf8) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

import API
import HTTP
import Model
import Network
import Operator
import System
import TLS
import TestSupport

/// Text collected from any thread.
final class Captured: Sendable {
    private let content = NativeLock("")

    func add(_ text: String) {
        content.withLock { $0 += text }
    }

    var text: String {
        content.withLock { $0 }
    }
}

/// What a run of `axle` left behind.
struct Run {
    let status: Int32
    let output: String
    let errors: String
}

/// 2026-01-01T00:00:00Z: the time of every test.
let testNow = UnixTime(milliseconds: 1_767_225_600_000)

/// Runs `axle` on a queue of its own, since it blocks.
func axle(
    _ arguments: [String], environment: [String: String] = [:], terminal: Bool = false, outputFails: Errno? = nil
) async -> Run {
    let output = Captured()
    let errors = Captured()
    let streams = ProgramStreams(
        writing: {
            if outputFails == nil { output.add($0) }
            return outputFails
        }, error: { errors.add($0) }, outputIsTerminal: terminal, errorIsTerminal: terminal,
        environment: { environment[$0] })
    let context = OperatorContext(
        streams: streams, now: { testNow }, pause: { _ in NativeThread.sleep(.milliseconds(1)) },
        program: { Directory.join(Directory.parent(of: try CurrentProcess.executablePath()), "axle") })
    let status = await NamedQueue("axle").run { OperatorProgram.run(arguments, context) }
    return Run(status: status, output: output.text, errors: errors.text)
}

/// A hub's API with answers made up beforehand, over real TLS.
final class FakeHub: Sendable {
    /// A request as the hub saw it.
    struct Seen: Sendable, Equatable {
        let line: String
        let body: String
    }

    let folder: TemporaryFolder
    private let group: EventLoopGroup
    private let server: HTTPServer
    private let seen: SeenList

    /// Requests so far, in order.
    final class SeenList: Sendable {
        private let list = NativeLock<[Seen]>([])
        func add(_ one: Seen) { list.withLock { $0.append(one) } }
        var all: [Seen] { list.withLock { $0 } }
    }

    var requests: [Seen] { seen.all }

    /// `answers` maps `METHOD /path?query` or `METHOD /path` to what is answered; all else is 404. Several answers to one
    /// question are given one after the other, the last one again and again.
    init(_ answers: [String: [HTTPResponse]]) throws {
        folder = try TemporaryFolder()
        group = try EventLoopGroup("hub", count: 1)
        let dates: ClosedRange<Int64> = 1_600_000_000...4_000_000_000
        let root = try CertificateAuthority.root(name: "Test", dates: dates)
        let key = try PrivateKey.generate(.p256)
        let profile = LeafProfile(name: "hub", dnsNames: ["localhost"], isServer: true, dates: dates)
        let identity = try TLSIdentity(chain: [root.issue(profile, for: key.publicKey)], key: key)
        try folder.write("ca.pem", root.certificate.pem())
        try folder.write("token", Array("the-token\n".utf8))
        let seen = SeenList()
        self.seen = seen
        let box = Box(answers)
        var settings = HTTPServerSettings()
        // Sanitizers on a busy machine take their time.
        settings.handshakeTimeout = .seconds(60)
        server = try HTTPServer(
            Endpoint(host: "127.0.0.1", port: 0), group: group, context: HTTPServer.context(identity: identity),
            settings: settings
        ) { request in
            seen.add(
                Seen(
                    line: "\(request.method) \(request.head.target)",
                    body: String(decoding: request.body, as: UTF8.self)))
            guard request.bearerToken == "the-token" else {
                return Self.problem(Problem(.unauthorized, "the token is not known"))
            }
            return box.next(request)
        }
    }

    private final class Box: Sendable {
        private let left: NativeLock<[String: [HTTPResponse]]>

        init(_ answers: [String: [HTTPResponse]]) {
            left = NativeLock(answers)
        }

        func next(_ request: HTTPRequest) -> HTTPResponse {
            left.withLock { left in
                for key in ["\(request.method) \(request.head.target)", "\(request.method) \(request.path)"] {
                    guard let answers = left[key], let first = answers.first else { continue }
                    if answers.count > 1 { left[key] = Array(answers.dropFirst()) }
                    return first
                }
                return FakeHub.problem(Problem(.notFound, "there is nothing at \(request.path)"))
            }
        }
    }

    deinit { group.stop() }

    static func problem(_ problem: Problem) -> HTTPResponse {
        // The shapes of the API always encode.
        let body = (try? JSONCoding.encode(problem)) ?? []
        return HTTPResponse(status: problem.status, headers: ["Content-Type": Problem.contentType], body: body)
    }

    static func json(_ value: some Encodable) throws -> [HTTPResponse] {
        [.json(try JSONCoding.encode(value))]
    }

    static func list<Item: Codable & Sendable>(_ items: [Item], next: String? = nil) throws -> [HTTPResponse] {
        try json(ListPage(items: items, next: next))
    }

    var environment: [String: String] {
        [
            "AXLE_API": "localhost:\(server.endpoint.port)", "AXLE_TOKEN_FILE": folder.path("token"),
            "AXLE_CA": folder.path("ca.pem"),
        ]
    }

    func run(_ line: String, terminal: Bool = false, outputFails: Errno? = nil) async -> Run {
        await axle(
            line.split(separator: " ").map(String.init), environment: environment, terminal: terminal,
            outputFails: outputFails)
    }
}

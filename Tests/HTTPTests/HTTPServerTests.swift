import Glibc
import HTTP
import Network
import System
import TLS
import TestSupport
import Testing

/// A server with a certificate for `localhost`, and how to reach it.
final class TestServer: Sendable {
    let folder: TemporaryFolder
    let server: HTTPServer
    let group: EventLoopGroup
    let queue = NamedQueue("test-client")

    init(
        _ change: (inout HTTPServerSettings) -> Void = { _ in }, knows: @escaping HTTPServer.Knows = { _ in true },
        handler: @escaping HTTPServer.Handler
    ) throws {
        folder = try TemporaryFolder()
        group = try EventLoopGroup("test", count: 2)
        let dates: ClosedRange<Int64> = 1_600_000_000...4_000_000_000
        let root = try CertificateAuthority.root(name: "Test", dates: dates)
        let key = try PrivateKey.generate(.p256)
        let profile = LeafProfile(name: "server", dnsNames: ["localhost"], isServer: true, dates: dates)
        let identity = try TLSIdentity(chain: [root.issue(profile, for: key.publicKey)], key: key)
        try folder.write("authority.pem", root.certificate.pem())
        var settings = HTTPServerSettings()
        // Sanitizers on a busy machine take their time.
        settings.handshakeTimeout = .seconds(60)
        change(&settings)
        server = try HTTPServer(
            Endpoint(host: "127.0.0.1", port: 0), group: group, context: HTTPServer.context(identity: identity),
            settings: settings, knows: knows, handler: handler)
    }

    deinit { group.stop() }

    /// Runs a client of ours on its own queue, since it blocks.
    func send(_ method: HTTPMethod, _ path: String, body: [UInt8] = []) async throws -> HTTPResponse {
        let url = try URLReference("https://localhost:\(server.endpoint.port)\(path)")
        let authority = folder.path("authority.pem")
        return try await queue.run {
            var settings = HTTPClientSettings()
            settings.authorities = .file(authority)
            settings.connectTimeout = .seconds(60)
            settings.readTimeout = .seconds(20)
            return try HTTPClient(settings).send(.init(method, url, body: body), limit: 10_000_000)
        }
    }

    /// Sends raw text over TLS by Python's own stack and answers everything that comes back until the end, or until
    /// `seconds` of silence; it begins to read after `reading` seconds.
    func raw(
        _ text: String, pause: Double = 0, reading: Double = 0, seconds: Double = 20, on other: NamedQueue? = nil
    ) async throws -> String {
        let script = """
            import socket, ssl, sys, time
            context = ssl.create_default_context(cafile=sys.argv[1])
            c = context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[2]))), server_hostname="localhost")
            c.settimeout(float(sys.argv[4]))
            data = sys.stdin.buffer.read()
            if float(sys.argv[3]) == 0:
                c.sendall(data)
            else:
                for b in data:
                    c.sendall(bytes([b])); time.sleep(float(sys.argv[3]))
            time.sleep(float(sys.argv[5]))
            try:
                while True:
                    part = c.recv(65536)
                    if not part: break
                    sys.stdout.buffer.write(part)
            except socket.timeout: sys.stdout.write("\\nTIMEOUT")
            except OSError as e: sys.stdout.write("\\nBROKEN " + str(e))
            """
        let path = getenv("PATH").map { String(cString: $0) } ?? ChildProcess.searchPath
        var process = ChildProcess(
            "/usr/bin/env",
            [
                "python3", "-c", script, folder.path("authority.pem"), "\(server.endpoint.port)", "\(pause)",
                "\(seconds)", "\(reading)",
            ], environment: ["PATH": path])
        process.input = Array(text.utf8)
        process.outputLimit = 1 << 20
        process.deadline = .seconds(60)
        let ready = process
        return try await (other ?? queue).run { try ready.run().outputText }
    }
}

@Suite("The server", .serialized)
struct HTTPServerTests {
    private func echo(_ change: (inout HTTPServerSettings) -> Void = { _ in }) throws -> TestServer {
        try TestServer(change) { request in
            .text("\(request.method) \(request.head.target) \(String(decoding: request.body, as: UTF8.self))")
        }
    }

    @Test func requestsAreAnswered() async throws {
        let test = try echo()
        let response = try await test.send(.post, "/x?y=1", body: Array("body".utf8))
        #expect(response.status == 200)
        #expect(String(decoding: response.body, as: UTF8.self) == "POST /x?y=1 body")
        #expect(response.headers["Date"]?.hasSuffix("GMT") == true)
        #expect(try await test.send(.head, "/").body.isEmpty)
    }

    @Test func bodiesUpToTheLimitArriveWhole() async throws {
        let test = try TestServer { request in HTTPResponse(status: 200, body: request.body) }
        let body = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect(try await test.send(.put, "/", body: body).body == body)
        #expect(try await test.send(.put, "/", body: body + [0]).status == 413)
    }

    @Test func largeResponsesReachSlowReaders() async throws {
        let big = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let test = try TestServer { _ in HTTPResponse(status: 200, body: big) }
        for _ in 0..<2 { #expect(try await test.send(.get, "/").body == big) }
    }

    @Test func requestsSentAheadAreAnsweredInOrder() async throws {
        let test = try TestServer { request in
            // The first takes longest: answers must not overtake.
            try? await Task.sleep(for: .milliseconds(request.path == "/0" ? 100 : 1))
            return .text(request.path)
        }
        let requests = (0..<20).map { "GET /\($0) HTTP/1.1\r\nHost: h\r\n\r\n" }.joined()
        let text = try await test.raw(requests + "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        let paths = text.split(separator: "\r\n\r\n").dropFirst().map { $0.prefix { $0 != "H" } }
        #expect(paths.map(String.init) == (0..<20).map { "/\($0)" } + ["/last"])
        #expect(!text.contains("TIMEOUT"))
    }

    @Test func aClientThatAsksIsToldToGoOn() async throws {
        let text = try await echo().raw(
            "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab")
        #expect(text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"))
        #expect(text.hasSuffix("POST / ab"))
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n\r\n", "400"), ("nonsense\r\n\r\n", "400"), ("GET / HTTP/1.1\r\nA: b\n", "400"),
        ("GET / HTTP/3.0\r\nHost: h\r\n\r\n", "501"), ("GET /" + String(repeating: "a", count: 9000), "431"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n", "413"),
    ])
    func badRequestsAreRefusedAndTheConnectionEnds(text: String, status: String) async throws {
        let answer = try await echo().raw(text + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
        #expect(answer.contains("application/problem+json"))
        #expect(answer.components(of: "HTTP/1.1 ") == 1)
        #expect(!answer.contains("TIMEOUT"))
    }

    @Test func slowAndIdleClientsAreLetGo() async throws {
        let test = try echo {
            $0.requestTimeout = .milliseconds(300)
            $0.idleTimeout = .milliseconds(300)
        }
        #expect(try await test.raw("").isEmpty)
        let slow = try await test.raw(String(repeating: "GET / HTTP/1.1\r\n", count: 10), pause: 0.01)
        #expect(slow.isEmpty || slow.hasPrefix("HTTP/1.1 4") || slow.contains("BROKEN"))
        let started = try await test.raw("GET / HTTP/1.1\r\nHost")
        #expect(started.hasPrefix("HTTP/1.1 408 "))
        let kept = try await test.raw("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(kept.hasPrefix("HTTP/1.1 200 "))
        #expect(!kept.contains("TIMEOUT"))
    }

    @Test func waitingHandlersHoldNoThread() async throws {
        let gate = Gate()
        // All of them come at once, from one address.
        let test = try TestServer({
            ($0.maximumHandshakes, $0.handshakesPerAddress) = (256, 256)
            ($0.maximumStrangers, $0.strangersPerAddress) = (256, 256)
        }) { request in
            if request.path == "/wait" { await gate.wait() }
            return .text(request.path)
        }
        let count = 40
        try await withThrowingTaskGroup(of: String.self) { tasks in
            for _ in 0..<count {
                tasks.addTask {
                    let queue = NamedQueue("waiter")
                    let url = try URLReference("https://localhost:\(test.server.endpoint.port)/wait")
                    let authority = test.folder.path("authority.pem")
                    return try await queue.run {
                        var settings = HTTPClientSettings()
                        settings.authorities = .file(authority)
                        settings.connectTimeout = .seconds(60)
                        settings.connectTimeout = .seconds(60)
                        return String(
                            decoding: try HTTPClient(settings).send(.init(.get, url), limit: 100).body, as: UTF8.self)
                    }
                }
            }
            while gate.count < count { try await Task.sleep(for: .milliseconds(10)) }
            // With all of them waiting, others are served.
            #expect(try await test.send(.get, "/now").status == 200)
            gate.open()
            for try await text in tasks { #expect(text == "/wait") }
        }
    }

    @Test func oneConnectionMoreThanAllowedIsTold() async throws {
        let gate = Gate()
        let test = try TestServer({ $0.maximumConnections = 1 }) { _ in
            await gate.wait()
            return .text("first")
        }
        async let first = test.raw("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        while gate.count < 1 { try await Task.sleep(for: .milliseconds(10)) }
        let other = NamedQueue("other")
        let url = try URLReference("https://localhost:\(test.server.endpoint.port)/")
        let authority = test.folder.path("authority.pem")
        let second = try await other.run {
            var settings = HTTPClientSettings()
            settings.authorities = .file(authority)
            settings.connectTimeout = .seconds(60)
            return try HTTPClient(settings).send(.init(.get, url), limit: 1000)
        }
        #expect(second.status == 503)
        gate.open()
        #expect(try await first.hasSuffix("first"))
    }

    @Test func strangersBeyondTheLimitOfTheirAddressAreTold() async throws {
        let test = try TestServer({ $0.strangersPerAddress = 1 }, knows: { _ in false }) { _ in .text("ok") }
        async let silent = test.raw("", seconds: 8, on: NamedQueue("silent"))
        while test.server.connectionCount < 1 { try await Task.sleep(for: .milliseconds(10)) }
        try await Task.sleep(for: .milliseconds(100))
        #expect(try await test.raw("GET / HTTP/1.1\r\nHost: h\r\n\r\n").hasPrefix("HTTP/1.1 503 "))
        _ = try await silent
    }

    @Test func theBodyOfAStrangerIsNotRead() async throws {
        let test = try TestServer(knows: { $0.bearerToken == "good" }) { request in
            .text("\(request.body.count) bytes", status: request.bearerToken == "good" ? 200 : 401)
        }
        let body = String(repeating: "x", count: 300_000)
        func head(_ more: String) -> String {
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n\(more)\r\n"
        }
        let stranger = try await test.raw(head("") + body + "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(stranger.hasPrefix("HTTP/1.1 401 ") && stranger.hasSuffix("0 bytes"))
        #expect(stranger.contains("Connection: close") && stranger.components(of: "HTTP/1.1 ") == 1)
        let asking = try await test.raw(head("Expect: 100-continue\r\n"))
        #expect(asking.hasPrefix("HTTP/1.1 401 ") && asking.contains("Connection: close"))
        let known = try await test.raw(head("Authorization: Bearer good\r\nConnection: close\r\n") + body)
        #expect(known.hasPrefix("HTTP/1.1 200 ") && known.hasSuffix("300000 bytes"))
        // Without a body a stranger may ask again on its connection.
        let twice = String(repeating: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", count: 2)
        #expect(try await test.raw(twice, seconds: 3).components(of: "HTTP/1.1 401 ") == 2)
    }

    @Test func aRequestIsReadWhenTheAnswerBeforeItHasLeft() async throws {
        let answered = NativeLock(0)
        let test = try TestServer { _ in
            answered.withLock { $0 += 1 }
            return HTTPResponse(status: 200, body: [UInt8](repeating: 7, count: 100_000))
        }
        let requests = String(repeating: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", count: 1000)
        // The client takes nothing for a while: what waits is one answer, and what the kernel holds.
        async let text = test.raw(requests, reading: 2, seconds: 1)
        try await Task.sleep(for: .milliseconds(1500))
        #expect(answered.withLock { $0 } < 100)
        _ = try? await text
    }

    @Test func stoppingLetsWhatHasBegunEnd() async throws {
        let gate = Gate()
        let test = try TestServer { _ in
            await gate.wait()
            return .text("done")
        }
        async let running = test.raw("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        while gate.count < 1 { try await Task.sleep(for: .milliseconds(10)) }
        async let stopped: Void = test.server.stop(grace: .seconds(10))
        try await Task.sleep(for: .milliseconds(50))
        gate.open()
        await stopped
        let text = try await running
        #expect(text.hasSuffix("done"))
        #expect(text.contains("Connection: close"))
        #expect(test.server.connectionCount == 0)
        await #expect(throws: HTTPError.self) { try await test.send(.get, "/") }
    }

    @Test func aHandlersBadHeaderIsAServerError() async throws {
        let test = try TestServer { _ in HTTPResponse(status: 200, headers: ["A": "b\r\nSet-Cookie: x"]) }
        #expect(try await test.send(.get, "/").status == 500)
    }
}

/// Lets waiting tasks go all at once, and counts them.
final class Gate: Sendable {
    private struct State {
        var waiters: [CheckedContinuation<Void, Never>] = []
        var count = 0
        var isOpen = false
    }

    private let state = NativeLock(State())

    var count: Int { state.withLock { $0.count } }

    func wait() async {
        await withCheckedContinuation { continuation in
            let goesOn = state.withLock { state in
                state.count += 1
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if goesOn { continuation.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

extension String {
    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}

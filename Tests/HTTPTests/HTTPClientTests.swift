import HTTP
import System
import TestSupport
import Testing

@Suite("The client against servers, good and evil", .serialized)
struct HTTPClientTests {
    /// One server for the suite: it keeps nothing between requests.
    static let plain = Result { try EvilServer() }
    static let secure = Result { try EvilServer(secure: true) }
    static let content = (0..<1_000_000).map { UInt8($0 % 251) }

    private func settings(_ change: (inout HTTPClientSettings) -> Void = { _ in }) -> HTTPClientSettings {
        var settings = HTTPClientSettings()
        settings.readTimeout = .seconds(5)
        change(&settings)
        return settings
    }

    private func get(
        _ path: String, limit: Int = 2_000_000, _ change: (inout HTTPClientSettings) -> Void = { _ in }
    ) throws -> HTTPResponse {
        let url = try URLReference(Self.plain.get().url(path))
        return try HTTPClient(settings(change)).send(.init(.get, url), limit: limit)
    }

    private func failure(
        _ path: String, limit: Int = 2_000_000, _ change: (inout HTTPClientSettings) -> Void = { _ in }
    ) -> HTTPError.Code? {
        #expect(throws: HTTPError.self) { try get(path, limit: limit, change) }?.code
    }

    @Test func bodiesArriveHoweverTheyAreFramed() throws {
        #expect(try get("/ok").body == Array("hello".utf8))
        #expect(try get("/chunked").body == Self.content)
        #expect(try get("/close").body == Self.content)
        #expect(try get("/range").body == Self.content)
        #expect(try get("/304").status == 304)
        #expect(try get("/404").status == 404)
        // The length of an error page never hides its status.
        let page = try get("/404", limit: 10)
        #expect(page.status == 404)
        #expect(page.body.count == 10)
    }

    @Test func methodsCarryTheirBodies() throws {
        let server = try Self.plain.get()
        let client = HTTPClient(settings())
        let url = try URLReference(server.url("/echo"))
        for method in [HTTPMethod.post, .put, .patch, .delete] {
            let response = try client.send(.init(method, url, body: Array("b\r\n".utf8)), limit: 100)
            #expect(response.status == 201)
            #expect(String(decoding: response.body, as: UTF8.self) == "\(method) b\r\n")
        }
        let head = try client.send(.init(.head, try URLReference(server.url("/ok"))), limit: 100)
        #expect(head.body.isEmpty)
        #expect(head.headers["Content-Length"] == "5")
    }

    @Test func headersAreSentOnceAndConditionsGoAlong() throws {
        let url = try URLReference(Self.plain.get().url("/headers"))
        let client = HTTPClient(settings { $0.userAgent = "test" })
        let response = try client.send(
            .init(.get, url, headers: ["If-None-Match": "\"e\"", "Authorization": "Bearer x"]), limit: 1000)
        let text = String(decoding: response.body, as: UTF8.self)
        #expect(
            text == "accept-encoding=identity\nauthorization=Bearer x\nhost=\(url.authority)\nif-none-match=\"e\"\n"
                + "user-agent=test\n")
    }

    @Test func oneConnectionServesManyRequests() throws {
        let server = try EvilServer()
        let client = HTTPClient(settings())
        let url = try URLReference(server.url("/ok"))
        for _ in 0..<5 { #expect(try client.send(.init(.get, url), limit: 10).status == 200) }
        #expect(try server.connections() == 1)
        // A kept connection that the server closes costs nothing but a new one.
        let last = try URLReference(server.url("/ok-then-close"))
        for _ in 0..<3 { #expect(try client.send(.init(.get, last), limit: 10).status == 200) }
    }

    @Test func aDownloadResumesWhereItWasCut() throws {
        let client = HTTPClient(settings())
        let server = try Self.plain.get()
        var bytes: [UInt8] = []
        var starts: [Int64] = []
        var url = try URLReference(server.url("/cut"))
        for _ in 0..<3 {
            let error = #expect(throws: HTTPError.self) {
                try client.download(
                    HTTPDownload(url, offset: Int64(bytes.count), limit: 1_000_000, length: 1_000_000),
                    begin: { starts.append($0.offset) }, write: { bytes += Array($0) })
            }
            #expect(error?.code == .truncated)
            #expect(error?.isRetryable == true)
        }
        url = try URLReference(server.url("/range"))
        let outcome = try client.download(
            HTTPDownload(url, offset: Int64(bytes.count), limit: 1_000_000, length: 1_000_000),
            begin: { starts.append($0.offset) }, write: { bytes += Array($0) })
        #expect(outcome == .complete(length: 1_000_000, etag: nil))
        #expect(starts == [0, 300_000, 600_000, 900_000])
        #expect(bytes == Self.content)
    }

    @Test func aServerWithoutRangesStartsOver() throws {
        let folder = try TemporaryFolder()
        try folder.write("file", Self.content)
        let script = """
            import http.server, os, sys
            class Handler(http.server.SimpleHTTPRequestHandler):
                protocol_version = "HTTP/1.1"
                def log_message(self, *a): pass
            s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            open("port.new", "w").write(str(s.server_port)); os.rename("port.new", "port")
            s.serve_forever()
            """
        let child = try EvilServer.start(["-c", script], folder: folder.path)
        defer { _ = child.terminate(grace: .milliseconds(100)) }
        let port = try EvilServer.port(folder, child)
        let client = HTTPClient(settings())
        var bytes: [UInt8] = []
        var start: Int64 = -1
        let outcome = try client.download(
            HTTPDownload(
                try URLReference("http://127.0.0.1:\(port)/file"), offset: 1000, limit: 1_000_000, length: 1_000_000),
            begin: { start = $0.offset }, write: { bytes += Array($0) })
        #expect(outcome == .complete(length: 1_000_000, etag: nil))
        #expect(start == 0)
        #expect(bytes == Self.content)
        let missing = try client.download(
            HTTPDownload(try URLReference("http://127.0.0.1:\(port)/none"), limit: 10), begin: { _ in }, write: { _ in }
        )
        #expect(missing == .status(404, retryAfterSeconds: nil))
    }

    @Test func whatIsNoContentOfTheFileNeverReachesTheSink() throws {
        let client = HTTPClient(settings())
        let server = try Self.plain.get()
        func fetch(_ path: String, offset: Int64 = 0, limit: Int64 = 5, length: Int64? = nil) throws
            -> HTTPDownload.Outcome
        {
            try client.download(
                HTTPDownload(try URLReference(server.url(path)), offset: offset, limit: limit, length: length),
                begin: { _ in Issue.record("began") }, write: { _ in Issue.record("wrote") })
        }
        #expect(try fetch("/404") == .status(404, retryAfterSeconds: nil))
        #expect(try fetch("/503") == .status(503, retryAfterSeconds: 17))
        #expect(try fetch("/304") == .status(304, retryAfterSeconds: nil))
        let refused: [(String, Int64, Int64?, HTTPError.Code)] = [
            ("/wrong-range", 2, nil, .malformed), ("/no-range", 2, nil, .malformed),
            ("/wrong-range", 0, nil, .malformed),
            ("/long-range", 1, 5, .wrongLength), ("/ok", 0, 6, .wrongLength),
            ("/ok", 0, 4, .wrongLength),
        ]
        for (path, offset, length, code) in refused {
            let error = #expect(throws: HTTPError.self) { _ = try fetch(path, offset: offset, length: length) }
            #expect(error?.code == code, "\(path)")
        }
    }

    /// A coding that nobody asked for is told, and its bytes are given as they came: the hash says what they are.
    @Test(
        arguments: [
            ("gzip", HTTPDownload.ContentEncoding.gzip), ("x-gzip", .gzip), ("GZIP", .gzip), ("zstd", .zstd),
            ("aws-chunked,gzip", .gzip), ("aws-chunked", nil), ("", nil), ("none", nil), ("UTF-8", nil),
            ("identity", nil),
            ("br", nil), ("gzip, zstd", nil), ("gzip, gzip", nil),
        ] as [(String, HTTPDownload.ContentEncoding?)])
    func aCodingIsToldAndDecidesNothing(name: String, coding: HTTPDownload.ContentEncoding?) throws {
        let server = try Self.plain.get()
        let url = try URLReference(server.url("/coded?" + PercentEncoding.encode(name)))
        var (bytes, told): ([UInt8], HTTPDownload.ContentEncoding?) = ([], nil)
        let outcome = try HTTPClient(settings()).download(
            HTTPDownload(url, limit: 5, length: 5), begin: { told = $0.coding }, write: { bytes += Array($0) })
        #expect(outcome == .complete(length: 5, etag: nil))
        #expect(bytes == Array("hello".utf8))
        #expect(told == coding)
        // Another length than was signed is explained by a coding, if there is one.
        let packed = #expect(throws: (any Error).self) {
            try HTTPClient(settings()).download(
                HTTPDownload(url, limit: 9, length: 9), begin: { _ in }, write: { _ in })
        }
        if let coding {
            #expect((packed as? HTTPDownload.Packed)?.coding == coding)
        } else {
            #expect((packed as? HTTPError)?.code == .wrongLength)
        }
    }

    @Test(arguments: ["/big-header", "/many-headers"]) func headersOf32KiBAreRead(path: String) throws {
        let url = try URLReference(Self.plain.get().url(path))
        #expect(try HTTPClient(settings()).send(.init(.get, url), limit: 5).body == Array("hello".utf8))
    }

    @Test func aLongHeaderIsNamedWithItsServer() throws {
        let url = try URLReference(Self.plain.get().url("/huge-header"))
        let error = #expect(throws: HTTPError.self) { try HTTPClient(settings()).send(.init(.get, url), limit: 5) }
        for word in ["localhost", "32768 bytes", "X-Policy"] {
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
        }
    }

    @Test func aRedirectThatCannotBeFollowedIsTheServers() throws {
        let url = try URLReference(Self.plain.get().url("/to?http://u:p@x/"))
        let error = #expect(throws: HTTPError.self) { try HTTPClient(settings()).send(.init(.get, url), limit: 5) }
        #expect(error?.code == .redirect)
        #expect(error?.message.contains("localhost redirects to an address that cannot be followed") == true)
    }

    @Test func aSinkCanRefuse() throws {
        struct Full: Error {}
        let url = try URLReference(Self.plain.get().url("/range"))
        #expect(throws: Full.self) {
            try HTTPClient(settings()).download(
                HTTPDownload(url, limit: 1_000_000), begin: { _ in }, write: { _ in throw Full() })
        }
    }

    @Test(arguments: ["/endless", "/endless-chunks", "/range"])
    func moreThanAllowedIsCutOff(path: String) {
        #expect(failure(path, limit: 100_000) == .tooLarge)
    }

    @Test(arguments: [
        ("/endless-headers", HTTPError.Code.headersTooLong), ("/endless-interim", .malformed),
        ("/truncated", .truncated),
        ("/truncated-chunks", .truncated), ("/smuggle", .malformed), ("/garbage", .malformed), ("/nothing", .truncated),
        ("/loop", .redirect), ("/hop/9", .redirect), ("/to-file", .redirect), ("/loop-of-two/0", .redirect),
        ("/to-ftp", .redirect), ("/huge-header", .headersTooLong), ("/too-many-headers", .headersTooLong),
        ("/two-lengths", .malformed),
        ("/negative-length", .malformed), ("/huge-chunk", .tooLarge), ("/long-chunk-line", .malformed),
    ])
    func evilServersAreNamed(path: String, code: HTTPError.Code) {
        #expect(failure(path) == code)
    }

    @Test func redirectsAreFollowedThreeTimesAndCredentialsStayHome() throws {
        #expect(try get("/hop/2").status == 200)
        #expect(failure("/hop/3") == .redirect)
        let url = try URLReference(Self.plain.get().url("/to-other"))
        let response = try HTTPClient(settings()).send(
            .init(.get, url, headers: ["Authorization": "Bearer secret"]), limit: 1000)
        #expect(response.status == 200)
        #expect(!String(decoding: response.body, as: UTF8.self).contains("secret"))
    }

    @Test func silenceSlownessAndLengthEachHaveTheirLimit() {
        let start = SystemClock.uptime
        #expect(failure("/silent") { $0.readTimeout = .milliseconds(200) } == .timedOut)
        #expect(failure("/stall") { $0.readTimeout = .milliseconds(200) } == .timedOut)
        #expect(failure("/slow") { $0.deadline = .milliseconds(400) } == .timedOut)
        #expect(failure("/slow-head") { $0.deadline = .milliseconds(400) } == .timedOut)
        #expect(
            failure("/slow") { $0.minimumRate = .init(bytes: 1000, span: .milliseconds(300)) } == .tooSlow)
        #expect(
            failure("/stall") { $0.minimumRate = .init(bytes: 1000, span: .milliseconds(300)) } == .tooSlow)
        #expect(SystemClock.uptime - start < .seconds(20))
    }

    @Test func aCancelledExchangeEndsSoon() {
        let end = SystemClock.uptime + .milliseconds(300)
        #expect(failure("/silent") { $0.isCancelled = { SystemClock.uptime > end } } == .cancelled)
        #expect(SystemClock.uptime - end < .seconds(3))
    }

    @Test func aNameAPortAndARangeThatCannotBeReachedAreNamed() throws {
        let client = HTTPClient(settings())
        let closed = try URLReference("http://127.0.0.1:\(FreePort.next())/")
        let error = #expect(throws: HTTPError.self) { try client.send(.init(.get, closed), limit: 1) }
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains("Connection refused") == true)
        let unknown = try URLReference("http://name.invalid/")
        #expect(
            #expect(throws: HTTPError.self) { try client.send(.init(.get, unknown), limit: 1) }?.code == .unresolved)
        #expect(failure("/ok") { $0.addresses = AddressPolicy() } == .forbidden)
    }

    // MARK: TLS

    private func secureGet(_ url: String, _ authority: String) throws -> HTTPResponse {
        let folder = try Self.secure.get().folder
        let client = HTTPClient(settings { $0.authorities = .file(folder.path(authority)) })
        return try client.send(.init(.get, try URLReference(url)), limit: 2_000_000)
    }

    @Test func httpsIsBelievedByTheGivenAuthorityAndNameOnly() throws {
        let server = try Self.secure.get()
        #expect(try secureGet(server.url("/chunked"), "authority.pem").body == Self.content)
        let cut = #expect(throws: HTTPError.self) { try secureGet(server.url("/truncated"), "authority.pem") }
        #expect(cut?.code == .truncated)
        for (url, authority, code) in [
            (server.url("/ok"), "other.pem", HTTPError.Code.tls),
            ("https://127.0.0.1:\(server.port)/ok", "authority.pem", .wrongName),
            (server.url("/ok"), "missing.pem", .tls),
        ] {
            let error = #expect(throws: HTTPError.self) { try secureGet(url, authority) }
            #expect(error?.code == code, "\(url) \(authority) \(error?.message ?? "")")
        }
        let plain = try "https://localhost:\(Self.plain.get().port)/ok"
        let none = #expect(throws: HTTPError.self) { try secureGet(plain, "authority.pem") }
        #expect(none?.code == .tls || none?.code == .truncated)
        let system = HTTPClient(settings())
        let error = #expect(throws: HTTPError.self) {
            try system.send(.init(.get, try URLReference(server.url("/ok"))), limit: 10)
        }
        #expect(error?.code == .tls)
    }

    @Test func httpsNeverBecomesHttp() throws {
        let server = try Self.secure.get()
        let error = #expect(throws: HTTPError.self) { try secureGet(server.url("/to-http"), "authority.pem") }
        #expect(error?.code == .redirect)
    }

    @Test func oneSecureConnectionServesManyRequests() throws {
        let server = try EvilServer(secure: true)
        let client = HTTPClient(settings { $0.authorities = .file(server.folder.path("authority.pem")) })
        for _ in 0..<4 {
            #expect(try client.send(.init(.get, try URLReference(server.url("/ok"))), limit: 10).status == 200)
        }
        #expect(try server.connections() == 1)
    }
}

import HTTP
import Testing

@Suite("Requests on the wire")
struct RequestParserTests {
    @Test(arguments: [1, 2, 3, 7, 1000])
    func pipelinedRequestsAreToldApartInPiecesOfAnySize(pieces: Int) throws {
        let text =
            "GET /a?b=c HTTP/1.1\r\nHost: h\r\nX-One:  two \t\r\n\r\n"
            + "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
            + "PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
        let (requests, isBetween) = try parseRequests(text, pieces: pieces)
        #expect(requests.map(\.head.method) == [.get, .post, .put])
        #expect(requests.map(\.head.target) == ["/a?b=c", "/p", "/c"])
        #expect(requests.map { String(decoding: $0.body, as: UTF8.self) } == ["", "hello", "abc0123456789"])
        #expect(requests.first?.head.headers["x-ONE"] == "two")
        #expect(isBetween)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", true), ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n", false),
    ])
    func keepAliveIsReadAsTheRuleSays(text: String, expected: Bool) throws {
        #expect(try parseRequests(text).requests.first?.head.keepsAlive == expected)
    }

    @Test func oneEmptyLineBeforeARequestIsSkipped() throws {
        #expect(try parseRequests("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").requests.count == 1)
    }

    @Test func anUnfinishedRequestIsSeen() throws {
        #expect(try !parseRequests("GET / HTTP/1.1\r\nHost").isBetween)
        #expect(try !parseRequests("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nx").isBetween)
    }

    static let refused: [(String, HTTPError.Code)] = [
        ("\r\n\r\nGET / HTTP/1.1\r\n", .malformed),
        ("GET /\r\n\r\n", .malformed),
        ("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", .malformed),
        ("GET / x HTTP/1.1\r\nHost: h\r\n\r\n", .malformed),
        ("G(T / HTTP/1.1\r\nHost: h\r\n\r\n", .malformed),
        ("GET x HTTP/1.1\r\nHost: h\r\n\r\n", .malformed),
        ("GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", .malformed),
        ("GET /#f HTTP/1.1\r\nHost: h\r\n\r\n", .malformed),
        ("GET /\u{1} HTTP/1.1\r\nHost: h\r\n\r\n", .malformed),
        ("GET /é HTTP/1.1\r\nHost: h\r\n\r\n", .malformed),
        ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", .unsupported),
        ("GET / http/1.1\r\nHost: h\r\n\r\n", .unsupported),
        ("GET / HTTP/1.1\nHost: h\n\n", .malformed),
        ("GET / HTTP/1.1\r\nHo\rst: h\r\n\r\n", .malformed),
        ("GET / HTTP/1.1\r\n\r\n", .malformed),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", .malformed),
        ("GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", .malformed),
        ("GET / HTTP/1.1\r\nHost: h\r\n\tfolded\r\n\r\n", .malformed),
        ("GET / HTTP/1.1\r\nHost : h\r\n\r\n", .malformed),
        ("GET / HTTP/1.1\r\n: h\r\n\r\n", .malformed),
        ("GET / HTTP/1.1\r\nHost h\r\n\r\n", .malformed),
        ("GET / HTTP/1.1\r\nHost: h\r\nA: b\u{0}c\r\n\r\n", .malformed),
        ("GET / HTTP/1.1\r\nHost: h\r\nA: b\u{1B}c\r\n\r\n", .malformed),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .malformed),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", .malformed),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", .malformed),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", .malformed),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", .malformed),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\n", .malformed),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", .malformed),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999999999999999\r\n\r\n", .malformed),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n", .tooLarge),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unsupported),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            .unsupported
        ),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n", .unsupported),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .malformed),
    ]

    @Test(arguments: refused)
    func whatTwoReadersCouldUnderstandDifferentlyIsRefused(text: String, code: HTTPError.Code) {
        for pieces in [1, 1000] {
            let error = #expect(throws: HTTPError.self) { try parseRequests(text, pieces: pieces) }
            #expect(error?.code == code, "\(error.map(String.init(describing:)) ?? "none")")
        }
    }

    @Test(arguments: [
        ("x\r\n", HTTPError.Code.malformed), ("\r\n", .malformed), ("-1\r\n", .malformed), ("1 \r\n", .malformed),
        ("1\na\r\n", .malformed), ("1\r\nab\r\n", .malformed), ("1;\u{1}\r\n", .malformed),
        ("FFFFFFFFFFFFFFFF\r\n", .malformed), ("7FFFFFFFFFFFFFF\r\n", .tooLarge), ("100001\r\n", .tooLarge),
        ("0\r\n folded: x\r\n\r\n", .malformed),
    ])
    func brokenChunksAreRefused(body: String, code: HTTPError.Code) {
        let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        let error = #expect(throws: HTTPError.self) { try parseRequests(head + body, pieces: 1) }
        #expect(error?.code == code)
    }

    @Test func everyLimitHolds() {
        let limits = HTTPLimits(lineBytes: 64, headerCount: 3, headerBytes: 200, bodyBytes: 10)
        let line = String(repeating: "a", count: 70)
        for text in [
            "GET /\(line) HTTP/1.1\r\n", line, "GET / HTTP/1.1\r\nHost: h\r\nA: \(line)",
            "GET / HTTP/1.1\r\nHost: h\r\na: b\r\na: b\r\na: b\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\nabcde\r\n",
        ] {
            let error = #expect(throws: HTTPError.self) { try parseRequests(text, limits: limits) }
            #expect(error?.code == (text.hasPrefix("POST") ? .tooLarge : .headersTooLong), "\(text)")
        }
        let many = HTTPLimits(lineBytes: 64, headerCount: 100, headerBytes: 200, bodyBytes: 10)
        let fields = String(repeating: "a: 0123456789\r\n", count: 20)
        #expect(throws: HTTPError(.headersTooLong, "more than 200 bytes of headers, the last one a")) {
            try parseRequests("GET / HTTP/1.1\r\n" + fields, limits: many)
        }
    }

    @Test func theBearerTokenAndTheQueryAreRead() {
        let request = HTTPRequest(
            .get, "/v1/x%20y?a=1&b=%41+b&c&bad=%zz", headers: ["Authorization": "bearer  secret "])
        #expect(request.bearerToken == "secret")
        #expect(request.path == "/v1/x%20y")
        #expect(request.query["a"] == "1")
        #expect(request.query["b"] == "A b")
        #expect(request.query["c"] == "")
        #expect(request.query["bad"] == nil)
        let twice: HTTPHeaders = ["Authorization": "Bearer a", "authorization": "Bearer b"]
        #expect(HTTPRequest(.get, "/", headers: twice).bearerToken == nil)
        #expect(HTTPRequest(.get, "/", headers: ["Authorization": "Basic x"]).bearerToken == nil)
    }
}

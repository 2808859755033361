import HTTP
import Testing

@Suite("Responses on the wire")
struct ResponseParserTests {
    @Test(arguments: [1, 5, 1000])
    func theBodyEndsAsTheHeadersSay(pieces: Int) throws {
        let cases: [(String, HTTPMethod, String)] = [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabXX", .get, "ab"),
            ("HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n", .get, "ab"),
            ("HTTP/1.0 200 OK\r\n\r\nuntil the end", .get, "until the end"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", .head, ""),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", .get, ""),
            ("HTTP/1.1 204 No Content\r\n\r\n", .delete, ""),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                .get, ""
            ),
        ]
        for (text, method, body) in cases {
            let response = try #require(try parseResponse(text, to: method, pieces: pieces))
            #expect(String(decoding: response.body, as: UTF8.self) == body)
            #expect([200, 204, 304].contains(response.head.status))
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", HTTPError.Code.truncated),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", .truncated),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", .truncated),
        ("HTTP/1.1 200 OK\r\n", .truncated), ("", .truncated),
        ("HTTP/1.1 20 OK\r\n\r\n", .malformed), ("HTTP/1.1 2000 OK\r\n\r\n", .malformed),
        ("HTTP/1.1 999 OK\r\n\r\n", .malformed), ("HTTP/1.1 2x0 OK\r\n\r\n", .malformed),
        ("ICY 200 OK\r\n\r\n", .unsupported), ("HTTP/2 200\r\n\r\n", .unsupported), ("nonsense\r\n\r\n", .malformed),
        ("HTTP/1.1 101 Switching\r\n\r\n", .malformed),
        (String(repeating: "HTTP/1.1 100 C\r\n\r\n", count: 9), .malformed),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", .malformed),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", .malformed),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .malformed),
    ])
    func brokenResponsesAreRefused(text: String, code: HTTPError.Code) {
        for pieces in [1, 1000] {
            let error = #expect(throws: HTTPError.self) { try parseResponse(text, pieces: pieces) }
            #expect(error?.code == code)
        }
    }

    @Test func aBodyBeyondItsLimitIsRefusedHoweverItIsFramed() {
        let limits = HTTPLimits(bodyBytes: 4)
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", "HTTP/1.1 200 OK\r\n\r\nabcde",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
        ] {
            let error = #expect(throws: HTTPError.self) { try parseResponse(text, limits: limits) }
            #expect(error?.code == .tooLarge)
        }
    }

    @Test func whatTheSerializerWritesTheParsersRead() throws {
        let head = HTTPRequestHead(method: .post, target: "/x", headers: ["A": "b"])
        let request = try HTTPSerializer.request(head, host: "h:1", body: [1, 2])
        let text = String(decoding: request, as: UTF8.self)
        let parsed = try #require(try parseRequests(text).requests.first)
        #expect(parsed.head.headers["Host"] == "h:1")
        #expect(parsed.body == [1, 2])
        let response = HTTPResponse.problem(409, code: "x", detail: "a \"quoted\"\n\u{1} text")
        let bytes = try HTTPSerializer.response(response, to: .get, keepAlive: true, date: "now")
        let back = try #require(try parseResponse(String(decoding: bytes, as: UTF8.self)))
        #expect(back.head.status == 409)
        #expect(back.head.keepsAlive)
        #expect(String(decoding: back.body, as: UTF8.self).contains(#""detail":"a \"quoted\"\n\u0001 text""#))
        let empty = try HTTPSerializer.response(response, to: .head, keepAlive: false)
        #expect(try parseResponse(String(decoding: empty, as: UTF8.self), to: .head)?.head.keepsAlive == false)
    }

    @Test func aFieldThatWouldBecomeTwoIsNotSent() {
        for headers: HTTPHeaders in [["A": "b\r\nC: d"], ["A": "b\nC: d"], ["A B": "c"], ["": "c"], ["A": "\0"]] {
            #expect(throws: HTTPError.self) {
                try HTTPSerializer.response(
                    HTTPResponse(status: 200, headers: headers), to: .get, keepAlive: true)
            }
            #expect(throws: HTTPError.self) {
                try HTTPSerializer.request(
                    HTTPRequestHead(method: .get, target: "/", headers: headers), host: "h")
            }
        }
        for target in ["", "x", "/a b", "/a\r\nB: c"] {
            #expect(throws: HTTPError.self) {
                try HTTPSerializer.request(HTTPRequestHead(method: .get, target: target), host: "h")
            }
        }
    }

    @Test(arguments: [
        (Int64(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"), (-5, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    ])
    func datesAreWrittenAsTheRuleSays(seconds: Int64, text: String) {
        #expect(HTTPDate.text(secondsSince1970: seconds) == text)
    }
}

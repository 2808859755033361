import HTTP
import Testing

@Suite("URLs")
struct URLReferenceTests {
    @Test(arguments: [
        ("http://h", "h", UInt16(80), "h", "/"),
        (
            "HTTPS://Host.example:8443/A/%7e/../b//c?x=/y", "Host.example", 8443, "Host.example:8443",
            "/A/%7e/../b//c?x=/y"
        ),
        ("http://127.0.0.1:80?q", "127.0.0.1", 80, "127.0.0.1:80", "/?q"),
        ("https://[::1]:444/p", "::1", 444, "[::1]:444", "/p"),
    ])
    func aURLIsKeptByteForByte(text: String, host: String, port: UInt16, authority: String, target: String) throws {
        let url = try URLReference(text)
        #expect(url.text == text)
        #expect(url.host == host)
        #expect(url.port == port)
        #expect(url.authority == authority)
        #expect(url.target == target)
    }

    @Test(arguments: [
        "", "h", "ftp://h/", "file:///etc/passwd", "http:/h", "http://", "http:///x", "http://:80/", "http://h:0/",
        "http://h:65536/", "http://h:x/", "http://h:/", "http://u@h/", "http://u:p@h/", "http://h/a b", "http://h/\n",
        "http://h/é", "http://h/#f", "http://h/%", "http://h/%4", "http://h/%zz", "http://h/\\", "http://h/<",
        "http://[::1/", "http://[::1]x/", "http://[g]/", "http://h_%41/", "javascript:x",
        "http://h/" + String(repeating: "a", count: 4096),
    ])
    func whatIsNoPlainWebAddressIsRefused(text: String) {
        let error = #expect(throws: HTTPError.self) { try URLReference(text) }
        #expect(error?.code == .badURL)
    }

    @Test(arguments: [
        ("http://h/repo", "http://h/repo/1.root.json"), ("http://h/repo/", "http://h/repo/1.root.json"),
        ("http://h", "http://h/1.root.json"), ("http://h/a?k=v/", "http://h/a/1.root.json?k=v/"),
    ])
    func namesAreAppendedToABase(base: String, expected: String) throws {
        #expect(try URLReference(base).appending("1.root.json").text == expected)
    }

    @Test(arguments: [
        ("http://o/x", "http://o/x"), ("https://o", "https://o"), ("//o/x", "http://o/x"), ("/x?y#z", "http://h:1/x?y"),
        ("x", "http://h:1/a/x"), ("../x", "http://h:1/x"), ("?q", "http://h:1/a/b?q"), ("", "http://h:1/a/b"),
    ])
    func aLocationIsSeenFromItsURL(location: String, expected: String) throws {
        #expect(try URLReference("http://h:1/a/b?c/d").resolving(location).text == expected)
    }

    /// The examples of RFC 3986, section 5.4, that are http, without fragments and parameters.
    @Test(arguments: [
        ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"),
        ("?y", "http://a/b/c/d?y"), ("g?y", "http://a/b/c/g?y"), (".", "http://a/b/c/"), ("./", "http://a/b/c/"),
        ("..", "http://a/b/"), ("../", "http://a/b/"), ("../g", "http://a/b/g"), ("../..", "http://a/"),
        ("../../g", "http://a/g"), ("../../../g", "http://a/g"), ("/./g", "http://a/g"), ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."), (".g", "http://a/b/c/.g"), ("g..", "http://a/b/c/g.."), ("..g", "http://a/b/c/..g"),
        ("./../g", "http://a/b/g"), ("./g/.", "http://a/b/c/g/"), ("g/./h", "http://a/b/c/g/h"),
        ("g/../h", "http://a/b/c/h"), ("g?y/../x", "http://a/b/c/g?y/../x"), ("http://a/x/../g", "http://a/g"),
        ("//o/x/../g", "http://o/g"),
    ]) func dotSegmentsOfALocationAreRemoved(location: String, expected: String) throws {
        #expect(try URLReference("http://a/b/c/d?q").resolving(location).text == expected)
    }

    @Test(arguments: [
        ("/Größe 1.tar", "http://h/Gr%C3%B6%C3%9Fe%201.tar"), ("/a b?c=d e", "http://h/a%20b?c=d%20e"),
        ("/a|b{c}", "http://h/a%7Cb%7Bc%7D"), ("/a\u{FFFD}b", "http://h/a%EF%BF%BDb"), ("/100%", "http://h/100%25"),
        ("/%zz%4", "http://h/%25zz%254"), ("/%e4%", "http://h/%e4%25"), ("/a%20b", "http://h/a%20b"),
        ("/x?sig=a+b/c=", "http://h/x?sig=a+b/c="),
    ]) func bytesThatNoURLMayHaveAreEscapedInALocation(location: String, expected: String) throws {
        #expect(try URLReference("http://h/").resolving(location).text == expected)
    }

    @Test(
        arguments: [
            (Array("/Gr".utf8) + [0xF6, 0xDF] + Array("e".utf8), "http://h/Gr%F6%DFe"),
            ([0x2F, 0xFF, 0xC3], "http://h/%FF%C3"),
        ] as [([UInt8], String)]) func bytesThatAreNotUTF8AreEscapedInALocation(location: [UInt8], expected: String)
        throws
    {
        #expect(try URLReference("http://h/").resolving(location).text == expected)
    }

    @Test(arguments: [
        ("http://o:/x", "http://o/x"), ("//o:/x", "http://o/x"), ("https://[::1]:?q", "https://[::1]?q"),
    ]) func anEmptyPortOfALocationIsLeftOut(location: String, expected: String) throws {
        #expect(try URLReference("http://h/").resolving(location).text == expected)
    }

    @Test func userAndPasswordInAURLAreNamedAndNotShown() throws {
        let error = #expect(throws: HTTPError.self) { try URLReference("https://fleet:s3cr3t@mirror.example/") }
        #expect(error?.message.contains("credentialsFile") == true && error?.message.contains("s3cr3t") == false)
    }

    @Test(arguments: [
        "ftp://x/", "file:///x", "javascript:alert(1)", "http://u@x/", "/\r\nX: y", "http://o%41/",
    ])
    func aLocationThatIsNoPlainWebAddressIsRefused(location: String) throws {
        let base = try URLReference("http://h/")
        #expect(throws: HTTPError.self) { try base.resolving(location) }
    }

    @Test func percentDecodingIsStrict() {
        #expect(PercentEncoding.decode("a%20b%2Fc+") == "a b/c+")
        #expect(PercentEncoding.decode("a+b", plusIsSpace: true) == "a b")
        for bad in ["%", "%4", "%zz", "%00", "%ff", "%c3"] { #expect(PercentEncoding.decode(bad) == nil) }
        let odd = "ä/ ?&=%+~\u{1F600}"
        #expect(PercentEncoding.decode(PercentEncoding.encode(odd)) == odd)
        let query = QueryParameters.encode([("a b", "c&d"), ("e", "=")])
        #expect(QueryParameters(query)["a b"] == "c&d")
        #expect(QueryParameters(query)["e"] == "=")
    }
}

@Suite("Routes")
struct RouterTests {
    private func router() -> Router<RouteHandler> {
        var router = Router<RouteHandler>()
        router.add(.get, "/") { _, _ in .text("root") }
        router.add(.get, "/v1/clients") { _, _ in .text("list") }
        router.add(.get, "/v1/clients/{name}") { _, names in .text("client " + (names["name"] ?? "")) }
        router.add(.get, "/v1/clients/all") { _, _ in .text("all") }
        router.add(.patch, "/v1/clients/{name}") { _, _ in .text("patched") }
        router.add(.post, "/v1/rollouts/{id}/start") { _, names in .text("start " + (names["id"] ?? "")) }
        return router
    }

    @Test(
        arguments: [
            ("GET", "/", 200, "root"), ("GET", "/v1/clients", 200, "list"),
            ("GET", "/v1/clients/a%2Fb", 200, "client a/b"),
            ("GET", "/v1/clients/all", 200, "all"), ("HEAD", "/v1/clients", 200, "list"),
            ("PATCH", "/v1/clients/x", 200, "patched"), ("POST", "/v1/rollouts/7/start", 200, "start 7"),
            ("GET", "/v1", 404, nil), ("GET", "/v1/clients/", 404, nil), ("GET", "/v1//clients", 404, nil),
            ("GET", "//", 404, nil), ("GET", "/v1/clients/%zz", 404, nil), ("GET", "/v1/clients/x/y", 404, nil),
            ("GET", "/V1/clients", 404, nil), ("DELETE", "/v1/clients", 405, nil),
            ("GET", "/v1/rollouts/7/start", 405, nil),
        ] as [(String, String, Int, String?)])
    func requestsReachTheirRoute(method: String, path: String, status: Int, text: String?) async throws {
        let response = await router().respond(to: HTTPRequest(try #require(HTTPMethod(method)), path + "?q=1"))
        #expect(response.status == status)
        if let text { #expect(String(decoding: response.body, as: UTF8.self) == text) }
        if status >= 400 { #expect(response.headers["Content-Type"] == "application/problem+json") }
    }

    @Test func aWrongMethodIsToldTheRightOnes() async throws {
        let response = await router().respond(to: HTTPRequest(.delete, "/v1/clients/x"))
        #expect(response.headers["Allow"] == "GET, HEAD, PATCH")
    }
}

import HTTP
import System
import TestSupport
import Testing

/// TRUST.md's attacks on the network that concern downloads, each by its name.
@Suite("Attacks on downloads", .serialized)
struct DownloadAttackTests {
    static let plain = Result { try EvilServer() }
    static let secure = Result { try EvilServer(secure: true, addresses: ["127.0.0.1"]) }

    /// As the hub's, with this machine allowed.
    private static func settings() throws -> HTTPClientSettings {
        var settings = HTTPClientSettings()
        settings.readTimeout = .seconds(5)
        settings.addresses = AddressPolicy(allowed: [try AddressRange("127.0.0.0/8"), try AddressRange("::1")])
        return settings
    }

    private func failure(_ path: String, _ change: (inout HTTPClientSettings) -> Void = { _ in }) throws -> HTTPError? {
        var settings = try Self.settings()
        change(&settings)
        let url = try URLReference(Self.plain.get().url(path))
        return #expect(throws: HTTPError.self) { try HTTPClient(settings).send(.init(.get, url), limit: 1_000_000) }
    }

    // MARK: Redirects and addresses

    @Test(arguments: [
        "http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://[::ffff:10.0.0.1]/",
        "http://[fd00:ec2::254]/", "http://[64:ff9b::a00:1]/", "http://167772161/", "http://0x0a000001/",
        "http://100.64.0.1/", "http://0.0.0.0/", "http://[fe80::1]/", "http://224.0.0.1/",
    ])
    func redirectIntoAForbiddenRangeIsNotFollowed(location: String) throws {
        let error = try failure("/to?" + location)
        #expect(error?.code == .forbidden)
        #expect(error?.message.contains("not permitted") == true)
    }

    @Test func catalogURLIntoLoopbackIsRefusedUnlessPermittedByTheConnectedAddress() throws {
        // The name is not judged but what it resolves to: a name that changes its address gains nothing.
        #expect(try failure("/ok") { $0.addresses = AddressPolicy() }?.code == .forbidden)
        let server = try Self.plain.get()
        let before = try server.connections()
        for host in ["127.0.0.1", "127.1", "2130706433", "[::ffff:127.0.0.1]"] {
            var settings = try Self.settings()
            settings.addresses = AddressPolicy()
            let url = try URLReference("http://\(host):\(server.port)/ok")
            let error = #expect(throws: HTTPError.self) { try HTTPClient(settings).send(.init(.get, url), limit: 10) }
            #expect(error?.code == .forbidden, "\(host)")
        }
        #expect(try server.connections() == before)
    }

    @Test func redirectToAnotherSchemeIsNotFollowed() throws {
        for place in ["file:///etc/passwd", "ftp://localhost/", "gopher://localhost/", "javascript:0", "data:,x"] {
            let code = try failure("/to?" + place)?.code
            #expect(code == .redirect || code == .badURL, "\(place): \(String(describing: code))")
        }
    }

    /// One that a proxy or a filter between reads, and another one for this client.
    @Test(arguments: ["/ok;http://10.0.0.1/", "http://10.0.0.1/;/ok", "/ok;/headers", "/ok;", ";/ok", "/ok;/OK"])
    func redirectToTwoAddressesIsNotFollowed(locations: String) throws {
        let error = try failure("/to-two?" + locations)
        #expect(error?.code == .redirect)
        #expect(error?.message.contains("redirects to two addresses at once") == true)
    }

    @Test func redirectThatNamesItsAddressTwiceIsFollowed() throws {
        let url = try URLReference(Self.plain.get().url("/to-two?/ok;/ok"))
        let answer = try HTTPClient(try Self.settings()).send(.init(.get, url), limit: 100)
        #expect(answer.body == Array("hello".utf8))
    }

    @Test func redirectLoopIsNamed() throws {
        #expect(try failure("/loop")?.message.contains("in a loop") == true)
        #expect(try failure("/loop-of-two/0")?.message.contains("in a loop") == true)
        #expect(try failure("/hop/9")?.message.contains("more than 3 redirects") == true)
    }

    // MARK: Bodies and heads that lie

    @Test func whatFollowsTheAnnouncedLengthIsNotTheNextAnswer() throws {
        let client = HTTPClient(try Self.settings())
        let server = try Self.plain.get()
        let url = try URLReference(server.url("/more-than-announced"))
        for _ in 0..<3 {
            #expect(try client.send(.init(.get, url), limit: 100).body == Array("hello".utf8))
            let next = try client.send(.init(.get, try URLReference(server.url("/ok"))), limit: 100)
            #expect(next.body == Array("hello".utf8))
        }
    }

    @Test func oneByteAtATimeIsGivenUp() throws {
        let error = try failure("/slow") { $0.minimumRate = .init(bytes: 1000, span: .milliseconds(300)) }
        #expect(error?.code == .tooSlow)
        #expect(try failure("/slow") { $0.deadline = .milliseconds(400) }?.code == .timedOut)
        #expect(try failure("/slow-head") { $0.deadline = .milliseconds(400) }?.code == .timedOut)
    }

    @Test func retryAfterIsReadInSecondsAndAsADate() throws {
        let client = HTTPClient(try Self.settings())
        let server = try Self.plain.get()
        for (path, seconds) in [("/503", Int64(17)), ("/later-by-date", 30)] {
            let download = HTTPDownload(try URLReference(server.url(path)), limit: 10)
            let outcome = try client.download(download, begin: { _ in }, write: { _ in })
            #expect(outcome == .status(503, retryAfterSeconds: seconds))
        }
        let now: Int64 = 784_111_777
        for (text, seconds) in [
            ("0", Int64(0)), ("999999999", 86400), ("Sun, 06 Nov 1994 08:50:37 GMT", 60),
            ("Sun, 06 Nov 1993 08:50:37 GMT", 0), ("Sun, 06 Nov 2094 08:50:37 GMT", 86400),
        ] {
            #expect(HTTPHeaders(dictionaryLiteral: ("Retry-After", text)).retryAfterSeconds(now: now) == seconds)
        }
        for text in ["", "-1", "soon", "1.5", "Sun, 06 Xxx 1994 08:50:37 GMT", "Sun, 06 Nov 1994 25:50:37 GMT"] {
            #expect(HTTPHeaders(dictionaryLiteral: ("Retry-After", text)).retryAfterSeconds(now: now) == nil, "\(text)")
        }
    }

    @Test(arguments: [0, 951_782_399, 951_782_400, 1_709_164_800, 1_735_689_599, 253_402_300_799] as [Int64])
    func datesAreReadAsTheyAreWritten(seconds: Int64) {
        #expect(HTTPDate.seconds(HTTPDate.text(secondsSince1970: seconds)) == seconds)
    }

    // MARK: A file that changes

    /// What a caller does that resumes: keeps what fits and begins again where it is told to.
    private func fetch(_ path: String, _ held: inout [UInt8], _ validator: inout String?) throws -> HTTPDownload
        .Beginning?
    {
        var seen: HTTPDownload.Beginning?
        let url = try URLReference(Self.plain.get().url(path))
        let download = HTTPDownload(
            url, offset: Int64(held.count), validator: validator, limit: 1_000_000, length: 1_000_000)
        var bytes = held
        defer { held = bytes }
        _ = try HTTPClient(try Self.settings()).download(
            download,
            begin: { beginning in
                seen = beginning
                validator = beginning.validator
                bytes.removeSubrange(Int(beginning.offset)...)
            }, write: { bytes += Array($0) })
        return seen
    }

    private func set(_ version: Int) throws {
        let url = try URLReference(Self.plain.get().url("/set/\(version)"))
        #expect(try HTTPClient(try Self.settings()).send(.init(.get, url), limit: 1).status == 200)
    }

    private func content(_ version: Int) -> [UInt8] { (0..<1_000_000).map { UInt8(($0 * version) % 251) } }

    @Test func aFileThatStayedIsResumedByItsValidator() throws {
        try set(1)
        var held: [UInt8] = []
        var validator: String?
        #expect(throws: HTTPError.self) { try fetch("/file-cut", &held, &validator) }
        #expect(held.count == 300_000)
        #expect(validator == "\"v1\"")
        let beginning = try fetch("/file", &held, &validator)
        #expect(beginning?.offset == 300_000)
        #expect(held == content(1))
    }

    @Test func aFileThatChangedIsNotGluedToItsOldBeginning() throws {
        try set(1)
        var held: [UInt8] = []
        var validator: String?
        #expect(throws: HTTPError.self) { try fetch("/file-cut", &held, &validator) }
        try set(2)
        let beginning = try fetch("/file", &held, &validator)
        #expect(beginning?.offset == 0)
        #expect(beginning?.isChanged == true)
        #expect(beginning?.validator == "\"v2\"")
        #expect(held == content(2))
    }

    @Test func aPartOfAnotherFileIsRefusedAlthoughTheServerSendsIt() throws {
        try set(1)
        var held: [UInt8] = []
        var validator: String?
        #expect(throws: HTTPError.self) { try fetch("/file-cut", &held, &validator) }
        try set(2)
        let error = #expect(throws: HTTPError.self) { try fetch("/liar", &held, &validator) }
        #expect(error?.code == .changed)
        #expect(error?.isRetryable == true)
        #expect(held == Array(content(1).prefix(300_000)))
        // A weak validator says nothing about bytes.
        held = []
        validator = nil
        _ = try fetch("/weak", &held, &validator)
        #expect(validator == nil)
    }

    // MARK: TLS

    @Test func theHostIsCheckedAlsoWhenItIsAnAddress() throws {
        let server = try Self.secure.get()
        var settings = try Self.settings()
        settings.authorities = .file(server.folder.path("authority.pem"))
        for (host, isNamed) in [("127.0.0.1", true), ("localhost", true), ("127.0.0.2", false)] {
            let url = try URLReference("https://\(host):\(server.port)/ok")
            let client = HTTPClient(settings)
            if isNamed {
                #expect(try client.send(.init(.get, url), limit: 10).status == 200, "\(host)")
            } else {
                let code = #expect(throws: HTTPError.self) { try client.send(.init(.get, url), limit: 10) }?.code
                #expect(code == .tls || code == .unreachable, "\(host)")
            }
        }
    }
}

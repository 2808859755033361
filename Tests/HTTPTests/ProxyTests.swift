import HTTP
import System
import TestSupport
import Testing

@Suite("Downloads through a proxy", .serialized)
struct ProxyTests {
    static let secure = Result { try EvilServer(secure: true) }
    static let plain = Result { try EvilServer() }

    /// Reaches every host at 127.0.0.1, by the port asked for, and writes down what it was asked.
    private final class Proxy {
        let folder: TemporaryFolder
        let port: Int
        private let child: RunningChild

        init(credentials: String = "") throws {
            folder = try TemporaryFolder()
            child = try EvilServer.start(["-c", Self.script, folder.path, credentials])
            port = try EvilServer.port(folder, child)
        }

        deinit { _ = child.terminate(grace: .milliseconds(100)) }

        func asked() throws -> [String] {
            String(decoding: try folder.read("asked"), as: UTF8.self).split(separator: "\n").map(String.init)
        }

        static let script = #"""
            import base64, os, socket, sys, threading, time, urllib.parse
            folder, credentials = sys.argv[1:]
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            listener.listen(16)
            open(folder + "/asked", "w").close()
            def copy(a, b):
                try:
                    while data := a.recv(65536): b.sendall(data)
                    b.shutdown(socket.SHUT_WR)
                except OSError: pass
            def serve(c):
                reader = c.makefile("rb", buffering=0)
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    byte = reader.read(1)
                    if not byte: return c.close()
                    head += byte
                lines = head.decode().split("\r\n")
                method, target, _ = lines[0].split()
                fields = {l.split(":", 1)[0].lower(): l.split(":", 1)[1].strip() for l in lines[1:] if ":" in l}
                open(folder + "/asked", "a").write("%s %s host=%s secret=%s\n" % (
                    method, target, fields["host"], "proxy-authorization" in fields))
                wanted = "Basic " + base64.b64encode(credentials.encode()).decode()
                if credentials and fields.get("proxy-authorization") != wanted:
                    c.sendall(b"HTTP/1.1 407 Who are you\r\nContent-Length: 5\r\n\r\nwho? ")
                    return c.close()
                if "refused.example" in target:
                    c.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
                    return c.close()
                if "gateway" in target:
                    status, field = urllib.parse.unquote(target.split("/", 3)[3]).split("?", 1)
                    c.sendall(("HTTP/1.1 %s X\r\n%s\r\nContent-Length: 0\r\n\r\n" % (status, field)).encode())
                    return c.close()
                if "early.example" in target:
                    c.sendall(b"HTTP/1.1 200 OK\r\n\r\nand more")
                    return c.close()
                if "noise-" in target:
                    noise = {
                        "line": b"welcome\r\nHTTP/1.1 200 OK\r\n\r\n", "byte": b"\0HTTP/1.1 200 OK\r\n\r\n",
                        "banner": b"220 mail.example ESMTP\r\n", "tls": b"\x16\x03\x01\0\x05HTTP/",
                        "half": b"HTTP/1.1 200 OK\r\n", "twice": b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                        "body": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                    }[target.split("-")[1].split(".")[0]]
                    c.sendall(noise)
                    return c.close()
                if "bomb.example" in target:
                    try:
                        c.sendall(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100000)
                    except OSError: pass
                    return c.close()
                if "mute.example" in target: return time.sleep(20)
                port = int(target.split("/")[2].split(":")[1] if method != "CONNECT" else target.split(":")[1])
                server = socket.create_connection(("127.0.0.1", port))
                if method == "CONNECT": c.sendall(b"HTTP/1.1 200 Go on\r\n\r\n")
                else:
                    path = "/" + target.split("/", 3)[3]
                    rest = "\r\n".join(l for l in lines[1:] if not l.lower().startswith("proxy-authorization"))
                    server.sendall(("%s %s HTTP/1.1\r\n%s" % (method, path, rest)).encode())
                threading.Thread(target=copy, args=(server, c), daemon=True).start()
                copy(c, server)
            def watch(parent):
                while os.getppid() == parent: time.sleep(0.2)
                os._exit(0)
            threading.Thread(target=watch, args=(os.getppid(),), daemon=True).start()
            open(folder + "/port.new", "w").write(str(listener.getsockname()[1]))
            os.rename(folder + "/port.new", folder + "/port")
            while True:
                c, _ = listener.accept()
                threading.Thread(target=serve, args=(c,), daemon=True).start()
            """#
    }

    private func client(
        _ proxy: Proxy, credentials: String? = nil, _ change: (inout HTTPClientSettings) -> Void = { _ in }
    ) throws -> HTTPClient {
        var settings = HTTPClientSettings()
        settings.readTimeout = .seconds(5)
        settings.connectTimeout = .seconds(5)
        // The proxy itself may be anywhere: no address of this machine is allowed here.
        settings.addresses = AddressPolicy()
        settings.authorities = .file(try Self.secure.get().folder.path("authority.pem"))
        let endpoint = try ProxySettings.Endpoint("http://127.0.0.1:\(proxy.port)", credentials: credentials)
        settings.proxies = ProxySettings(http: endpoint, https: endpoint)
        change(&settings)
        return HTTPClient(settings)
    }

    @Test func httpGoesInAbsoluteFormAndHttpsThroughATunnel() throws {
        let proxy = try Proxy()
        let client = try client(proxy)
        let plain = "vendor.example:\(try Self.plain.get().port)"
        let secure = "vendor.example:\(try Self.secure.get().port)"
        for url in ["http://\(plain)/ok", "https://\(secure)/ok", "https://\(secure)/ok"] {
            #expect(try client.send(.init(.get, try URLReference(url)), limit: 10).body == Array("hello".utf8))
        }
        // The second request of https went through the tunnel that was there.
        #expect(
            try proxy.asked() == [
                "GET http://\(plain)/ok host=\(plain) secret=False", "CONNECT \(secure) host=\(secure) secret=False",
            ])
    }

    /// Bytes before or behind the answer to CONNECT: they are nobody's that was asked, and never
    /// reach TLS as the server's.
    @Test(arguments: ["line", "byte", "banner", "tls", "half", "twice", "body"])
    func noiseAroundAProxysAnswerIsItsOwn(kind: String) throws {
        let proxy = try Proxy()
        let client = try client(proxy)
        let error = #expect(throws: HTTPError.self) {
            try client.send(.init(.get, try URLReference("https://noise-\(kind).example:1/")), limit: 10)
        }
        let isBehind = ["twice", "body"].contains(kind)
        #expect(error?.code == (isBehind ? .malformed : .proxy), "\(error?.message ?? "")")
        #expect(error?.message.contains("the proxy 127.0.0.1:\(proxy.port)") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("TLS") == false)
    }

    @Test func throughATunnelTheServersNameIsCheckedAsEver() throws {
        let proxy = try Proxy()
        let url = try URLReference("https://other.example:\(try Self.secure.get().port)/ok")
        let error = #expect(throws: HTTPError.self) { try client(proxy).send(.init(.get, url), limit: 10) }
        #expect(error?.code == .wrongName)
    }

    @Test func credentialsGoToTheProxyOnlyAndIntoNoText() throws {
        let secret = "user:s3cr3t p@ss"
        let proxy = try Proxy(credentials: secret)
        let plain = "vendor.example:\(try Self.plain.get().port)"
        let known = try client(proxy, credentials: secret)
        let seen = try known.send(.init(.get, try URLReference("http://\(plain)/headers")), limit: 1000)
        #expect(!String(decoding: seen.body, as: UTF8.self).contains("proxy-authorization"))
        let tunnel = "https://vendor.example:\(try Self.secure.get().port)/headers"
        let inside = try known.send(.init(.get, try URLReference(tunnel)), limit: 1000)
        #expect(inside.status == 200)
        #expect(!String(decoding: inside.body, as: UTF8.self).contains("proxy-authorization"))
        for url in ["http://\(plain)/ok", tunnel] {
            for wrong in [nil, "user:wrong-s3cr3t"] {
                let error = #expect(throws: HTTPError.self) {
                    try client(proxy, credentials: wrong).send(.init(.get, try URLReference(url)), limit: 10)
                }
                #expect(error?.code == .proxy)
                #expect(error?.message.contains("user and password") == true)
                #expect(error?.message.contains("s3cr3t") == false)
            }
        }
        let endpoint = try ProxySettings.Endpoint("http://user:s3cr3t@proxy.example:3128")
        #expect("\(endpoint)" == "proxy.example:3128")
        #expect(!String(reflecting: endpoint).contains("s3cr3t"))
    }

    /// 502 and 504 are said by who forwards; other errors are the proxy's where it says so.
    @Test(arguments: [
        ("502?A: b", true), ("504?A: b", true), ("503?X-Squid-Error: ERR_CONNECT_FAIL 111", true),
        ("403?X-Squid-Error: ERR_ACCESS_DENIED 0", true), ("500?Proxy-Status: p; error=dns_timeout", true),
        ("503?A: b", false), ("404?A: b", false), ("404?Proxy-Status: p; fwd=miss", false),
    ]) func anErrorOfTheProxyIsNotTheServers(answer: String, isProxys: Bool) throws {
        let proxy = try Proxy()
        let url = try URLReference(
            "http://gateway.example:1/" + PercentEncoding.encode(answer).replacing("%3F", with: "?"))
        do {
            let response = try client(proxy).send(.init(.get, url), limit: 10)
            #expect(!isProxys && "\(response.status)" == answer.prefix(3))
        } catch let error as HTTPError {
            #expect(isProxys && error.code == .proxy && error.isRetryable)
            #expect(error.message.contains("127.0.0.1:\(proxy.port)") && error.message.contains("gateway.example"))
        }
    }

    @Test func aProxyThatRefusesLiesOrIsMuteIsNamed() throws {
        let proxy = try Proxy()
        for (url, code) in [
            ("https://refused.example:1/", HTTPError.Code.proxy), ("https://early.example:1/", .malformed),
            ("https://bomb.example:1/", .headersTooLong), ("https://mute.example:1/", .timedOut),
        ] {
            let client = try client(proxy) { $0.connectTimeout = .seconds(1) }
            let error = #expect(throws: HTTPError.self) {
                try client.send(.init(.get, try URLReference(url)), limit: 10)
            }
            #expect(error?.code == code, "\(url): \(error?.message ?? "")")
            #expect(error?.message.contains("127.0.0.1:\(proxy.port)") == true || code == .headersTooLong)
        }
        let gone = try client(proxy) { settings in
            settings.proxies.http = try? ProxySettings.Endpoint("127.0.0.1:\(FreePort.next())")
        }
        let error = #expect(throws: HTTPError.self) {
            try gone.send(.init(.get, try URLReference("http://vendor.example/")), limit: 10)
        }
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains("the proxy") == true)
    }

    @Test func throughAProxyAForbiddenAddressIsRefusedByTheURL() throws {
        let proxy = try Proxy()
        for host in ["10.0.0.1", "169.254.169.254", "[fd00::1]"] {
            for scheme in ["http", "https"] {
                let error = #expect(throws: HTTPError.self) {
                    try client(proxy).send(.init(.get, try URLReference("\(scheme)://\(host)/")), limit: 10)
                }
                #expect(error?.code == .forbidden, "\(host)")
            }
        }
        // And so is a redirect to one.
        let port = try Self.plain.get().port
        let url = try URLReference("http://vendor.example:\(port)/to?http://10.0.0.1/")
        #expect(
            #expect(throws: HTTPError.self) { try client(proxy).send(.init(.get, url), limit: 10) }?.code == .forbidden)
        #expect(try proxy.asked().count == 1)
    }

    @Test func loopbackIsNeverAskedForThroughAProxy() throws {
        let proxy = try Proxy()
        let port = try Self.plain.get().port
        let client = try client(proxy) { $0.addresses = .anywhere }
        for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
            #expect(
                try client.send(.init(.get, try URLReference("http://\(host):\(port)/ok")), limit: 10).status == 200)
        }
        #expect(try proxy.asked() == [])
    }

    // MARK: Settings

    private func settings(_ environment: [String: String]) throws -> ProxySettings {
        try ProxySettings { environment[$0] }
    }

    @Test func theEnvironmentIsRead() throws {
        let both = try settings(["http_proxy": "http://one:81", "HTTPS_PROXY": "two:82/"])
        #expect(both.proxy(for: try URLReference("http://a.example/"))?.description == "one:81")
        #expect(both.proxy(for: try URLReference("https://a.example/"))?.description == "two:82")
        // What a web server sets from a stranger's header is no setting.
        #expect(try settings(["HTTP_PROXY": "http://evil:81"]) == .none)
        #expect(try settings(["http_proxy": "", "https_proxy": ""]) == .none)
        let all = try settings(["ALL_PROXY": "http://three"])
        #expect(all.http?.description == "three:80")
        #expect(all.https?.description == "three:80")
        #expect(try settings(["https_proxy": "[fd00::1]:3128"]).https?.description == "[fd00::1]:3128")
        for bad in ["socks5://a:1", "https://a:1", "http://", "http://a:x", "http://u:s3cr3t%zz@a", "http://a b"] {
            let error = #expect(throws: HTTPError.self) { try settings(["https_proxy": bad]) }
            #expect(error?.message.contains("https_proxy") == true)
            #expect(error?.message.contains("s3cr3t") == false)
        }
    }

    @Test(arguments: ["all_proxy", "ALL_PROXY", "http_proxy", "https_proxy", "HTTPS_PROXY"])
    func theVariableThatIsWrongIsTheOneThatIsNamed(variable: String) {
        let error = #expect(throws: HTTPError.self) { try settings([variable: "socks5://p:1"]) }
        #expect(error?.message.hasPrefix("\(variable) of the environment: ") == true, "\(error?.message ?? "")")
    }

    @Test func exceptionsAreNamesBelowADomainAddressesAndPorts() throws {
        let words = "example.org, .lan 10.0.0.0/8,192.168.1.7,fd00::/8,only.example:8080"
        let settings = try settings(["http_proxy": "http://p:1", "no_proxy": words])
        func isDirect(_ host: String) throws -> Bool {
            settings.proxy(for: try URLReference("http://\(host)/")) == nil
        }
        for host in [
            "example.org", "EXAMPLE.org", "www.example.org", "example.org.", "a.lan", "10.1.2.3", "192.168.1.7",
            "[fd00::1]", "only.example:8080", "127.0.0.1", "[::1]", "localhost", "x.localhost",
        ] { #expect(try isDirect(host), "\(host)") }
        for host in [
            "example.com", "notexample.org", "example.org.evil", "11.1.2.3", "192.168.1.8", "[fe00::1]", "only.example",
        ] { #expect(try !isDirect(host), "\(host)") }
        let more = try self.settings([
            "http_proxy": "http://p:1", "no_proxy": "*.wild.example, 10.9.8.7/16 [fd00::1]:8080 nonsense!,a..b,x:0",
        ])
        for host in ["a.wild.example", "b.a.wild.example", "10.9.1.1", "[fd00::1]:8080"] {
            #expect(more.proxy(for: try URLReference("http://\(host)/")) == nil, "\(host)")
        }
        for host in ["wild.example", "10.8.1.1", "[fd00::1]", "nonsense", "x"] {
            #expect(more.proxy(for: try URLReference("http://\(host)/")) != nil, "\(host)")
        }
        let none = try self.settings(["http_proxy": "http://p:1", "NO_PROXY": "*"])
        #expect(none.proxy(for: try URLReference("http://example.com/")) == nil)
    }
}

import HTTP
import TestSupport
import Testing

/// Users and passwords of private mirrors: from a file, over https, to the server that they are for.
@Suite("Credentials of servers", .serialized)
struct ServerCredentialsTests {
    static let secure = Result { try EvilServer(secure: true, addresses: ["127.0.0.1"]) }
    static let plain = Result { try EvilServer() }

    @Test(arguments: [
        "user", "machine", "machine h", "machine h login u", "machine h login u password",
        "machine h login u password s3cr3t account a", "default login u password s3cr3t",
        "machine h login u:v password s3cr3t",
        "machine h login u password s3cr3t machine H login u password s3cr3t",
        "machine h login u login v password s3cr3t", "machine u@h login u password s3cr3t",
        "machine h/x?y login u password s3cr3t", "machine h/x/../y login u password s3cr3t",
        "machine h/%2e%2E/y login u password s3cr3t", "machine https://h login u password s3cr3t",
        "machine https://h/x login u password s3cr3t",
        "machine h/x login u password s3cr3t machine h/x/ login v password s3cr3t",
        (0..<300).map { "machine h\($0) login u password s3cr3t" }.joined(separator: "\n"),
        (0..<300).map { "machine h/\($0) login u password s3cr3t" }.joined(separator: "\n"),
    ]) func whatIsNoListIsRefusedWithoutItsSecrets(text: String) {
        let error = #expect(throws: HTTPError.self) { try ServerCredentials(text) }
        #expect(error?.message.contains("s3cr3t") == false, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        ("https://h/team", true), ("https://h/team/", true), ("https://h/team/a/b?c=d", true),
        ("https://H:443/team/x", true),
        ("https://h/", false), ("https://h/teams/x", false), ("https://h/Team/x", false),
        ("https://h/team/../x", false),
        ("https://h/team/%2e%2E/x", false), ("https://h/team/%2e%2e%2fx", false), ("https://h/team/..%5Cx", false),
        ("https://h/team/%ff/x", false), ("https://h/x?/team/", false), ("https://o/team/x", false),
    ]) func anEntryWithAPathIsForWhatLiesBelowIt(address: String, isKnown: Bool) throws {
        let credentials = try ServerCredentials("machine h/team login u password p")
        #expect(try credentials.isKnown(URLReference(address)) == isKnown)
    }

    private func authorization(_ text: String, _ address: String) throws -> String? {
        var settings = HTTPClientSettings()
        settings.credentials = try ServerCredentials(text)
        let server = try address.hasPrefix("https") ? Self.secure.get() : Self.plain.get()
        if address == "https" { settings.authorities = .file(server.folder.path("authority.pem")) }
        let answer = try HTTPClient(settings).send(
            .init(.get, try URLReference("\(address)://127.0.0.1:\(server.port)/headers")), limit: 10_000)
        return String(decoding: answer.body, as: UTF8.self).split(separator: "\n").first {
            $0.hasPrefix("authorization=")
        }
        .map { String($0.dropFirst(14)) }
    }

    @Test func theyGoToTheirServerOverHttpsOnly() throws {
        let port = try Self.secure.get().port
        let file = """
            # comment
            machine mirror.example login other password no
            machine 127.0.0.1
              login fleet password s3cr3t
            """
        #expect(try authorization(file, "https") == "Basic ZmxlZXQ6czNjcjN0")
        #expect(try authorization(file + "\nmachine 127.0.0.1:\(port) login a password b", "https") == "Basic YTpi")
        #expect(try authorization("machine 127.0.0.1/other login a password b", "https") == nil)
        let paths = "\nmachine 127.0.0.1/headers login a password b machine 127.0.0.1/h login c password d"
        #expect(try authorization(file + paths, "https") == "Basic YTpi")
        #expect(try authorization("machine other.example login a password b", "https") == nil)
        #expect(try authorization(file, "http") == nil)
        #expect("\(try ServerCredentials(file))" == "credentials for 2 places")
    }
}

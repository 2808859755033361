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
        "machine h/x login u password p",
        "machine h login u password p account a", "default login u password p", "machine h login u:v password p",
        "machine h login u password p machine H login u password p", "machine h login u login v password p",
        "machine u@h login u password p", (0..<300).map { "machine h\($0) login u password p" }.joined(separator: "\n"),
    ]) func whatIsNoListIsRefusedWithoutItsSecrets(text: String) {
        let error = #expect(throws: HTTPError.self) { try ServerCredentials(text.replacing(" p", with: " s3cr3t")) }
        #expect(error?.message.contains("s3cr3t") == false, "\(error?.message ?? "")")
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
        #expect(try authorization("machine other.example login a password b", "https") == nil)
        #expect(try authorization(file, "http") == nil)
        #expect("\(try ServerCredentials(file))" == "credentials for 2 servers")
    }
}

package import HTTP
internal import Settings

/// How many connections the API takes: `api` of `hub.json5`. docs/limits.md explains each with its default.
/// ```
/// api: {
///   connections: 256,           // of clients with a valid token
///   handshakes: 64,             // connections that have not finished their TLS handshake
///   handshakesPerAddress: 16,
///   strangers: 128,             // open connections that have shown no valid token
///   strangersPerAddress: 32,
///   firstByteSeconds: 5,        // from a connection to its first byte
///   handshakeSeconds: 10,       // from a connection to the end of its handshake
///   strangerSeconds: 10,        // for a stranger's next request, and for the head of any request
/// }
/// ```
package struct APIOptions: Sendable {
    package private(set) var server = HTTPServerSettings()

    package init() {}
}

extension APIOptions: Decodable {
    private static let names = [
        "connections", "handshakes", "handshakesPerAddress", "strangers", "strangersPerAddress", "firstByteSeconds",
        "handshakeSeconds", "strangerSeconds",
    ]

    package init(from decoder: any Decoder) throws {
        let settings = try SettingsObject(decoder, known: Self.names)
        func count(_ name: String, _ limits: ClosedRange<Int64>, _ normal: Int) throws -> Int {
            try settings.number(name, limits).map { Int(clamping: $0) } ?? normal
        }
        func time(_ name: String, _ normal: Duration) throws -> Duration {
            try settings.number(name, 1...120).map { .seconds($0) } ?? normal
        }
        self.init()
        server.maximumConnections = try count("connections", 1...65_536, server.maximumConnections)
        server.maximumHandshakes = try count("handshakes", 8...65_536, server.maximumHandshakes)
        server.handshakesPerAddress = try count("handshakesPerAddress", 1...65_536, server.handshakesPerAddress)
        server.maximumStrangers = try count("strangers", 8...65_536, server.maximumStrangers)
        server.strangersPerAddress = try count("strangersPerAddress", 1...65_536, server.strangersPerAddress)
        server.firstByteTimeout = try time("firstByteSeconds", server.firstByteTimeout)
        server.handshakeTimeout = try time("handshakeSeconds", server.handshakeTimeout)
        server.strangerTimeout = try time("strangerSeconds", server.strangerTimeout)
    }
}

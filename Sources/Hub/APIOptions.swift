package import HTTP
package import Settings

/// How many connections the API takes: `api` of `hub.json5`. docs/limits.md explains each.
package struct APIOptions: Sendable {
    package private(set) var server = HTTPServerSettings()

    package init() {}

    package static let settings = SettingsGroup<APIOptions>([
        .number(
            "connections", \.server.maximumConnections, 1...65_536, "connections",
            "Connections of clients with a valid token", example: 512),
        .number(
            "handshakes", \.server.maximumHandshakes, 8...65_536, "connections",
            "Connections that have not finished their TLS handshake", example: 128),
        .number(
            "handshakesPerAddress", \.server.handshakesPerAddress, 1...65_536, "connections",
            "Of these, the connections from one address", example: 32),
        .number(
            "strangers", \.server.maximumStrangers, 8...65_536, "connections",
            "Connections that have shown no valid token", example: 256),
        .number(
            "strangersPerAddress", \.server.strangersPerAddress, 1...65_536, "connections",
            "Of these, the connections from one address", example: 64),
        .seconds(
            "firstByteSeconds", \.server.firstByteTimeout, 1...120, "Wait from a connection to its first byte",
            example: 8),
        .seconds(
            "handshakeSeconds", \.server.handshakeTimeout, 1...120,
            "Wait from a connection to the end of its TLS handshake", example: 20),
        .seconds(
            "strangerSeconds", \.server.strangerTimeout, 1...120,
            "Wait for the next request of a client without a valid token, and for the head of any request",
            example: 15),
    ])
}

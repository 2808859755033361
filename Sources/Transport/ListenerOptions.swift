package import Network
package import Settings

/// How many connections the listener for sessions and joins takes, and how long it waits: `connections` of `hub.json5` and
/// `spoke.json5`.
package struct ListenerOptions: Sendable, Equatable {
    package var members: Int64
    package var handshakes: Int64
    package var handshakesPerAddress: Int64 = 32
    package var joins: Int64 = 128
    package var joinsPerAddress: Int64 = 32
    package var firstByteSeconds: Int64 = 5
    package var handshakeSeconds: Int64 = 10

    package init(members: Int64, handshakes: Int64) {
        self.members = members
        self.handshakes = handshakes
    }

    package static let settings = SettingsGroup<ListenerOptions>([
        .number(
            "members", \.members, 1...100_000, "sessions", "Members of the fleet that are connected at a time",
            example: 8192),
        .number(
            "handshakes", \.handshakes, 8...65_536, "connections",
            "Connections that have not finished their TLS handshake", example: 1024),
        .number(
            "handshakesPerAddress", \.handshakesPerAddress, 1...65_536, "connections",
            "Of these, the connections from one address", example: 64),
        .number("joins", \.joins, 8...65_536, "connections", "Machines that are joining or renewing", example: 256),
        .number(
            "joinsPerAddress", \.joinsPerAddress, 1...65_536, "connections", "Of these, the machines at one address",
            example: 48),
        .number(
            "firstByteSeconds", \.firstByteSeconds, 1...120, "seconds", "Wait from a connection to its first byte",
            example: 8),
        .number(
            "handshakeSeconds", \.handshakeSeconds, 1...120, "seconds",
            "Wait from a connection to the end of its TLS handshake", example: 20),
    ])

    /// The places that these numbers come to.
    package var limit: PeerLimit {
        PeerLimit(
            .open(
                peers: Int(clamping: members), handshakes: Int(clamping: handshakes),
                handshakesPerAddress: Int(clamping: handshakesPerAddress), visitors: Int(clamping: joins),
                visitorsPerAddress: Int(clamping: joinsPerAddress)))
    }
}

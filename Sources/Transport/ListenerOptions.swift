package import Network
package import Settings

/// How many connections the listener for sessions and joins takes, and how long it waits: `connections` of `hub.json5` and
/// `spoke.json5`.
///
/// docs/limits.md explains each with its default.
/// ```
/// connections: {
///   members: 4096,              // sessions at a time
///   handshakes: 256,            // connections that have not finished their TLS handshake
///   handshakesPerAddress: 32,
///   joins: 128,                 // machines that are joining or renewing
///   joinsPerAddress: 32,
///   firstByteSeconds: 5,        // from a connection to its first byte
///   handshakeSeconds: 10,       // from a connection to the end of its handshake
/// }
/// ```
package struct ListenerOptions: Sendable, Equatable {
    package var members: Int64
    package var handshakes: Int64
    package var handshakesPerAddress: Int64 = 32
    package var joins: Int64 = 128
    package var joinsPerAddress: Int64 = 32
    package var firstByteSeconds: Int64 = 5
    package var handshakeSeconds: Int64 = 10

    private static let names = [
        "members", "handshakes", "handshakesPerAddress", "joins", "joinsPerAddress", "firstByteSeconds",
        "handshakeSeconds",
    ]

    package init(members: Int64, handshakes: Int64) {
        self.members = members
        self.handshakes = handshakes
    }

    /// With what an object of settings says in place of the defaults.
    package func reading(_ object: String, of settings: SettingsObject) throws -> ListenerOptions {
        guard let given = try settings.object(object, known: Self.names) else { return self }
        var options = self
        options.members = try given.number("members", 1...100_000) ?? members
        options.handshakes = try given.number("handshakes", 8...65_536) ?? handshakes
        options.handshakesPerAddress = try given.number("handshakesPerAddress", 1...65_536) ?? handshakesPerAddress
        options.joins = try given.number("joins", 8...65_536) ?? joins
        options.joinsPerAddress = try given.number("joinsPerAddress", 1...65_536) ?? joinsPerAddress
        options.firstByteSeconds = try given.number("firstByteSeconds", 1...120) ?? firstByteSeconds
        options.handshakeSeconds = try given.number("handshakeSeconds", 1...120) ?? handshakeSeconds
        return options
    }

    /// The places that these numbers come to.
    package var limit: PeerLimit {
        PeerLimit(
            .open(
                peers: Int(clamping: members), handshakes: Int(clamping: handshakes),
                handshakesPerAddress: Int(clamping: handshakesPerAddress), visitors: Int(clamping: joins),
                visitorsPerAddress: Int(clamping: joinsPerAddress)))
    }
}

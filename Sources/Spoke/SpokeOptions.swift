internal import Settings
package import Transport

/// What the spoke's owner says in `spoke.json5` of the state folder; all of it is optional, and read at start.
///
/// Unknown keys and values are refused, so that a mistyped restriction is not silently none. `docs/limits.md` explains each.
/// ```
/// {
///   connections: { handshakes: 512 },              // see `ListenerOptions`
/// }
/// ```
package struct SpokeOptions: Sendable {
    /// The listener for agents and joining machines.
    package var connections = ListenerOptions(members: 12_000, handshakes: 512)

    /// The file's name in the state folder.
    package static let fileName = "spoke.json5"

    package init() {}

    /// Reads the file; without one all is at its default. Throws `SettingsError` with the place that is wrong.
    package static func read(_ path: String) throws -> SpokeOptions {
        try SettingsFile.read(SpokeOptions.self, path) ?? SpokeOptions()
    }
}

extension SpokeOptions: Decodable {
    package init(from decoder: any Decoder) throws {
        let settings = try SettingsObject(decoder, known: ["connections"])
        self.init()
        connections = try connections.reading("connections", of: settings)
    }
}

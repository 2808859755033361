package import Settings
package import Transport

/// What the spoke's owner says in `spoke.json5` of the state folder; all of it is optional, and
/// read at start.
///
/// Unknown keys and values are refused, so that a mistyped restriction is not silently none.
/// `docs/settings.md` has each.
package struct SpokeOptions: Sendable {
    /// The listener for agents and joining machines.
    package var connections = ListenerOptions(members: 12_000, handshakes: 512)

    package init() {}

    /// Reads the file; without one all is at its default. Throws `SettingsError` with the place that is wrong.
    package static func read(_ path: String) throws -> SpokeOptions {
        try SettingsFile.read(SpokeOptions.self, path) ?? SpokeOptions()
    }
}

extension SpokeOptions: SettingsOptions {
    package static let program = "axle-spoke"
    package static let fileName = "spoke.json5"
    package static let settings = SettingsGroup<SpokeOptions>([
        .object(
            "connections", \.connections, ListenerOptions.settings, "The port for agents and for machines that join")
    ])
}

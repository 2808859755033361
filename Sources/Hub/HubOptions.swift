package import Settings
package import Transport

/// What the hub's owner says in `hub.json5` of the state folder; all of it is optional, and read at
/// start.
///
/// Unknown keys and values are refused, so that a mistyped restriction is not silently none.
/// `docs/settings.md` has each, `docs/downloads.md` explains `downloads`, `docs/limits.md` the
/// rest.
package struct HubOptions: Sendable {
    package var downloads = DownloadOptions()
    /// The listener for spokes and joining machines.
    package var connections = ListenerOptions(members: 4096, handshakes: 256)
    package var api = APIOptions()

    package init() {}

    /// Reads the file; without one all is at its default. Throws `SettingsError` with the place that is wrong.
    package static func read(_ path: String) throws -> HubOptions {
        try SettingsFile.read(HubOptions.self, path) ?? HubOptions()
    }

    /// Understands JSON5 text; `name` is what messages call it. Throws `SettingsError`.
    package static func parse(_ bytes: [UInt8], name: String = fileName) throws -> HubOptions {
        try SettingsFile.parse(HubOptions.self, bytes, name: name)
    }
}

extension HubOptions: SettingsOptions {
    package static let program = "axle-hub"
    package static let fileName = "hub.json5"
    package static let settings = SettingsGroup<HubOptions>([
        .object(
            "downloads", \.downloads, DownloadOptions.settings,
            "Downloads of the catalog and its packages; docs/downloads.md explains them"),
        .object(
            "connections", \.connections, ListenerOptions.settings, "The port for spokes and for machines that join"),
        .object("api", \.api, APIOptions.settings, "The port for operators"),
    ])
}

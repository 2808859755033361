internal import Settings
package import Transport

/// What the hub's owner says in `hub.json5` of the state folder; all of it is optional, and read at start.
///
/// Unknown keys and values are refused, so that a mistyped restriction is not silently none. `docs/downloads.md` explains
/// `downloads`, `docs/limits.md` the rest.
/// ```
/// {
///   downloads: {
///     allow: ["10.20.0.0/16"],                     // not public, and still to be connected to
///     authorities: "/etc/axle/mirror-ca.pem",      // absent: those of the system
///     proxy: "http://proxy.example.com:3128",      // "none"; absent: http_proxy, https_proxy, no_proxy
///     noProxy: ["mirror.example.com"],
///     proxyCredentialsFile: "/etc/axle/proxy",     // one line, USER:PASSWORD
///     minimumRate: 1024,                           // bytes a second, over a minute; 0: none
///     deadlineHours: 24,                           // for one attempt at a package
///   },
///   connections: { handshakes: 256 },              // see `ListenerOptions`
///   api: { connections: 256 },                     // see `APIOptions`
/// }
/// ```
package struct HubOptions: Sendable {
    package var downloads = DownloadOptions()
    /// The listener for spokes and joining machines.
    package var connections = ListenerOptions(members: 4096, handshakes: 256)
    package var api = APIOptions()

    /// The file's name in the state folder.
    package static let fileName = "hub.json5"

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

extension HubOptions: Decodable {
    package init(from decoder: any Decoder) throws {
        let settings = try SettingsObject(decoder, known: ["downloads", "connections", "api"])
        self.init()
        downloads = try settings.value("downloads") ?? downloads
        connections = try connections.reading("connections", of: settings)
        api = try settings.value("api") ?? api
    }
}

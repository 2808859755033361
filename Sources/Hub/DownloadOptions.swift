internal import Codec
internal import HTTP
package import Settings
internal import System

/// How the hub downloads the catalog and its packages: `downloads` of `hub.json5`.
package struct DownloadOptions: Sendable {
    /// Ranges that are not public and still may be connected to, as they were written.
    package var allow: [String] = []
    /// PEM file of the authorities that https servers are believed by; nil: those of the system.
    package var authorities: String?
    /// `http://HOST:PORT`, or `none`; nil: as the environment says.
    package var proxy: String?
    package var noProxy: [String] = []
    /// File with the line `USER:PASSWORD` for the proxy.
    package var proxyCredentialsFile: String?
    /// File of users and passwords of the servers themselves, in the form of netrc(5).
    package var credentialsFile: String?
    /// Bytes a second that a download must reach, averaged over a minute; 0: none.
    package var minimumRate: Int64 = 1024
    /// The longest time for one attempt at one package; the next goes on where it ended.
    package var deadlineHours: Int64 = 24

    package init() {}

    /// What the client is told; reads the credentials and looks at the environment.
    ///
    /// - Throws: `SettingsError`, which never shows a credential.
    func settings(_ environment: (String) -> String?) throws -> HTTPClientSettings {
        var settings = HTTPClientSettings()
        settings.addresses = AddressPolicy(allowed: try allow.map(Self.range))
        settings.authorities = authorities.map { .file($0) } ?? .system
        settings.minimumRate =
            minimumRate > 0 ? .init(bytes: minimumRate * 60, span: .seconds(60)) : nil
        settings.proxies = try proxies(environment)
        settings.credentials = try serverCredentials()
        return settings
    }

    /// For one attempt at a package.
    var deadline: Duration { .seconds(deadlineHours * 3600) }

    /// What the options name on this machine and cannot be used.
    func unusable(_ environment: (String) -> String?) -> [SettingsError] {
        var errors: [SettingsError] = []
        func attempt(_ work: () throws(SettingsError) -> Void) {
            do throws(SettingsError) {
                try work()
            } catch {
                errors.append(error)
            }
        }
        attempt { () throws(SettingsError) in _ = try proxies(environment) }
        attempt { () throws(SettingsError) in _ = try serverCredentials() }
        attempt { () throws(SettingsError) in
            guard let authorities else { return }
            do throws(SystemError) {
                _ = try File.read(authorities, limit: 16 << 20)
            } catch {
                throw SettingsError("downloads.authorities", "\(error)")
            }
        }
        return errors
    }

    private func proxies(_ environment: (String) -> String?) throws(SettingsError) -> ProxySettings {
        let credentials = try proxyCredentials()
        do throws(HTTPError) {
            guard let proxy else { return try ProxySettings(environment: environment) }
            guard proxy != "none" else { return .none }
            let endpoint = try ProxySettings.Endpoint(proxy, credentials: credentials)
            return ProxySettings(http: endpoint, https: endpoint, exceptions: ProxyExceptions(noProxy))
        } catch {
            throw SettingsError("downloads.proxy", error.message)
        }
    }

    private func proxyCredentials() throws(SettingsError) -> String? {
        guard let file = proxyCredentialsFile else { return nil }
        let why: String
        do throws(SystemError) {
            guard let reason = try Self.reasonAgainst(secret: file) else {
                let text = String(decoding: try File.read(file, limit: 4096), as: UTF8.self)
                return text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
            }
            why = reason
        } catch {
            why = "it cannot be read: \(error)"
        }
        throw SettingsError("downloads.proxyCredentialsFile", why)
    }

    private func serverCredentials() throws(SettingsError) -> ServerCredentials {
        guard let file = credentialsFile else { return .none }
        let why: String
        do {
            guard let reason = try Self.reasonAgainst(secret: file) else {
                return try ServerCredentials(
                    String(decoding: try File.read(file, limit: ServerCredentials.limit), as: UTF8.self))
            }
            why = reason
        } catch let error as HTTPError {
            why = "\(file): \(error.message)"
        } catch {
            why = "\(error)"
        }
        throw SettingsError("downloads.credentialsFile", why)
    }

    /// Why a file with passwords is not read: it is not there, no file, another user's, or others can read or change it.
    private static func reasonAgainst(secret file: String) throws(SystemError) -> String? {
        guard let status = try File.status(file) else { return "there is no file \(file)" }
        guard status.kind == .file else { return "\(file) is not a file" }
        return try StrictModes.problem(ofSecret: file)?.description
    }

    private static func range(_ text: String) throws -> AddressRange {
        do throws(HTTPError) {
            return try AddressRange(text)
        } catch {
            throw SettingsError("downloads.allow", "\"\(text)\" is \(error.message)")
        }
    }
}

extension DownloadOptions {
    package static let settings = SettingsGroup<DownloadOptions>(
        [
            .list(
                "allow", \.allow, range, 0...256, "Addresses that are not public and still may be connected to",
                example: ["10.20.0.0/16", "fd12:3456::/32"]),
            .text(
                "authorities", \.authorities, .path, "PEM file of the authorities that https servers are believed by",
                absent: "the system's authorities", example: "/etc/axle/mirror-ca.pem"),
            .text(
                "proxy", \.proxy, proxyAddress, "Proxy for http and https; none ignores the environment",
                absent: "as http_proxy, https_proxy and no_proxy say", example: "http://proxy.example.com:3128"),
            .list(
                "noProxy", \.noProxy, exception, 0...256,
                "Names, addresses and ranges that are connected to without the proxy",
                example: ["mirror.example.com", "10.0.0.0/8"]),
            .text(
                "proxyCredentialsFile", \.proxyCredentialsFile, .path,
                "File with the line USER:PASSWORD for the proxy, readable by the hub's user alone", absent: "none",
                example: "/etc/axle/proxy"),
            .text(
                "credentialsFile", \.credentialsFile, .path,
                "File with the users and passwords of servers in the form of netrc(5), readable by the hub's user alone",
                absent: "none", example: "/etc/axle/mirrors"),
            .number(
                "minimumRate", \.minimumRate, 0...1_000_000_000, "bytes a second",
                "Rate that a download must reach, averaged over a minute; 0 is no such limit", example: 4096),
            .number(
                "deadlineHours", \.deadlineHours, 1...720, "hours",
                "The longest time for one attempt at one package; the next goes on where it ended", example: 48),
        ], rules: [proxyRule])

    private static let range = SettingForm.TextRule(
        "an address or a range of addresses such as 10.20.0.0/16", plural: "addresses or ranges of addresses",
        pattern: "^[0-9A-Fa-fxX.:]+(/[0-9]{1,3})?$", maximumLength: 64
    ) { text in
        do throws(HTTPError) {
            _ = try AddressRange(text)
            return nil
        } catch {
            return error.message
        }
    }

    private static let proxyAddress = SettingForm.TextRule(
        "http://HOST:PORT, or none", plural: "proxies", pattern: "^(none|([hH][tT][tT][pP]://)?[^@/\\s]+/?)$",
        maximumLength: 1024, isShown: false
    ) { text in
        guard text != "none" else { return nil }
        guard text.utf8.count <= 1024 else { return "it has more than 1,024 bytes" }
        // Whoever may read the settings need not know the password.
        guard !text.contains("@") else { return "user and password belong into proxyCredentialsFile" }
        do throws(HTTPError) {
            _ = try ProxySettings.Endpoint(text)
            return nil
        } catch {
            return error.message
        }
    }

    private static let exception = SettingForm.TextRule(
        "a name, address or range, with :PORT where only that is meant", plural: "names, addresses and ranges",
        pattern: "^[^\\s/]+(/[0-9]{1,3})?(:[0-9]{1,5})?$", maximumLength: 1024
    ) { text in
        ProxyExceptions.reasonAgainst(text).map { "it \($0)" }
    }

    private static let proxyRule = SettingsGroup<DownloadOptions>.Rule(
        SettingsSchema.object([
            "anyOf": [
                SettingsSchema.object([
                    "required": ["proxy"],
                    "properties": SettingsSchema.object([
                        "proxy": SettingsSchema.object([
                            "type": "string", "not": SettingsSchema.object(["const": "none"]),
                        ])
                    ]),
                ]),
                SettingsSchema.object([
                    "properties": SettingsSchema.object([
                        "noProxy": SettingsSchema.object(["maxItems": 0]),
                        "proxyCredentialsFile": SettingsSchema.object(["type": "null"]),
                    ])
                ]),
            ]
        ])
    ) { options in
        guard options.proxy == nil || options.proxy == "none" else { return nil }
        let why = "goes with proxy, which names none"
        if !options.noProxy.isEmpty { return ("noProxy", why) }
        return options.proxyCredentialsFile == nil ? nil : ("proxyCredentialsFile", why)
    }
}

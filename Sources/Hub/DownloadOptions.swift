internal import HTTP
internal import Settings
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

    private func proxies(_ environment: (String) -> String?) throws -> ProxySettings {
        do throws(HTTPError) {
            guard let proxy else { return try ProxySettings(environment: environment) }
            guard proxy != "none" else { return .none }
            let endpoint = try ProxySettings.Endpoint(proxy, credentials: try credentials())
            return ProxySettings(http: endpoint, https: endpoint, exceptions: ProxyExceptions(noProxy))
        } catch {
            throw SettingsError("downloads.proxy: \(error.message)")
        }
    }

    private func credentials() throws(HTTPError) -> String? {
        guard let file = proxyCredentialsFile else { return nil }
        let why: String?
        do throws(SystemError) {
            why = try Self.reasonAgainst(secret: file)
            if why == nil {
                let text = String(decoding: try File.read(file, limit: 4096), as: UTF8.self)
                return text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
            }
        } catch {
            throw HTTPError(.badURL, "the credentials in \(file) cannot be read: \(error)")
        }
        throw HTTPError(.badURL, "proxyCredentialsFile: \(why ?? file)")
    }

    private func serverCredentials() throws -> ServerCredentials {
        guard let file = credentialsFile else { return .none }
        do {
            if let why = try Self.reasonAgainst(secret: file) {
                throw SettingsError("downloads.credentialsFile: \(why)")
            }
            let text = String(decoding: try File.read(file, limit: ServerCredentials.limit), as: UTF8.self)
            return try ServerCredentials(text)
        } catch let error as HTTPError {
            throw SettingsError("downloads.credentialsFile: \(file): \(error.message)")
        } catch let error as SystemError {
            throw SettingsError("downloads.credentialsFile: \(error)")
        }
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
            throw SettingsError("downloads.allow: \"\(text)\" is \(error.message)")
        }
    }
}

extension DownloadOptions: Decodable {
    private static let names = [
        "allow", "authorities", "proxy", "noProxy", "proxyCredentialsFile", "credentialsFile", "minimumRate",
        "deadlineHours",
    ]

    package init(from decoder: any Decoder) throws {
        let settings = try SettingsObject(decoder, known: Self.names)
        self.init()
        allow = try settings.list("allow", most: 256) ?? allow
        authorities = try settings.path("authorities")
        proxy = try settings.value("proxy")
        noProxy = try settings.list("noProxy", most: 256) ?? noProxy
        proxyCredentialsFile = try settings.path("proxyCredentialsFile")
        credentialsFile = try settings.path("credentialsFile")
        minimumRate = try settings.number("minimumRate", 0...1_000_000_000) ?? minimumRate
        deadlineHours = try settings.number("deadlineHours", 1...720) ?? deadlineHours
        for text in allow {
            do throws(HTTPError) {
                _ = try AddressRange(text)
            } catch {
                throw settings.refusal(of: "allow", "\"\(text)\" is \(error.message)")
            }
        }
        for word in noProxy {
            if let why = ProxyExceptions.reasonAgainst(word) {
                throw settings.refusal(of: "noProxy", "\"\(word)\" \(why)")
            }
        }
        guard let proxy, proxy != "none" else {
            guard noProxy.isEmpty, proxyCredentialsFile == nil else {
                throw settings.refusal("noProxy and proxyCredentialsFile go with proxy")
            }
            return
        }
        // Whoever may read the settings need not know the password.
        guard !proxy.contains("@") else {
            throw settings.refusal(of: "proxy", "user and password belong into proxyCredentialsFile")
        }
        do throws(HTTPError) {
            _ = try ProxySettings.Endpoint(proxy)
        } catch {
            throw settings.refusal(of: "proxy", error.message)
        }
    }
}

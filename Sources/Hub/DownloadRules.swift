internal import HTTP
internal import System

/// The download options, looked up and checked once at the hub's start.
struct DownloadRules: Sendable {
    /// For metadata; its deadline is that of one file.
    let settings: HTTPClientSettings
    /// For one attempt at a package.
    let packageDeadline: Duration

    init(_ options: DownloadOptions, _ environment: (String) -> String?) throws {
        settings = try options.settings(environment)
        packageDeadline = options.deadline
    }

    /// Refuses a URL that names a forbidden address in numbers; a name is judged when it is connected to.
    func check(_ url: String) throws(HTTPError) {
        let url = try URLReference(url)
        guard settings.addresses.permits(named: url.host) else {
            throw Self.explained(HTTPError(.forbidden, "\(url.authority): the address is not permitted"))
        }
    }

    /// Says what to do about an address that is not permitted.
    static func explained(_ error: HTTPError) -> HTTPError {
        guard error.code == .forbidden else { return error }
        return HTTPError(
            .forbidden,
            "\(error.message), since it is not a public one; if it is your own mirror, list it in downloads.allow of the "
                + "hub's \(HubOptions.fileName) and restart the hub")
    }
}

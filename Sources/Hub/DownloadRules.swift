internal import HTTP
internal import System

/// The download options, looked up and checked once at the hub's start.
struct DownloadRules: Sendable {
    /// For metadata; its deadline is that of one file.
    let settings: HTTPClientSettings
    /// For one attempt at a package.
    let packageDeadline: Duration
    /// Where the servers' users and passwords are; nil if the hub was told of none.
    private let credentialsFile: String?

    init(_ options: DownloadOptions, _ environment: (String) -> String?) throws {
        settings = try options.settings(environment)
        packageDeadline = options.deadline
        credentialsFile = options.credentialsFile
    }

    /// Refuses a URL that names a forbidden address in numbers; a name is judged when it is connected to.
    func check(_ url: String) throws(HTTPError) {
        let url = try URLReference(url)
        guard settings.addresses.permits(named: url.host) else {
            throw Self.explained(HTTPError(.forbidden, "\(url.authority): the address is not permitted"))
        }
    }

    /// What a refusal for want of the right user (401, 403) means and what to do about it, as an end of a sentence; empty
    /// for other statuses and where nothing is known.
    func advice(_ status: Int, at url: URLReference) -> String {
        guard status == 401 || status == 403 else { return "" }
        let wants = status == 401 ? ": it wants a user and password, " : ": "
        switch (credentialsFile, settings.credentials.isKnown(url)) {
        case (_, let isKnown) where url.scheme == .http:
            return status == 401 || isKnown
                ? "\(wants)which are never sent over http; use the server's https address"
                    .replacing(": which", with: ": users and passwords") : ""
        case (let file?, true): return ": it refuses the user and password that \(file) has for it"
        case (let file?, false): return status == 401 ? "\(wants)and \(file) has none for this address" : ""
        case (nil, _):
            return status == 401
                ? "\(wants)which are read from a file that downloads.credentialsFile of the hub's \(HubOptions.fileName) names"
                : ""
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

package import HTTP
internal import System

/// The download options, looked up and checked once at the hub's start.
package struct DownloadRules: Sendable {
    /// For metadata; its deadline is that of one file.
    let settings: HTTPClientSettings
    /// For one attempt at a package.
    let packageDeadline: Duration
    /// Where the servers' users and passwords are; nil if the hub was told of none.
    private let credentialsFile: String?

    package init(_ options: DownloadOptions, _ environment: (String) -> String?) throws {
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

    /// What a refusal (401, 403) means and what to do about it, as an end of a sentence; empty for
    /// other statuses. A 403 may have another reason, so that it is told with an if.
    package func advice(_ status: Int, at url: URLReference) -> String {
        guard status == 401 || status == 403 else { return "" }
        let wants = status == 401 ? ": it wants a user and password; " : "; if it wants a user and password, "
        guard url.scheme == .https else {
            return wants + "use the server's https address, since they are never sent over http"
        }
        guard let file = credentialsFile else {
            return wants
                + "write them to a file, name it as downloads.credentialsFile in the hub's \(HubOptions.fileName), "
                + "and restart the hub"
        }
        guard settings.credentials.isKnown(url) else {
            return wants
                + "add them to \(file) (downloads.credentialsFile), which has none for this address, and restart "
                + "the hub"
        }
        return ": it refuses the user and password that \(file) (downloads.credentialsFile) has for it"
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

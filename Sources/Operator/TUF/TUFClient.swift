internal import Codec
internal import HTTP
internal import Identity
internal import Model
internal import Trust

/// One run of a client against a TUF repository over http or https: a refresh, then any number of targets out of what it trusts.
///
/// Blocks; for one thread. Its user may name any address; a redirect leads to public ones only, or
/// back to where it came from.
final class TUFClient {
    private let folder: MetadataFolder
    private let repository: URLReference
    private let now: UnixTime
    private let http: HTTPClient
    /// What the run trusts so far; each further target goes on from there.
    private var trusted: TrustedMetadata?

    /// `now` is the run's one start time (TUF 5.1).
    init(_ folder: MetadataFolder, at repository: URLReference, now: UnixTime) {
        self.folder = folder
        self.repository = repository
        self.now = now
        http = HTTPClient(Self.settings)
    }

    private static var settings: HTTPClientSettings {
        var settings = HTTPClientSettings()
        settings.redirects = AddressPolicy()
        return settings
    }

    /// Brings the top-level roles up to date. Throws `MetadataError` or `SystemError`; what was persisted before is good.
    func refresh() throws { _ = try run(.refresh) }

    /// Looks a target up, its delegated roles included, and downloads it unless the folder has it already.
    ///
    /// Throws `MetadataError` when the metadata or the file is not what was signed, `OperatorError` when nobody names the target.
    func download(_ name: String, from base: URLReference, into targets: TargetFolder) throws {
        let outcome = try run(.target(JSONText(name)))
        guard let file = outcome.target?.file else {
            throw OperatorError("no role that may speak for \(JSONText(name).quoted) names it")
        }
        guard try !targets.holds(file) else { return }
        let path = file.remoteURLPath(consistentSnapshot: outcome.trusted.root.consistentSnapshot)
        let address = try base.appending(path)
        var settings = Self.settings
        // A large file may take its time; the minimum rate still holds.
        settings.deadline = nil
        let client = HTTPClient(settings)
        try targets.store(file) { write in
            let download = HTTPDownload(address, limit: file.length, length: file.length)
            let end = try client.download(download, begin: { _ in }, write: write)
            if case .status(let status, _) = end {
                throw OperatorError("\(address.host) answered \(status) for \(path)")
            }
        }
    }

    private func run(_ goal: RefreshWorkflow.Goal) throws -> RefreshOutcome {
        let workflow: RefreshWorkflow
        if let trusted, case .target(let path) = goal {
            workflow = RefreshWorkflow(finding: path, in: trusted)
        } else {
            workflow = RefreshWorkflow(
                goal, bootstrapRoot: nil, startTime: now, verifier: OpenSSLVerifier(), digester: OpenSSLDigester())
        }
        let outcome = try folder.run(workflow) { fetch($0, $1) }
        trusted = outcome.trusted
        return outcome
    }

    private func fetch(_ name: String, _ limit: Int) -> RefreshAnswer {
        do {
            let address = try repository.appending(name)
            let response = try http.send(.init(.get, address), limit: limit)
            switch response.status {
            case 200: return .bytes(response.body)
            // Storage that lists nothing to strangers answers 403 for the root that is not there yet.
            case 403 where name.hasSuffix(".root.json"), 404, 410: return .notFound
            default: return .failed("\(http.lastURL ?? address) answered \(response.status)")
            }
        } catch let error as HTTPError {
            switch error.code {
            case .tooLarge: return .tooLarge
            case .timedOut, .tooSlow: return .tooSlow
            default: return .failed(error.description)
            }
        } catch {
            return .failed("\(error)")
        }
    }
}

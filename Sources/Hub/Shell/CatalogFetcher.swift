internal import HTTP
internal import Model
internal import System
internal import Trust

/// One client for the files of a refresh, so that they share a connection; used on one queue.
final class CatalogFetcher: @unchecked Sendable {
    private let client: HTTPClient
    /// How long the server asked to be left alone when it last refused for being busy.
    private(set) var retryAfter: Duration?

    init(_ settings: HTTPClientSettings) {
        client = HTTPClient(settings)
    }

    func fetch(_ base: URLReference, _ name: String, _ limit: Int) -> RefreshAnswer {
        do {
            let response = try client.send(.init(.get, try base.appending("metadata/" + name)), limit: limit)
            switch response.status {
            case 200: return .bytes(response.body)
            case 403, 404, 410: return .notFound
            default:
                let now = SystemClock.nowMilliseconds / 1000
                retryAfter = response.headers.retryAfterSeconds(now: now).map { .seconds($0) }
                return .failed("\(base.host) answered \(response.status) for \(name)")
            }
        } catch let error as HTTPError {
            switch error.code {
            case .tooLarge: return .tooLarge
            case .timedOut, .tooSlow: return .tooSlow
            default: return .failed(DownloadRules.explained(error).description)
            }
        } catch {
            return .failed("\(error)")
        }
    }
}

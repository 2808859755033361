internal import Content
internal import HTTP
internal import Model
internal import System
internal import Trust

/// One client for the files of a refresh, so that they share a connection; used on one queue.
final class CatalogFetcher: @unchecked Sendable {
    private let client: HTTPClient
    private let unpacking: PackedAnswers?
    /// How long the server asked to be left alone when it last refused for being busy.
    private(set) var retryAfter: Duration?

    /// What came last and from where, for errors that are found only when it is read.
    private(set) var lastAnswer = ""

    private let rules: DownloadRules

    init(_ rules: DownloadRules, unpacking: PackedAnswers?) {
        client = HTTPClient(rules.settings)
        self.rules = rules
        self.unpacking = unpacking
    }

    func fetch(_ base: URLReference, _ name: String, _ limit: Int) -> RefreshAnswer {
        do {
            let address = try base.appending("metadata/" + name)
            let response = try client.send(.init(.get, address), limit: limit)
            switch response.status {
            case 200:
                let type = response.headers["Content-Type"].map { Event.singleLine($0, limit: 80) } ?? "no type"
                lastAnswer = "\(address) answered with \(type)"
                return answer(response.body, limit)
            // Storage that lists nothing to strangers answers so for the root that is not there yet.
            case 403 where name.hasSuffix(".root.json"), 404, 410:
                lastAnswer = "\(client.lastURL ?? address) answered \(response.status)"
                return .notFound
            case 401, 403:
                let place = client.lastURL ?? address
                return .failed(
                    "\(place) answered \(response.status)\(rules.advice(response.status, at: place))")
            default:
                let now = SystemClock.nowMilliseconds / 1000
                retryAfter = response.headers.retryAfterSeconds(now: now).map { .seconds($0) }
                return .failed("\(client.lastURL ?? address) answered \(response.status)")
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

    /// Metadata is JSON: what begins otherwise may be packed, or is a page, which the workflow refuses.
    private func answer(_ body: [UInt8], _ limit: Int) -> RefreshAnswer {
        do {
            if let content = try unpacking?.content(of: body, limit: limit) { return .bytes(content) }
        } catch let error as ContentError where error.code == .tooLarge {
            return .tooLarge
        } catch {
            return .failed("\(lastAnswer), which cannot be unpacked: \(error)")
        }
        if Self.isPage(body) {
            lastAnswer += ", which is a page and no metadata: look at the address with a browser from this machine"
        }
        return .bytes(body)
    }

    /// Whether a body is HTML or XML: of a portal, a proxy, a login or an error.
    private static func isPage(_ body: [UInt8]) -> Bool {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = body.drop { mark.contains($0) || $0 == 0x20 || (0x09...0x0D).contains($0) }
        return text.first == UInt8(ascii: "<")
    }
}

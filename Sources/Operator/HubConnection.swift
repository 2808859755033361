import API
import HTTP
import Model
import System

/// Asks the hub's API over HTTPS with the admin token, blocking.
///
/// The token comes from a file only, is never written anywhere, and goes to https only.
final class HubConnection {
    /// Bytes of an answer at the most.
    private static let answerLimit = 64 << 20

    private let base: URLReference
    private let token: String
    private let client: HTTPClient
    /// Seconds for which a hub that cannot be reached is tried again.
    private let patience: Int
    private let context: OperatorContext

    /// Takes `--api`, `--token-file` and `--ca`, or the variables that stand for them.
    init(_ invocation: CommandInvocation, _ context: OperatorContext) throws {
        self.context = context
        guard let patience = Wording.seconds(invocation.value("wait") ?? "0") else {
            throw UsageError("--wait is a time such as 30s or 5m, not '\(invocation.value("wait") ?? "")'")
        }
        self.patience = patience
        base = try Self.base(invocation.value("api") ?? "localhost:8443")
        guard let file = invocation.value("token-file") else {
            throw UsageError(
                "--token-file FILE is required (or the environment variable AXLE_TOKEN_FILE); "
                    + "axle-hub init writes admin.token into its state folder")
        }
        token = try Self.token(file)
        var settings = HTTPClientSettings()
        settings.userAgent = "axle/\(OperatorProgram.version)"
        settings.maximumRedirects = 0
        settings.readTimeout = .seconds(90)
        settings.connectTimeout = .seconds(30)
        if let authority = invocation.value("ca") {
            guard File.exists(authority) else {
                throw OperatorError(
                    "there is no certificate authority at \(authority)",
                    next: "Copy ca.pem from the hub's state folder and name it with --ca or AXLE_CA.")
            }
            settings.authorities = .file(authority)
        }
        client = HTTPClient(settings)
    }

    /// The port of the API where none is given.
    private static let port: UInt16 = 8443

    /// `HOST:PORT`, or the same with `https://` before it; without a port it is 8443.
    private static func base(_ text: String) throws -> URLReference {
        guard !text.hasPrefix("http://") else {
            throw OperatorError("the API is reached by https only, since the token must not be read on the way")
        }
        do {
            let isBare = !text.contains("://")
            let url = try URLReference(isBare ? "https://" + text : text)
            // A bare host means a hub, whose port is not that of the web; a whole URL means what it says.
            guard isBare, url.authority == url.host || url.authority == "[\(url.host)]" else { return url }
            return try URLReference("https://\(url.authority):\(port)" + url.target)
        } catch {
            throw OperatorError(
                "'\(text)' is no address of a hub", next: "Give --api HOST:PORT, for example hub.example:8443.")
        }
    }

    private static func token(_ file: String) throws -> String {
        let bytes: [UInt8]
        do {
            bytes = try File.read(file, limit: 4096)
        } catch {
            throw OperatorError(
                "the token file cannot be read: \(error)",
                next: "Name the hub's admin.token with --token-file or AXLE_TOKEN_FILE.")
        }
        let token = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard token.count == 1, let word = token.first, word.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw OperatorError("\(file) does not hold a token, which is one line of text")
        }
        return String(word)
    }

    // MARK: Verbs

    /// A resource.
    func get<Value: Decodable>(
        _ path: [String], query: [(String, String)] = [], as type: Value.Type = Value.self
    ) throws -> Value {
        try decode(type, try send(.get, path, query: query))
    }

    /// All items of a list, page by page; at most 1,000 pages.
    func list<Item: Codable & Sendable>(
        _ path: [String], query: [(String, String)] = [], of type: Item.Type = Item.self
    ) throws -> [Item] {
        var items: [Item] = []
        var after: String?
        for _ in 0..<1000 {
            let page: ListPage<Item> = try get(path, query: query + (after.map { [("after", $0)] } ?? []))
            items += page.items
            guard let next = page.next, next != after else { break }
            after = next
        }
        return items
    }

    /// A change; the answer's body is decoded.
    func send<Value: Decodable>(
        _ method: HTTPMethod, _ path: [String], query: [(String, String)] = [], _ body: some Encodable,
        as type: Value.Type = Value.self
    ) throws -> Value {
        try decode(type, try send(method, path, query: query, body: try JSONCoding.encode(body)))
    }

    /// A change without a body of its own; what the answer holds does not matter.
    func act(_ method: HTTPMethod, _ path: [String]) throws {
        _ = try send(method, path, body: method == .delete ? nil : Array("{}".utf8))
    }

    /// A piece of content from an offset on and the length of the whole; nil when there is none such.
    func content(_ path: [String], from offset: UInt64) throws -> (bytes: [UInt8], length: UInt64)? {
        let last = offset + UInt64(ContentPiece.limit) - 1
        let response: HTTPResponse
        do {
            response = try send(.get, path, range: "bytes=\(offset)-\(last)")
        } catch let problem as Problem {
            if problem.code == .notFound { return nil }
            throw problem
        }
        let whole = response.headers["Content-Range"]?.split(separator: "/").last.flatMap { UInt64($0) }
        guard let length = whole ?? (response.status == 200 ? UInt64(response.body.count) : nil) else {
            throw OperatorError("the hub's answer has no length")
        }
        return (response.body, length)
    }

    /// Sends a piece of content; what the hub says to it.
    func put<Value: Decodable>(
        _ path: [String], at offset: UInt64, _ bytes: [UInt8], as type: Value.Type = Value.self
    ) throws -> Value {
        try decode(
            type,
            try send(
                .put, path, query: [("offset", "\(offset)")], body: bytes, contentType: "application/octet-stream"))
    }

    private func send(
        _ method: HTTPMethod, _ path: [String], query: [(String, String)] = [], body: [UInt8]? = nil,
        contentType: String = "application/json", range: String? = nil
    ) throws -> HTTPResponse {
        var target = "v1/" + path.map { PercentEncoding.encode($0) }.joined(separator: "/")
        if !query.isEmpty { target += "?" + QueryParameters.encode(query) }
        var headers: HTTPHeaders = ["Authorization": "Bearer \(token)", "Accept": "application/json"]
        if body != nil { headers.append("Content-Type", contentType) }
        if let range { headers.append("Range", range) }
        let request = HTTPClient.Request(method, try base.appending(target), headers: headers, body: body ?? [])
        let response = try reach(request)
        guard (200...299).contains(response.status) else { throw problem(response) }
        return response
    }

    /// Sends a request; while nothing listens there, again until the patience of `--wait` is at its end.
    private func reach(_ request: HTTPClient.Request) throws -> HTTPResponse {
        var left = patience
        while true {
            do {
                return try client.send(request, limit: Self.answerLimit)
            } catch let error as HTTPError {
                // Nothing has reached the hub, so that asking again does nothing twice.
                guard left > 0, error.code == .unreachable || error.code == .unresolved else { throw explain(error) }
                if left == patience {
                    context.streams.message("waiting for the hub at \(TextTable.printable(base.authority)) …")
                }
                left -= 1
                context.pause(.seconds(1))
            }
        }
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ response: HTTPResponse) throws -> Value {
        do {
            return try JSONCoding.decode(type, from: response.body)
        } catch {
            throw OperatorError(
                "the hub's answer is not understood: \(error)",
                next: "Update axle to the release of the hub; one release of difference is supported.")
        }
    }

    private func problem(_ response: HTTPResponse) -> any Error {
        // Whatever answers without a problem document is no hub; its status is all there is to say.
        if let problem = try? JSONCoding.decode(Problem.self, from: response.body) { return problem }
        let reason = HTTPStatus.reason(response.status)
        return OperatorError(
            "\(base.authority) answers \(response.status)\(reason.isEmpty ? "" : " " + reason)",
            next: response.status == 401 ? "Give the admin token, with --token-file or AXLE_TOKEN_FILE." : "")
    }

    private func explain(_ error: HTTPError) -> OperatorError {
        let next =
            switch error.code {
            case .unresolved, .unreachable, .forbidden:
                "Is axle-hub running there? Check --api HOST:PORT or AXLE_API."
            case .tls: "Name the fleet's authority (ca.pem of the hub's state folder) with --ca or AXLE_CA."
            case .wrongName:
                "Add the name at the hub: axle-hub names add \(base.host) --state DIR. 'axle-hub names list' shows those that "
                    + "its certificate has."
            case .timedOut, .tooSlow, .truncated, .broken: "Try again; nothing is lost by repeating a command."
            default: "Is \(base.authority) a hub's API? Its port is 8443 unless it was set."
            }
        return OperatorError("the hub cannot be asked: \(error)", next: next)
    }
}

import System
import TLS

/// Speaks HTTP/1.1 to servers, plain and over TLS 1.3, and blocks while it does: for a named queue or a program's main
/// thread, never for the cooperative pool. Not safe for two threads at once.
///
/// One connection is kept and used again while requests go to the same origin. Bodies stream to the caller's sink in
/// pieces of at most 256 KiB; nothing else of a body is held. Redirects are followed for GET and HEAD, at most three,
/// only to http and https and never from https to http; credentials do not go along to another origin.
package final class HTTPClient {
    /// What to send.
    package struct Request: Sendable {
        package var method: HTTPMethod
        package var url: URLReference
        package var headers: HTTPHeaders
        package var body: [UInt8]

        package init(
            _ method: HTTPMethod = .get, _ url: URLReference, headers: HTTPHeaders = [:], body: [UInt8] = []
        ) {
            self.method = method
            self.url = url
            self.headers = headers
            self.body = body
        }
    }

    private let settings: HTTPClientSettings
    private var context: TLSContext?
    private var idle: ClientConnection?
    /// Whom the last request went to, after redirects.
    package private(set) var lastURL: URLReference?

    package init(_ settings: HTTPClientSettings = HTTPClientSettings()) {
        self.settings = settings
    }

    /// Sends a request and takes its whole response into memory.
    ///
    /// - Parameters:
    ///   - limit: bytes of the body; a longer one throws `tooLarge`, before it is read where the header says so. Of an
    ///     error page (no 2xx) only so much is kept, so that its length never hides its status.
    package func send(_ request: Request, limit: Int) throws -> HTTPResponse {
        var body: [UInt8] = []
        var isPage = false
        let most = Int64(limit)
        let head = try send(
            request, limit: max(most, Self.pageLimit),
            onHead: { head in
                isPage = !(200...299).contains(head.status)
                let announced = head.headers["Content-Length"].flatMap { HTTPSyntax.decimal($0.utf8) } ?? 0
                guard !isPage else { return announced <= Self.pageLimit }
                guard announced <= most || request.method == .head else { throw Self.tooLarge(request, most) }
                return true
            },
            onBody: { bytes in
                let room = limit - body.count
                guard isPage || bytes.count <= room else { throw Self.tooLarge(request, most) }
                body += bytes.prefix(max(0, room))
            })
        return HTTPResponse(status: head.status, headers: head.headers, body: body)
    }

    /// Bytes of an error page that are read at the most.
    private static let pageLimit: Int64 = 1 << 20

    private static func tooLarge(_ request: Request, _ limit: Int64) -> HTTPError {
        HTTPError(.tooLarge, "\(request.url.host) sends more than the \(limit) bytes allowed")
    }

    /// Sends a request and streams its response.
    ///
    /// - Parameters:
    ///   - limit: bytes of the body.
    ///   - onHead: called once with the head of the final response, before any byte of its body; false leaves the body
    ///     unread, and then no limit is applied to it.
    ///   - onBody: called with each piece, which is valid during the call only.
    /// - Throws: `HTTPError`, or whatever the callbacks throw.
    @discardableResult
    package func send(
        _ request: Request, limit: Int64, onHead: (HTTPResponseHead) throws -> Bool,
        onBody: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> HTTPResponseHead {
        let pace = Pace(settings)
        let named = request.url
        var request = request
        var visited: Set<URLReference> = [request.url]
        while true {
            let head = try exchange(
                request, limit: limit, pace, isRedirected: !request.url.isSameServer(as: named),
                onHead: { try !Self.isRedirect($0, request) && onHead($0) }, onBody: onBody
            )
            guard Self.isRedirect(head, request), let location = head.headers.byteValues("Location").first else {
                return head
            }
            guard head.headers.byteValues("Location").allSatisfy({ $0 == location }) else {
                throw HTTPError(.redirect, "\(request.url.host) redirects to two addresses at once")
            }
            guard visited.count <= settings.maximumRedirects else {
                throw HTTPError(.redirect, "more than \(settings.maximumRedirects) redirects from \(request.url.host)")
            }
            let next = try Self.target(of: location, from: request.url)
            guard request.url.scheme == .http || next.scheme == URLReference.Scheme.https else {
                throw HTTPError(.redirect, "\(request.url.host) redirects from https to http")
            }
            guard visited.insert(next).inserted else {
                throw HTTPError(.redirect, "\(request.url.host) redirects in a loop")
            }
            if !next.isSameServer(as: request.url) || next.scheme != request.url.scheme {
                request.headers.remove("Authorization")
            }
            request.url = next
        }
    }

    /// Where a redirect leads; an address that cannot be used is the server's doing, not that of who asked.
    private static func target(of location: [UInt8], from url: URLReference) throws(HTTPError) -> URLReference {
        do throws(HTTPError) {
            return try url.resolving(location)
        } catch {
            throw HTTPError(.redirect, "\(url.host) redirects to an address that cannot be followed: \(error.message)")
        }
    }

    private static func isRedirect(_ head: HTTPResponseHead, _ request: Request) -> Bool {
        [301, 302, 303, 307, 308].contains(head.status) && head.headers.contains("Location")
            && (request.method == .get || request.method == .head)
    }

    // MARK: One exchange

    /// One request and its response.
    private func exchange(
        _ request: Request, limit: Int64, _ pace: Pace, isRedirected: Bool, onHead: (HTTPResponseHead) throws -> Bool,
        onBody: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> HTTPResponseHead {
        lastURL = request.url
        let origin = ClientConnection.Origin(request.url, proxy: settings.proxies.proxy(for: request.url))
        // A connection that a user's own URL made is no way around the rules for redirects.
        if let connection = takeIdle(for: origin), !isRedirected || connection.isForRedirects {
            do {
                return try exchange(request, on: connection, limit, pace, onHead, onBody)
            } catch let error as StaleConnection {
                // The server closed it while the request was on its way and nothing came back. What changes nothing is
                // sent again; anything else may have been done.
                guard request.method == .get || request.method == .head else { throw error.cause }
            }
        }
        let connection = try connect(to: request.url, through: origin.proxy, isRedirected: isRedirected, pace)
        do {
            return try exchange(request, on: connection, limit, pace, onHead, onBody)
        } catch let error as StaleConnection {
            throw error.cause
        }
    }

    private func connect(
        to url: URLReference, through proxy: ProxySettings.Endpoint?, isRedirected: Bool, _ pace: Pace
    ) throws(HTTPError) -> ClientConnection {
        if url.scheme == .https, context == nil { context = try makeContext() }
        do throws(HTTPError) {
            return try ClientConnection(
                to: url, through: proxy, context: context, pace.patience(settings.connectTimeout),
                policies: isRedirected ? [settings.addresses, settings.redirects] : [settings.addresses],
                isForRedirects: isRedirected)
        } catch {
            guard isRedirected, error.code == .forbidden else { throw error }
            throw HTTPError(.forbidden, "a redirect is not followed: \(error.message)")
        }
    }

    /// A cut before any byte of an answer, told apart from every other failure.
    private func stale(_ error: HTTPError) -> any Error {
        error.code == .broken || error.code == .truncated ? StaleConnection(cause: error) : error
    }

    /// Reads the next bytes; 0 at the end of an answer that has begun.
    private func readAnswer(
        _ connection: ClientConnection, into buffer: inout [UInt8], _ pace: Pace
    ) throws -> Int {
        let count: Int
        do {
            count = try read(connection, into: &buffer, pace)
        } catch {
            throw pace.received == 0 ? stale(error) : error
        }
        guard count > 0 || pace.received > 0 else {
            throw stale(HTTPError(.truncated, "\(connection.peer) closed without an answer"))
        }
        return count
    }

    /// The connection failed before the first byte of a response.
    private struct StaleConnection: Error {
        let cause: HTTPError
    }

    private func exchange(
        _ request: Request, on connection: ClientConnection, _ limit: Int64, _ pace: Pace,
        _ onHead: (HTTPResponseHead) throws -> Bool, _ onBody: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> HTTPResponseHead {
        var headers = request.headers
        if !headers.contains("User-Agent") { headers.append("User-Agent", settings.userAgent) }
        if !headers.contains("Accept-Encoding") { headers.append("Accept-Encoding", "identity") }
        // Never in clear: whoever listens could use them.
        if request.url.scheme == .https, !headers.contains("Authorization"),
            let secret = settings.credentials.authorization(for: request.url)
        {
            headers.append("Authorization", secret)
        }
        // A URL's scheme may be written in capitals, its authority and target are sent as they are.
        let path = request.url.target
        let target = connection.wantsAbsoluteForm ? "http://\(request.url.authority)\(path)" : path
        if connection.wantsAbsoluteForm, let secret = connection.origin.proxy?.authorization {
            headers.set("Proxy-Authorization", secret)
        }
        let head = HTTPRequestHead(method: request.method, target: target, headers: headers)
        let bytes = try HTTPSerializer.request(head, host: request.url.authority, body: request.body)
        do {
            try connection.write(bytes, pace.patience(settings.readTimeout))
        } catch {
            throw stale(error)
        }
        var parser = HTTPResponseParser(to: request.method, limits: .client)
        var response: HTTPResponseHead?
        var bodyBytes: Int64 = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        pace.begin()
        while true {
            let count = try readAnswer(connection, into: &buffer, pace)
            if count == 0 {
                try parser.finish()
                guard let response else { throw HTTPError(.truncated, "the connection ended before the response did") }
                return response
            }
            try pace.count(count)
            var position = 0
            while let event = try next(&parser, buffer.span.extracting(first: count), &position, connection) {
                switch event {
                case .head(let head):
                    if let proxy = connection.origin.proxy, Self.isProxys(head, connection) {
                        throw HTTPError.refused(by: proxy, head.status, request.url.authority)
                    }
                    response = head
                    guard try onHead(head) else { return head }
                    try check(parser.announcedLength ?? 0, limit, request)
                case .body(let range):
                    bodyBytes += Int64(range.count)
                    try check(bodyBytes, limit, request)
                    try buffer.withUnsafeBytes { try onBody(UnsafeRawBufferPointer(rebasing: $0[range])) }
                case .end:
                    guard let response else { break }
                    if response.keepsAlive, parser.isDelimited, position == count { idle = connection }
                    return response
                }
            }
        }
    }

    /// Whether an answer is the proxy's own: it asks for its password, says that it got no answer (502, 504), or names its
    /// error by `Proxy-Status` (RFC 9209) or as Squid does. What comes through a tunnel is the server's.
    private static func isProxys(_ head: HTTPResponseHead, _ connection: ClientConnection) -> Bool {
        guard connection.wantsAbsoluteForm, head.status >= 400 else { return head.status == 407 }
        return [407, 502, 504].contains(head.status) || head.headers.contains("X-Squid-Error")
            || head.headers.values("Proxy-Status").contains { $0.contains("error=") }
    }

    /// The next event of an answer; what the parser refuses is said by the server, or the proxy in front of it.
    private func next(
        _ parser: inout HTTPResponseParser, _ bytes: borrowing Span<UInt8>, _ position: inout Int,
        _ connection: ClientConnection
    ) throws(HTTPError) -> HTTPResponseParser.Event? {
        do throws(HTTPError) {
            return try parser.next(bytes, at: &position)
        } catch {
            throw HTTPError(error.code, "\(connection.peer) sends what cannot be taken: \(error.message)")
        }
    }

    private func check(_ bytes: Int64, _ limit: Int64, _ request: Request) throws(HTTPError) {
        guard bytes > limit, request.method != .head else { return }
        throw HTTPError(.tooLarge, "\(request.url.host) sends more than the \(limit) bytes allowed")
    }

    private func read(
        _ connection: ClientConnection, into buffer: inout [UInt8], _ pace: Pace
    ) throws(HTTPError) -> Int {
        var count = 0
        var failure: HTTPError?
        buffer.withUnsafeMutableBytes { target in
            do throws(HTTPError) {
                count = try connection.read(into: target, pace.readPatience())
            } catch {
                failure = error
            }
        }
        if let failure { throw pace.explain(failure) }
        return count
    }

    private func takeIdle(for origin: ClientConnection.Origin) -> ClientConnection? {
        defer { idle = nil }
        guard let idle, idle.origin == origin, !idle.isStale else { return nil }
        return idle
    }

    private func makeContext() throws(HTTPError) -> TLSContext {
        do throws(TLSError) {
            let store: TrustStore
            switch settings.authorities {
            case .system: store = try TrustStore.system()
            case .file(let path): store = try TrustStore(file: path)
            case .store(let given): store = given
            }
            return try TLSContext.client(protocols: ["http/1.1"], server: .anchors(store), requiresProtocol: false)
        } catch {
            throw HTTPError(.tls, "the certificate authorities cannot be used: \(error)")
        }
    }
}

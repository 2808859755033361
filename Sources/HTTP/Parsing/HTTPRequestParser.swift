/// Reads HTTP/1.1 requests, one after the other, from pieces of any size; no IO and no copy of a body.
///
/// Only the origin form of a target is taken. A caller that gets an error must answer it and close the connection: what
/// follows on it cannot be told apart any more.
package struct HTTPRequestParser: Sendable {
    package enum Event: Equatable {
        case head(HTTPRequestHead)
        /// These places of the given bytes are body.
        case body(Range<Int>)
        /// The request is whole; the bytes from the position on belong to the next one.
        case end
    }

    private let limits: HTTPLimits
    private var head: HeadReader
    private var body: BodyReader?

    package init(limits: HTTPLimits = .server) {
        self.limits = limits
        head = HeadReader(limits: limits)
    }

    /// Whether the parser stands between two requests, so that a connection may end here.
    package var isBetweenRequests: Bool {
        body == nil && head.isFresh
    }

    /// The next event in `bytes` from `position` on, which moves past what was read; nil when more bytes are needed.
    package mutating func next(
        _ bytes: borrowing Span<UInt8>, at position: inout Int
    ) throws(HTTPError) -> Event? {
        if var reader = body {
            let step = try reader.read(bytes, at: &position)
            body = reader
            switch step {
            case .bytes(let range): return .body(range)
            case .end:
                body = nil
                head = HeadReader(limits: limits)
                return .end
            case nil: return nil
            }
        }
        guard let (line, headers) = try head.read(bytes, at: &position) else { return nil }
        let request = try Self.request(line, headers)
        let framing = try BodyReader.Framing.announced(headers, minorVersion: request.minorVersion) ?? .none
        body = try BodyReader(framing, limits: limits)
        return .head(request)
    }

    /// `METHOD SP target SP HTTP/1.x` (RFC 9112 §3).
    private static func request(_ line: [UInt8], _ headers: HTTPHeaders) throws(HTTPError) -> HTTPRequestHead {
        let parts = line.split(separator: HTTPSyntax.space, omittingEmptySubsequences: false)
        guard parts.count == 3, let method = HTTPMethod(String(decoding: parts[0], as: UTF8.self)) else {
            throw HTTPError(.malformed, "a request line that is none")
        }
        guard parts[1].first == 0x2F, parts[1].allSatisfy(HTTPSyntax.isTarget), !parts[1].contains(0x23) else {
            throw HTTPError(.malformed, "a request target that is no path")
        }
        let minor: Int
        switch String(decoding: parts[2], as: UTF8.self) {
        case "HTTP/1.1": minor = 1
        case "HTTP/1.0": minor = 0
        default: throw HTTPError(.unsupported, "a version other than HTTP/1.1")
        }
        let hosts = headers.values("Host")
        guard hosts.count == 1 || (hosts.isEmpty && minor == 0) else {
            throw HTTPError(.malformed, "not exactly one Host")
        }
        return HTTPRequestHead(
            method: method, target: String(decoding: parts[1], as: UTF8.self), minorVersion: minor, headers: headers)
    }
}

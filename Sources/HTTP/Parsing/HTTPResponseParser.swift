/// Reads the response to one request from pieces of any size; no IO and no copy of the body.
///
/// Interim responses (1xx) are skipped, at most eight of them.
package struct HTTPResponseParser: Sendable {
    package enum Event: Equatable {
        case head(HTTPResponseHead)
        /// These places of the given bytes are body.
        case body(Range<Int>)
        case end
    }

    private let limits: HTTPLimits
    private let method: HTTPMethod
    private var head: HeadReader
    private var body: BodyReader?
    private var interims = 0
    /// The length that the header announced, when it did.
    package private(set) var announcedLength: Int64?
    /// Whether the end of the body can be told from the connection's end.
    package private(set) var isDelimited = true

    /// - Parameters:
    ///   - method: of the request, since a response to HEAD has no body whatever it says.
    package init(to method: HTTPMethod, limits: HTTPLimits = .client) {
        self.limits = limits
        self.method = method
        head = HeadReader(limits: limits)
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
            case .end: return .end
            case nil: return nil
            }
        }
        while let (line, headers) = try head.read(bytes, at: &position) {
            let response = try Self.response(line, headers)
            guard response.status >= 200 else {
                interims += 1
                guard interims <= 8, response.status != 101 else {
                    throw HTTPError(.malformed, "interim responses without end")
                }
                head = HeadReader(limits: limits)
                continue
            }
            body = try BodyReader(try framing(response), limits: limits)
            return .head(response)
        }
        return nil
    }

    /// The connection ended. Throws when that cuts the response off.
    package func finish() throws(HTTPError) {
        guard let body, body.mayEndWithConnection else {
            throw HTTPError(.truncated, "the connection ended before the response did")
        }
    }

    private mutating func framing(_ response: HTTPResponseHead) throws(HTTPError) -> BodyReader.Framing {
        let announced = try BodyReader.Framing.announced(response.headers, minorVersion: response.minorVersion)
        if case .length(let length) = announced { announcedLength = length }
        if method == .head || response.status == 204 || response.status == 304 { return .none }
        isDelimited = announced != nil
        return announced ?? .untilClose
    }

    /// `HTTP/1.x SP 3DIGIT SP reason` (RFC 9112 §4); the reason is ignored and may be absent.
    private static func response(_ line: [UInt8], _ headers: HTTPHeaders) throws(HTTPError) -> HTTPResponseHead {
        let parts = line.split(separator: HTTPSyntax.space, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[1].count == 3, let status = HTTPSyntax.decimal(parts[1]),
            (100...599).contains(status), line.allSatisfy(HTTPSyntax.isFieldValue)
        else { throw HTTPError(.malformed, "a status line that is none") }
        switch String(decoding: parts[0], as: UTF8.self) {
        case "HTTP/1.1": return HTTPResponseHead(status: Int(status), minorVersion: 1, headers: headers)
        case "HTTP/1.0": return HTTPResponseHead(status: Int(status), minorVersion: 0, headers: headers)
        default: throw HTTPError(.unsupported, "a version other than HTTP/1.1")
        }
    }
}

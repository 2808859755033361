import HTTP

/// Everything that a parser saw, with the bodies put together.
struct ParsedRequest: Equatable {
    var head: HTTPRequestHead
    var body: [UInt8] = []
}

/// Feeds text to a request parser in pieces of a size.
func parseRequests(
    _ text: String, pieces: Int = .max, limits: HTTPLimits = .server
) throws(HTTPError) -> (requests: [ParsedRequest], isBetween: Bool) {
    var parser = HTTPRequestParser(limits: limits)
    var requests: [ParsedRequest] = []
    var open: ParsedRequest?
    var rest = ArraySlice(text.utf8)
    while !rest.isEmpty {
        let piece = Array(rest.prefix(pieces))
        rest = rest.dropFirst(piece.count)
        var position = 0
        while let event = try parser.next(piece.span, at: &position) {
            switch event {
            case .head(let head): open = ParsedRequest(head: head)
            case .body(let range): open?.body += piece[range]
            case .end:
                if let whole = open { requests.append(whole) }
                open = nil
            }
        }
    }
    return (requests, parser.isBetweenRequests)
}

struct ParsedResponse: Equatable {
    var head: HTTPResponseHead
    var body: [UInt8] = []
    var isEnded = false
}

/// Feeds text to a response parser in pieces of a size; the connection ends after it.
func parseResponse(
    _ text: String, to method: HTTPMethod = .get, pieces: Int = .max, limits: HTTPLimits = .client
) throws(HTTPError) -> ParsedResponse? {
    var parser = HTTPResponseParser(to: method, limits: limits)
    var response: ParsedResponse?
    var rest = ArraySlice(text.utf8)
    while !rest.isEmpty {
        let piece = Array(rest.prefix(pieces))
        rest = rest.dropFirst(piece.count)
        var position = 0
        reading: while let event = try parser.next(piece.span, at: &position) {
            switch event {
            case .head(let head): response = ParsedResponse(head: head)
            case .body(let range): response?.body += piece[range]
            case .end:
                response?.isEnded = true
                break reading
            }
        }
        if response?.isEnded == true { break }
    }
    if response?.isEnded != true { try parser.finish() }
    return response
}

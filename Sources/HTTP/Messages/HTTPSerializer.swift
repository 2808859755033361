/// Writes requests and responses as bytes; pure.
///
/// A field that could not be read back as written (a line break in a value, a name that is no token) is refused, so
/// that outside text never becomes a header of its own.
package enum HTTPSerializer {
    /// A request with its body, if any. `Host` comes first; `Content-Length` is written for a body and for the methods
    /// that usually have one. The target is a path or, for a proxy, a whole http URL.
    package static func request(
        _ head: HTTPRequestHead, host: String, body: [UInt8] = []
    ) throws(HTTPError) -> [UInt8] {
        guard head.target.utf8.first == 0x2F || head.target.hasPrefix("http://"),
            head.target.utf8.allSatisfy(HTTPSyntax.isTarget)
        else {
            throw HTTPError(.badURL, "a request target that is no path")
        }
        var bytes = Array("\(head.method.name) \(head.target) HTTP/1.1\r\n".utf8)
        try append("Host", host, to: &bytes)
        let hasBody = !body.isEmpty || [.post, .put, .patch].contains(head.method)
        for field in head.headers.fields { try append(field.name, field.value, to: &bytes) }
        if hasBody { try append("Content-Length", "\(body.count)", to: &bytes) }
        bytes += [HTTPSyntax.carriageReturn, HTTPSyntax.lineFeed]
        bytes += body
        return bytes
    }

    /// What asks a proxy for a tunnel to `HOST:PORT`.
    static func connect(to place: String, authorization: String?) throws(HTTPError) -> [UInt8] {
        guard place.utf8.allSatisfy(HTTPSyntax.isTarget) else { throw HTTPError(.badURL, "a host that is none") }
        var bytes = Array("CONNECT \(place) HTTP/1.1\r\n".utf8)
        try append("Host", place, to: &bytes)
        if let authorization { try append("Proxy-Authorization", authorization, to: &bytes) }
        return bytes + [HTTPSyntax.carriageReturn, HTTPSyntax.lineFeed]
    }

    /// A response with its body; the body is left out for HEAD, while its length is told.
    package static func response(
        _ response: HTTPResponse, to method: HTTPMethod, keepAlive: Bool, date: String? = nil
    ) throws(HTTPError) -> [UInt8] {
        guard (200...599).contains(response.status) else { throw HTTPError(.malformed, "a status that is none") }
        var bytes = Array("HTTP/1.1 \(response.status) \(HTTPStatus.reason(response.status))\r\n".utf8)
        if let date { try append("Date", date, to: &bytes) }
        for field in response.headers.fields { try append(field.name, field.value, to: &bytes) }
        if response.status != 204, response.status != 304 {
            try append("Content-Length", "\(response.body.count)", to: &bytes)
        }
        try append("Connection", keepAlive ? "keep-alive" : "close", to: &bytes)
        bytes += [HTTPSyntax.carriageReturn, HTTPSyntax.lineFeed]
        if method != .head, response.status != 204, response.status != 304 { bytes += response.body }
        return bytes
    }

    private static func append(_ name: String, _ value: String, to bytes: inout [UInt8]) throws(HTTPError) {
        guard !name.isEmpty, name.utf8.allSatisfy(HTTPSyntax.isToken), value.utf8.allSatisfy(HTTPSyntax.isFieldValue)
        else { throw HTTPError(.malformed, "a header field that cannot be sent") }
        bytes += name.utf8
        bytes += [0x3A, HTTPSyntax.space]
        bytes += value.utf8
        bytes += [HTTPSyntax.carriageReturn, HTTPSyntax.lineFeed]
    }
}

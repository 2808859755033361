/// A request line and its header fields.
package struct HTTPRequestHead: Equatable, Sendable {
    package var method: HTTPMethod
    /// As it was on the wire: `/v1/clients?limit=10`, never normalised.
    package var target: String
    /// The minor version of HTTP/1: 0 or 1.
    package var minorVersion: Int
    package var headers: HTTPHeaders

    package init(method: HTTPMethod, target: String, minorVersion: Int = 1, headers: HTTPHeaders = [:]) {
        self.method = method
        self.target = target
        self.minorVersion = minorVersion
        self.headers = headers
    }

    /// Whether the connection may carry another request after this one (RFC 9112 §9.3).
    package var keepsAlive: Bool {
        if headers.lists("close", in: "Connection") { return false }
        return minorVersion >= 1 || headers.lists("keep-alive", in: "Connection")
    }

    /// The token of `Authorization: Bearer …`, if there is exactly one.
    package var bearerToken: String? {
        let values = headers.values("Authorization")
        guard values.count == 1, let value = values.first else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return HTTPSyntax.trimmed(parts[1])
    }
}

/// A whole request as a handler gets it: its body is bounded by the server's limit.
package struct HTTPRequest: Equatable, Sendable {
    package var head: HTTPRequestHead
    package var body: [UInt8]
    /// The address of the peer, as text; empty when not known.
    package var peer: String

    package init(head: HTTPRequestHead, body: [UInt8] = [], peer: String = "") {
        self.head = head
        self.body = body
        self.peer = peer
    }

    /// For tests and callers that need no head of their own.
    package init(_ method: HTTPMethod, _ target: String, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.init(head: HTTPRequestHead(method: method, target: target, headers: headers), body: body)
    }

    package var method: HTTPMethod {
        head.method
    }

    package var headers: HTTPHeaders {
        head.headers
    }

    /// The target up to the question mark, still percent-encoded.
    package var path: String {
        String(head.target.prefix { $0 != "?" })
    }

    /// The query's parameters, decoded; those that do not decode are left out.
    package var query: QueryParameters {
        guard let mark = head.target.firstIndex(of: "?") else { return QueryParameters("") }
        return QueryParameters(String(head.target[head.target.index(after: mark)...]))
    }

    /// The token of `Authorization: Bearer …`, if there is exactly one.
    package var bearerToken: String? { head.bearerToken }
}

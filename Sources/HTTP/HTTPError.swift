/// Why an HTTP exchange failed, on either side.
package struct HTTPError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of failure, as callers tell them apart.
    package enum Code: String, Sendable {
        /// The peer sent what is not HTTP/1.1, or what could be read in two ways.
        case malformed
        /// A body is beyond its limit.
        case tooLarge
        /// The start line and headers are beyond their limits: said by the server, not by the file.
        case headersTooLong
        /// Well formed, but a transfer coding, version or form that is not spoken here.
        case unsupported
        /// The URL cannot be used: not http or https, or forbidden characters.
        case badURL
        /// The host's name has no address.
        case unresolved
        /// No connection: refused or unreachable.
        case unreachable
        /// The address is in a range that is not permitted.
        case forbidden
        /// The proxy refuses: credentials, a rule of its own, or it cannot reach the server.
        case proxy
        /// The file is not the one whose beginning was fetched before: nothing may be joined to that.
        case changed
        /// The TLS handshake failed: certificate or version.
        case tls
        /// The server's certificate is believed and does not name the host of the URL.
        case wrongName
        /// Nothing came within the read time-out, or the whole took longer than its deadline.
        case timedOut
        /// Bytes came, but below the minimum rate.
        case tooSlow
        /// The connection ended before the message did: a cut, which says nothing about what the server has.
        case truncated
        /// The server has a whole file of another length than the caller expects.
        case wrongLength
        /// The connection broke.
        case broken
        /// A redirect that is not followed: too many, a loop, to another scheme or from https to http.
        case redirect
        /// The caller's sink refused bytes or the caller cancelled.
        case cancelled
    }

    package let code: Code
    /// A sentence part for people, without secrets.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String {
        message
    }

    /// Whether the same request may succeed later: the network's fault, nobody's word.
    package var isRetryable: Bool {
        switch code {
        case .unresolved, .unreachable, .timedOut, .tooSlow, .truncated, .broken, .proxy, .changed: true
        case .malformed, .tooLarge, .headersTooLong, .wrongLength, .unsupported, .badURL, .forbidden, .tls, .wrongName,
            .redirect,
            .cancelled:
            false
        }
    }

    /// The status with which a server answers a request that failed so.
    package var status: Int {
        switch code {
        case .tooLarge: 413
        case .headersTooLong: 431
        case .unsupported: 501
        case .timedOut, .tooSlow: 408
        default: 400
        }
    }
}

extension HTTPError {
    /// A proxy's own answer that is no success.
    static func refused(by proxy: ProxySettings.Endpoint, _ status: Int, _ place: String) -> HTTPError {
        let why =
            status == 407
            ? "wants a user and password (407)" : "does not connect to \(place), it answered \(status)"
        return HTTPError(.proxy, "the proxy \(proxy) \(why)")
    }
}

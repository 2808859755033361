/// Through which HTTP proxy a URL is fetched, if any.
///
/// `http` URLs go to the proxy in absolute form, `https` URLs through a tunnel (CONNECT), so that the proxy sees no byte of
/// them and the server's certificate is checked as ever. This machine itself (loopback) is never asked for through a proxy.
///
/// Rule of addresses: the proxy is connected to wherever it is, since an operator named it; it resolves the names and decides
/// where to connect. What is refused here is a URL that names a forbidden address in numbers, or this machine.
package struct ProxySettings: Sendable, Equatable {
    /// A proxy; its credentials are in no text of it.
    package struct Endpoint: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
        package let host: String
        package let port: UInt16
        /// The value of `Proxy-Authorization`, a secret.
        let authorization: String?

        package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
        package var debugDescription: String { description }

        /// Reads `http://[USER:PASSWORD@]HOST[:PORT]`; without a scheme it means the same, without a port 80.
        ///
        /// - Parameters:
        ///   - credentials: `user:password`, instead of those in the URL.
        /// - Throws: `badURL`; the text is never part of the message, since it may hold a password.
        package init(_ text: String, credentials: String? = nil) throws(HTTPError) {
            var rest = text[...]
            if let mark = text.firstRange(of: "://") {
                guard text[..<mark.lowerBound].lowercased() == "http" else {
                    throw HTTPError(
                        .badURL, "a proxy is named http://HOST:PORT; https and socks proxies are not spoken")
                }
                rest = text[mark.upperBound...]
            }
            rest = rest.prefix { $0 != "/" }
            var found = credentials
            if let at = rest.lastIndex(of: "@") {
                guard let decoded = PercentEncoding.decode(rest[..<at]) else {
                    throw HTTPError(.badURL, "the proxy's user and password are not percent-encoded properly")
                }
                found = found ?? decoded
                rest = rest[rest.index(after: at)...]
            }
            let url: URLReference
            do throws(HTTPError) {
                url = try URLReference("http://\(rest)")
            } catch {
                throw HTTPError(.badURL, "a proxy is named http://HOST:PORT")
            }
            host = url.host
            port = url.port
            if let found {
                guard found.utf8.count <= 1024, found.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                    throw HTTPError(.badURL, "the proxy's user and password have a forbidden character")
                }
                authorization = "Basic " + Self.base64(Array((found.contains(":") ? found : found + ":").utf8))
            } else {
                authorization = nil
            }
        }

        private static func base64(_ bytes: [UInt8]) -> String {
            let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
            var text: [UInt8] = []
            for start in stride(from: 0, to: bytes.count, by: 3) {
                let group = bytes[start..<min(start + 3, bytes.count)]
                let word = (0..<3).reduce(UInt32(0)) { word, index in
                    word << 8 | (index < group.count ? UInt32(group[group.startIndex + index]) : 0)
                }
                for index in 0..<4 {
                    text.append(index <= group.count ? alphabet[Int(word >> (18 - 6 * UInt32(index)) & 63)] : 0x3D)
                }
            }
            return String(decoding: text, as: UTF8.self)
        }
    }

    package var http: Endpoint?
    package var https: Endpoint?
    package var exceptions: ProxyExceptions

    package static let none = ProxySettings()

    package init(http: Endpoint? = nil, https: Endpoint? = nil, exceptions: ProxyExceptions = ProxyExceptions([])) {
        self.http = http
        self.https = https
        self.exceptions = exceptions
    }

    /// What the environment says: `http_proxy`, `https_proxy`, else `all_proxy`, and `no_proxy`; upper case too, but for
    /// `HTTP_PROXY`, which a web server would set from a stranger's `Proxy` header.
    package init(environment: (String) -> String?) throws(HTTPError) {
        func value(_ names: String...) -> String? {
            names.lazy.compactMap(environment).first { !$0.isEmpty }
        }
        func endpoint(_ variable: String, _ text: String?) throws(HTTPError) -> Endpoint? {
            do throws(HTTPError) {
                return try text.map { text throws(HTTPError) in try Endpoint(text) }
            } catch {
                throw HTTPError(error.code, "\(variable) of the environment: \(error.message)")
            }
        }
        let other = value("all_proxy", "ALL_PROXY")
        http = try endpoint("http_proxy", value("http_proxy") ?? other)
        https = try endpoint("https_proxy", value("https_proxy", "HTTPS_PROXY") ?? other)
        let words = value("no_proxy", "NO_PROXY")?.split { $0 == "," || $0 == " " }.map(String.init) ?? []
        exceptions = ProxyExceptions(words)
    }

    /// The proxy for a URL; nil where the server is connected to itself.
    package func proxy(for url: URLReference) -> Endpoint? {
        guard let endpoint = url.scheme == .https ? https : http else { return nil }
        return AddressPolicy.isLoopback(url.host) || exceptions.names(url) ? nil : endpoint
    }
}

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
            if rest.hasSuffix("/") { rest.removeLast() }
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
            guard url.target == "/", rest == url.authority else {
                throw HTTPError(.badURL, "a proxy is named http://HOST:PORT, without a path")
            }
            host = url.host
            port = url.port
            if let found {
                guard found.utf8.count <= 1024, found.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                    throw HTTPError(.badURL, "the proxy's user and password have a forbidden character")
                }
                authorization = "Basic " + Base64.encode(Array((found.contains(":") ? found : found + ":").utf8))
            } else {
                authorization = nil
            }
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
        /// The first of the variables that says something, and what.
        func value(_ names: String...) -> (name: String, text: String)? {
            for name in names {
                if let text = environment(name), !text.isEmpty { return (name, text) }
            }
            return nil
        }
        func endpoint(_ variable: (name: String, text: String)?) throws(HTTPError) -> Endpoint? {
            guard let variable else { return nil }
            do throws(HTTPError) {
                return try Endpoint(variable.text)
            } catch {
                throw HTTPError(error.code, "\(variable.name) of the environment: \(error.message)")
            }
        }
        let other = value("all_proxy", "ALL_PROXY")
        http = try endpoint(value("http_proxy") ?? other)
        https = try endpoint(value("https_proxy", "HTTPS_PROXY") ?? other)
        let words = value("no_proxy", "NO_PROXY")?.text.split { $0 == "," || $0 == " " }.map(String.init) ?? []
        // The environment is everybody's: a word that is none of ours is for another program.
        exceptions = ProxyExceptions(words)
    }

    /// The proxy for a URL; nil where the server is connected to itself.
    package func proxy(for url: URLReference) -> Endpoint? {
        guard let endpoint = url.scheme == .https ? https : http else { return nil }
        return AddressPolicy.isLoopback(url.host) || exceptions.names(url) ? nil : endpoint
    }
}

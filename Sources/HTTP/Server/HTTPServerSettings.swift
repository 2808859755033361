/// What a server allows its clients; every number is a bound on what a stranger can cost.
package struct HTTPServerSettings: Sendable {
    package var limits = HTTPLimits.server
    /// Connections at once; one more is told 503 and closed.
    package var maximumConnections = 256
    /// Connections in their TLS handshake at once; one more is dropped.
    package var maximumHandshakes = 64
    /// Requests on one connection before it is closed, so that a long life of one client ends now and then.
    package var requestsPerConnection = 10_000
    /// From the connection to the end of the TLS handshake.
    package var handshakeTimeout: Duration = .seconds(10)
    /// How long a connection may wait for its next request.
    package var idleTimeout: Duration = .seconds(60)
    /// From the first byte of a request to its last.
    package var requestTimeout: Duration = .seconds(30)
    /// The longest wait for a client to take more of a response.
    package var writeTimeout: Duration = .seconds(30)

    package init() {}
}

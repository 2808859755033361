package import Network

/// What a server allows its clients; every number is a bound on what a stranger can cost.
///
/// A stranger is a client that has shown no credentials yet, as `HTTPServer.Knows` finds. docs/limits.md lists all of this.
package struct HTTPServerSettings: Sendable {
    package var limits = HTTPLimits.server
    /// Connections of known clients at once; one more is told 503 and closed.
    package var maximumConnections = 256
    /// Connections in their TLS handshake at once; one more is dropped.
    package var maximumHandshakes = 64
    /// Of these, of one address.
    package var handshakesPerAddress = 16
    /// Open connections of strangers at once; one more is told 503 and closed.
    package var maximumStrangers = 128
    /// Of these, of one address.
    package var strangersPerAddress = 32
    /// Requests on one connection before it is closed, so that a long life of one client ends now and then.
    package var requestsPerConnection = 10_000
    /// From the connection to the first byte of the TLS handshake.
    package var firstByteTimeout: Duration = .seconds(5)
    /// From the connection to the end of the TLS handshake.
    package var handshakeTimeout: Duration = .seconds(10)
    /// How long a stranger's connection may wait for its next request, and any request for the end of its head.
    package var strangerTimeout: Duration = .seconds(10)
    /// How long a known client's connection may wait for its next request.
    package var idleTimeout: Duration = .seconds(60)
    /// From the end of a request's head to its last byte.
    package var requestTimeout: Duration = .seconds(30)
    /// The longest wait for a client to take more of a response.
    package var writeTimeout: Duration = .seconds(30)

    package init() {}

    /// The places that these numbers come to.
    package var admission: AdmissionRules {
        .open(
            peers: maximumConnections, handshakes: maximumHandshakes, handshakesPerAddress: handshakesPerAddress,
            visitors: maximumStrangers, visitorsPerAddress: strangersPerAddress)
    }
}

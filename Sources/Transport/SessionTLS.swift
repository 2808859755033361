package import Model
package import TLS

/// The TLS contexts of sessions and joins. A context is made once for an identity; who renews makes a new one.
package enum SessionTLS {
    /// ALPN name of sessions, mutual authentication.
    package static let sessionProtocol = "axle/1"
    /// ALPN name of joins, on the same port; only the server shows a certificate.
    package static let joinProtocol = "axle-join/1"

    /// For a listener; with `takesJoins` it offers joins as well.
    package static func listener(
        identity: TLSIdentity, anchors: TrustStore, takesJoins: Bool
    ) throws(TLSError) -> TLSContext {
        var protocols = [ApplicationProtocol(sessionProtocol, asksForCertificate: true)]
        if takesJoins { protocols.append(ApplicationProtocol(joinProtocol, asksForCertificate: false)) }
        return try .server(
            identity: identity, protocols: protocols, clients: .required(anchors))
    }

    /// For a member of the fleet that dials.
    package static func dialler(identity: TLSIdentity, anchors: TrustStore) throws(TLSError) -> TLSContext {
        try .client(
            identity: identity, protocols: [sessionProtocol], server: .anchors(anchors))
    }

    /// For a machine that is about to join: it knows the root CA's public key by its hash only.
    package static func joiner(rootKeyHash: SHA256Digest) throws(TLSError) -> TLSContext {
        try .client(protocols: [joinProtocol], server: .pinnedRoot(Array(rootKeyHash.bytes)))
    }

    /// For a member whose certificate, roots or clock no longer serve: it believes nothing of the connection, only the hub's signature
    /// over the answer to its own signed request.
    package static func renewer() throws(TLSError) -> TLSContext {
        try .client(protocols: [joinProtocol], server: .unchecked)
    }
}

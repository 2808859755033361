import COpenSSL

/// An application protocol (ALPN, RFC 7301) that a server offers.
package struct ApplicationProtocol: Sendable, Hashable {
    /// Its name on the wire, 1–255 bytes of ASCII.
    package let name: String
    /// Whether the peer is asked for a certificate when this protocol is chosen (and refused without one).
    package let asksForCertificate: Bool

    package init(_ name: String, asksForCertificate: Bool) {
        self.name = name
        self.asksForCertificate = asksForCertificate
    }
}

/// Settings, trust and identity that many connections share (`SSL_CTX`).
///
/// TLS 1.3 only, AES-128-GCM first, security level 2, no early data, no renegotiation. Immutable once made and usable from
/// many threads at once; connections keep it alive. Whoever changes identity or trust makes a new one, which also makes
/// the tickets of the old one worthless.
package final class TLSContext: Sendable {
    /// The most certificates between leaf and anchor.
    package static let chainDepth: Int32 = 5
    /// OpenSSL's security level: 112 bits at least.
    package static let securityLevel: Int32 = 2
    /// The most bytes of certificates that a peer may send.
    package static let maximumChainBytes = 1 << 15

    /// Whom a server asks for a certificate.
    package enum ClientAuthentication: Sendable {
        /// Nobody.
        case none
        /// Everybody, except with protocols that do not ask for one; the chain has to end in one of these anchors.
        case required(TrustStore)
    }

    /// How a client knows its server.
    package enum ServerAuthentication: Sendable {
        /// Its chain ends in one of these anchors.
        case anchors(TrustStore)
        /// The chain that it sends contains, and ends in, a root whose SubjectPublicKeyInfo has this SHA-256.
        case pinnedRoot([UInt8])
        /// Anybody. Only for conversations in which nothing is believed of the connection, since every answer carries a signature of
        /// its own over the question: a renewal by a machine whose certificate, roots or clock no longer serve.
        case unchecked
    }

    /// Which side of the handshake it is for.
    enum Side { case server, client }

    nonisolated(unsafe) let pointer: OpaquePointer
    let side: Side
    let rules: HandshakeRules

    /// A server's.
    ///
    /// - Parameters:
    ///   - protocols: what is offered, the preferred first; a client that has none of them is refused.
    ///   - requiresProtocol: whether a client that names no protocol at all is refused too.
    ///   - sessionLifetimeSeconds: how long a ticket allows resumption; 0 sends no tickets.
    package static func server(
        identity: TLSIdentity, protocols: [ApplicationProtocol], clients: ClientAuthentication,
        requiresProtocol: Bool = true, sessionLifetimeSeconds: Int = 86_400
    ) throws(TLSError) -> TLSContext {
        let rules = HandshakeRules(protocols: protocols, requiresProtocol: requiresProtocol, pin: nil)
        let context = try TLSContext(.server, rules)
        try context.show(identity)
        try context.configureServer(clients, sessionLifetimeSeconds)
        return context
    }

    /// A client's.
    ///
    /// - Parameters:
    ///   - identity: shown when the server asks; none for HTTPS and join.
    ///   - protocols: what is offered, the preferred first; none sends no ALPN.
    ///   - requiresProtocol: whether a server that chooses none of them is refused.
    package static func client(
        identity: TLSIdentity? = nil, protocols: [String], server: ServerAuthentication,
        requiresProtocol: Bool = true
    ) throws(TLSError) -> TLSContext {
        var pin: [UInt8]?
        if case .pinnedRoot(let given) = server { pin = given }
        let rules = HandshakeRules(
            protocols: protocols.map { ApplicationProtocol($0, asksForCertificate: false) },
            requiresProtocol: requiresProtocol && !protocols.isEmpty, pin: pin)
        let context = try TLSContext(.client, rules)
        if let identity { try context.show(identity) }
        try context.configureClient(server)
        return context
    }

    private init(_ side: Side, _ rules: HandshakeRules) throws(TLSError) {
        let method = side == .server ? TLS_server_method() : TLS_client_method()
        let made = try ErrorQueue.require(.library, "cannot make a TLS context") { SSL_CTX_new(method) }
        pointer = made
        self.side = side
        self.rules = rules
        try ErrorQueue.check(.library, "cannot set up TLS") {
            SSL_CTX_set_security_level(made, Self.securityLevel)
            SSL_CTX_set_verify_depth(made, Self.chainDepth)
            axle_ctx_set_modes(made)
            axle_ctx_set_limits(made, Self.maximumChainBytes)
            guard axle_ctx_require_tls13(made) == 1,
                SSL_CTX_set_ciphersuites(
                    made, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1,
                SSL_CTX_set_max_early_data(made, 0) == 1
            else { return 0 }
            return axle_ctx_set_groups(made, "X25519:P-256:P-384")
        }
    }

    deinit { SSL_CTX_free(pointer) }

    private func show(_ identity: TLSIdentity) throws(TLSError) {
        try ErrorQueue.check(.library, "cannot use the certificate") {
            guard SSL_CTX_use_certificate(pointer, identity.leaf.pointer) == 1,
                SSL_CTX_use_PrivateKey(pointer, identity.key.handle.pointer) == 1
            else { return 0 }
            for issuer in identity.chain.dropFirst() {
                guard axle_ctx_add_chain_certificate(pointer, issuer.pointer) == 1 else { return 0 }
            }
            return SSL_CTX_check_private_key(pointer)
        }
    }

    private func configureServer(
        _ clients: ClientAuthentication, _ sessionLifetimeSeconds: Int
    ) throws(TLSError) {
        _ = try rules.wireProtocols()
        let box = Unmanaged.passUnretained(rules).toOpaque()
        if case .required(let anchors) = clients {
            SSL_CTX_set1_cert_store(pointer, anchors.pointer)
            SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
            rules.asksByDefault = true
        }
        // The session id context ties tickets to this purpose; the ticket keys are this context's own.
        let purpose: [UInt8] = Array("axle".utf8)
        try ErrorQueue.check(.library, "cannot set up tickets") {
            SSL_CTX_set_session_id_context(pointer, purpose, UInt32(purpose.count))
        }
        axle_ctx_set_session_cache(pointer, Int(SSL_SESS_CACHE_OFF))
        SSL_CTX_set_num_tickets(pointer, sessionLifetimeSeconds > 0 ? 1 : 0)
        SSL_CTX_set_timeout(pointer, max(1, min(sessionLifetimeSeconds, 604_800)))
        SSL_CTX_set_client_hello_cb(pointer, { HandshakeRules.inspectHello($0, $1, $2) }, box)
        SSL_CTX_set_alpn_select_cb(pointer, { HandshakeRules.chooseProtocol($0, $1, $2, $3, $4, $5) }, box)
    }

    private func configureClient(_ server: ServerAuthentication) throws(TLSError) {
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        axle_ctx_set_session_cache(pointer, Int(SSL_SESS_CACHE_OFF))
        switch server {
        case .anchors(let anchors): SSL_CTX_set1_cert_store(pointer, anchors.pointer)
        case .unchecked: SSL_CTX_set_verify(pointer, SSL_VERIFY_NONE, nil)
        case .pinnedRoot(let pin):
            guard pin.count == SHA256.length else { throw TLSError(.malformed, "a pin has \(SHA256.length) bytes") }
            SSL_CTX_set_cert_verify_callback(
                pointer, { HandshakeRules.verifyPinned($0, $1) }, Unmanaged.passUnretained(rules).toOpaque())
        }
        let wire = try rules.wireProtocols()
        guard !wire.isEmpty else { return }
        // This one function of OpenSSL answers 0 on success.
        try ErrorQueue.check(.library, "cannot offer application protocols") {
            SSL_CTX_set_alpn_protos(pointer, wire, UInt32(wire.count)) == 0 ? 1 : 0
        }
    }
}

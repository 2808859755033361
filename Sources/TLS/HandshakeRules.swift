import COpenSSL

/// What a context's callbacks decide by. Set up before the first connection and never changed after.
final class HandshakeRules: @unchecked Sendable {
    let protocols: [ApplicationProtocol]
    let requiresProtocol: Bool
    let pin: [UInt8]?
    /// Whether a peer that names no protocol is asked for a certificate. Written once, while the context is made.
    var asksByDefault = false

    init(protocols: [ApplicationProtocol], requiresProtocol: Bool, pin: [UInt8]?) {
        self.protocols = protocols
        self.requiresProtocol = requiresProtocol
        self.pin = pin
    }

    /// Whether a peer that chose `name` must have shown a certificate to this server.
    func demandsCertificate(_ name: String?) -> Bool {
        guard let name, let chosen = protocols.first(where: { $0.name == name }) else { return asksByDefault }
        return asksByDefault && chosen.asksForCertificate
    }

    /// The list of RFC 7301: a length byte before each name.
    func wireProtocols() throws(TLSError) -> [UInt8] {
        var wire: [UInt8] = []
        for entry in protocols {
            let name = [UInt8](entry.name.utf8)
            guard let length = UInt8(exactly: name.count), length > 0 else {
                throw TLSError(.malformed, "a protocol name has 1 to 255 bytes")
            }
            wire.append(length)
            wire += name
        }
        return wire
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> HandshakeRules? {
        context.map { Unmanaged<HandshakeRules>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Server, first look at the client's hello: refuses one without ALPN where ALPN is required.
    static func inspectHello(
        _ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?, _ context: UnsafeMutableRawPointer?
    ) -> Int32 {
        guard let rules = from(context), rules.requiresProtocol else { return SSL_CLIENT_HELLO_SUCCESS }
        var start: UnsafePointer<UInt8>?
        var count = 0
        let kind = UInt32(TLSEXT_TYPE_application_layer_protocol_negotiation)
        guard SSL_client_hello_get0_ext(ssl, kind, &start, &count) == 1 else {
            alert?.pointee = SSL_AD_NO_APPLICATION_PROTOCOL
            return SSL_CLIENT_HELLO_ERROR
        }
        return SSL_CLIENT_HELLO_SUCCESS
    }

    /// Server: chooses the first of its protocols that the client offers, and drops the demand for a certificate for
    /// those that have none (join). Those get no ticket either, so that no session without a certificate is ever resumed
    /// as one that needs it.
    static func chooseProtocol(
        _ ssl: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
        _ chosenLength: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredLength: UInt32,
        _ context: UnsafeMutableRawPointer?
    ) -> Int32 {
        guard let rules = from(context) else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        let offers = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
        for entry in rules.protocols {
            guard let found = Self.find(Array(entry.name.utf8), in: offers) else { continue }
            // OpenSSL copies what is pointed to, which is in the client's hello.
            chosen?.pointee = found.baseAddress
            chosenLength?.pointee = UInt8(truncatingIfNeeded: found.count)
            if rules.asksByDefault && !entry.asksForCertificate {
                SSL_set_verify(ssl, SSL_VERIFY_NONE, nil)
                SSL_set_num_tickets(ssl, 0)
            }
            return SSL_TLSEXT_ERR_OK
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }

    private static func find(_ name: [UInt8], in offers: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
        var index = 0
        while index < offers.count {
            let end = index + 1 + Int(offers[index])
            guard end <= offers.count else { return nil }
            let offer = UnsafeBufferPointer(rebasing: offers[index + 1..<end])
            if offer.elementsEqual(name) { return offer }
            index = end
        }
        return nil
    }

    /// Client: verifies with the pinned root among the certificates that the server sent as the only anchor.
    static func verifyPinned(_ verification: OpaquePointer?, _ context: UnsafeMutableRawPointer?) -> Int32 {
        guard let verification, let pin = from(context)?.pin else { return 0 }
        // Any failure to read or to allocate is a refusal.
        guard let sent = try? CertificateStack.copy(X509_STORE_CTX_get0_untrusted(verification)),
            let anchors = try? CertificateStack(sent.filter { $0.publicKeyFingerprint == pin })
        else {
            X509_STORE_CTX_set_error(verification, X509_V_ERR_UNSPECIFIED)
            return 0
        }
        X509_STORE_CTX_set0_trusted_stack(verification, anchors.pointer)
        let result = X509_verify_cert(verification)
        return withExtendedLifetime((sent, anchors)) { result == 1 ? 1 : 0 }
    }
}

import COpenSSL

/// A certificate signing request (PKCS #10, RFC 2986) whose self-signature is valid: it exists only when whoever made it
/// holds the private key.
///
/// Its names are ignored: the authority decides what a certificate says. Immutable and usable from many threads at once.
package final class CertificateRequest: Sendable {
    /// The largest accepted DER in bytes.
    package static let maximumLength = 1 << 14

    /// The whole request.
    package let der: [UInt8]
    /// The key that the certificate is asked for.
    package let publicKey: PublicKey

    /// Makes a request for `key` with an empty subject.
    package convenience init(key: PrivateKey) throws(TLSError) {
        let request = try ErrorQueue.require(.library, "no memory for a certificate request") { X509_REQ_new() }
        defer { X509_REQ_free(request) }
        let digest = key.kind == .ed25519 ? nil : DigestAlgorithm.sha256.pointer
        try ErrorQueue.check(.library, "cannot make a certificate request") {
            guard X509_REQ_set_version(request, Int(X509_REQ_VERSION_1)) == 1,
                X509_REQ_set_pubkey(request, key.handle.pointer) == 1
            else { return 0 }
            return X509_REQ_sign(request, key.handle.pointer, digest)
        }
        try self.init(der: DER.encode("certificate request") { i2d_X509_REQ(request, $0) })
    }

    /// From DER. Refuses trailing bytes, a wrong self-signature and keys that Axle does not use.
    package init(der: [UInt8]) throws(TLSError) {
        let request = try DER.parse(
            der, limit: Self.maximumLength, "certificate request",
            free: { (made: OpaquePointer) in X509_REQ_free(made) },
            { d2i_X509_REQ(nil, $0, $1) })
        defer { X509_REQ_free(request) }
        let key = try ErrorQueue.require(.malformed, "the certificate request has no readable key") {
            X509_REQ_get_pubkey(request)
        }
        let handle = try KeyHandle(takingOwnership: key)
        try ErrorQueue.check(.badSignature, "the certificate request is not signed by its own key") {
            X509_REQ_verify(request, handle.pointer)
        }
        publicKey = try PublicKey(der: handle.subjectPublicKeyInfo())
        self.der = der
    }

    /// PEM (`BEGIN CERTIFICATE REQUEST`), UTF-8.
    package func pem() throws(TLSError) -> [UInt8] {
        let request = try DER.parse(
            der, limit: Self.maximumLength, "certificate request",
            free: { (made: OpaquePointer) in X509_REQ_free(made) },
            { d2i_X509_REQ(nil, $0, $1) })
        defer { X509_REQ_free(request) }
        let target = try MemoryBIO()
        try ErrorQueue.check(.library, "cannot write the certificate request") {
            PEM_write_bio_X509_REQ(target.pointer, request)
        }
        return target.contents
    }
}

import COpenSSL

extension Certificate {
    /// Builds and checks the chain (RFC 5280 §6) from this certificate through `intermediates` to one of `anchors`, as of
    /// `moment` (seconds since 1970 UTC), and answers it: leaf first, anchor last.
    ///
    /// Throws `certificateRefused` with OpenSSL's reason. Revocation is not looked at.
    @discardableResult
    package func verify(
        through intermediates: [Certificate], to anchors: TrustStore, for purpose: CertificatePurpose, at moment: Int64
    ) throws(TLSError) -> [Certificate] {
        let untrusted = try CertificateStack(intermediates)
        let context = try ErrorQueue.require(.library, "no memory to verify a certificate") { X509_STORE_CTX_new() }
        defer { X509_STORE_CTX_free(context) }
        try ErrorQueue.check(.library, "cannot verify a certificate") {
            X509_STORE_CTX_init(context, anchors.pointer, pointer, untrusted.pointer)
        }
        let parameters = X509_STORE_CTX_get0_param(context)
        X509_VERIFY_PARAM_set_time(parameters, time_t(moment))
        X509_VERIFY_PARAM_set_depth(parameters, TLSContext.chainDepth)
        X509_VERIFY_PARAM_set_auth_level(parameters, TLSContext.securityLevel)
        if let purpose = purpose.number {
            try ErrorQueue.check(.library, "cannot verify a certificate") {
                X509_VERIFY_PARAM_set_purpose(parameters, purpose)
            }
        }
        ErrorQueue.clear()
        guard X509_verify_cert(context) == 1 else {
            let reason = X509_STORE_CTX_get_error(context)
            ErrorQueue.clear()
            throw TLSError.refusedCertificate(reason)
        }
        return try CertificateStack.copy(X509_STORE_CTX_get0_chain(context))
    }
}

extension TLSError {
    /// The error for a verification result of OpenSSL (`X509_V_ERR_…`).
    static func refusedCertificate(_ result: Int32) -> TLSError {
        let isName = result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH
        let reason = X509_verify_cert_error_string(Int(result)).map { String(cString: $0) } ?? "error \(result)"
        return TLSError(
            isName ? .hostnameMismatch : .certificateRefused, "the certificate is refused: \(reason)",
            reasons: [reason])
    }
}

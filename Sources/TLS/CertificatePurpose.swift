import COpenSSL

/// What a certificate is to be used for; checked against its extended key usage.
package enum CertificatePurpose: Sendable {
    /// As the dialled side of TLS.
    case server
    /// As the dialling side of TLS.
    case client
    /// Anything.
    case any

    var number: Int32? {
        switch self {
        case .server: X509_PURPOSE_SSL_SERVER
        case .client: X509_PURPOSE_SSL_CLIENT
        case .any: nil
        }
    }
}

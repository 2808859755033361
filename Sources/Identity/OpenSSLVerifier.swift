internal import TLS
package import Trust

/// Checks the signatures of metadata, orders and reports with OpenSSL, for trust code that has no cryptography of its own.
///
/// Decoded keys are kept, since decoding one costs more than a verification with it. Safe from any thread.
package final class OpenSSLVerifier: SignatureVerifier {
    private let keys = KeptKeys()

    package init() {}

    package func verify(
        _ scheme: SignatureScheme, publicKey: [UInt8], message: [UInt8], signature: [UInt8]
    ) -> Bool {
        scheme.allows(signatureLength: signature.count)
            && keys.isValid(signature, of: message, by: scheme.algorithm, publicKey: publicKey)
    }
}

extension SignatureScheme {
    /// The same scheme as OpenSSL's wrapper calls it.
    var algorithm: SignatureAlgorithm {
        switch self {
        case .ed25519: .ed25519
        case .ecdsaP256: .ecdsaP256DER
        case .rsaPSS: .rsaPSSSHA256
        case .es256: .es256
        }
    }
}

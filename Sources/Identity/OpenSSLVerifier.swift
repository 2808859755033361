internal import Synchronization
internal import TLS
package import Trust

/// Checks the signatures of metadata, orders and reports with OpenSSL, for trust code that has no cryptography of its own.
///
/// Decoded keys are kept, since decoding one costs more than a verification with it. Safe from any thread.
package final class OpenSSLVerifier: SignatureVerifier {
    /// Keys kept at the most; then the cache begins anew.
    private static let keyLimit = 4096

    private struct CacheKey: Hashable {
        let isRawEd25519: Bool
        let bytes: [UInt8]
    }

    private let keys = Mutex<[CacheKey: PublicKey]>([:])

    package init() {}

    package func verify(
        _ scheme: SignatureScheme, publicKey: [UInt8], message: [UInt8], signature: [UInt8]
    ) -> Bool {
        guard scheme.allows(signatureLength: signature.count), let key = key(publicKey, scheme) else { return false }
        return key.isValid(signature, of: message, by: scheme.algorithm)
    }

    private func key(_ bytes: [UInt8], _ scheme: SignatureScheme) -> PublicKey? {
        let name = CacheKey(isRawEd25519: scheme == .ed25519, bytes: bytes)
        if let known = keys.withLock({ $0[name] }) { return known }
        // A key that cannot be read is simply one that has signed nothing.
        guard let key = try? scheme == .ed25519 ? PublicKey(ed25519: bytes) : PublicKey(der: bytes) else { return nil }
        keys.withLock { keys in
            if keys.count >= Self.keyLimit { keys.removeAll() }
            keys[name] = key
        }
        return key
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

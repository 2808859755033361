import COpenSSL

/// What one side shows of itself: its certificate, the authorities above it, and the key.
package struct TLSIdentity: Sendable {
    /// Leaf first, then the issuers as far as the peer needs them (the root too where a peer pins it).
    package let chain: [Certificate]
    /// The leaf's key.
    package let key: PrivateKey

    /// Throws if the chain is empty or the key is not the leaf's.
    package init(chain: [Certificate], key: PrivateKey) throws(TLSError) {
        guard let leaf = chain.first else { throw TLSError(.certificateMissing, "an identity without a certificate") }
        guard leaf.publicKeyInfo == key.publicKey.der else {
            throw TLSError(.certificateRefused, "the key is not that of the certificate")
        }
        self.chain = chain
        self.key = key
    }

    /// From PEM files' bytes.
    package init(chainPEM: [UInt8], keyPEM: [UInt8], passphrase: [UInt8]? = nil) throws(TLSError) {
        try self.init(
            chain: Certificate.parse(pem: chainPEM), key: PrivateKey(pem: keyPEM, passphrase: passphrase))
    }

    /// The certificate itself.
    package var leaf: Certificate { chain[0] }
}

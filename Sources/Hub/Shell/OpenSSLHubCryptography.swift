internal import Identity
package import Model
internal import TLS
package import Trust

/// The hub's keys behind its core: OpenSSL, in memory.
package struct OpenSSLHubCryptography: HubCryptography {
    private let signer: OpenSSLRecordSigner
    package var orderSigner: any RecordSigner { signer }
    package let orderKey: [UInt8]
    package let verifier: any SignatureVerifier = OpenSSLVerifier()
    private let keys: HubKeys
    private let earliest: @Sendable () -> UnixTime
    private let hash = OpenSSLKeyedHash()

    /// `earliest` is the last time that another's clock vouches for; certificates are valid from then on.
    package init(_ keys: HubKeys, earliest: @escaping @Sendable () -> UnixTime = { .distantFuture }) {
        self.earliest = earliest
        signer = OpenSSLRecordSigner(keys.orderKey)
        orderKey = keys.orderKey.publicKey.der
        self.keys = keys
    }

    package var authorities: [RootAuthority] {
        keys.authorities.map { RootAuthority(pin: $0.pin, certificate: $0.root.der) }
    }

    package func hmacSHA256(key: [UInt8], message: [UInt8]) throws -> [UInt8] {
        try hash.hmacSHA256(key: key, message: message)
    }

    package func sha256(_ bytes: [UInt8]) -> [UInt8] { SHA256.hash(bytes) }

    package func issue(
        request: [UInt8], identity: PeerIdentity, name: NodeName, under root: SHA256Digest, at time: UnixTime
    ) throws -> IssuedCertificate {
        guard let authority = keys.authority(root) else { throw HubAuthorityError("the hub has no key under \(root)") }
        let request = try CertificateRequest(der: request)
        // Without a witness there is no member whose certificate could be compared with anything.
        let known = earliest().seconds
        let begin = authority.begin(of: time.seconds, earliest: known > HubAuthority.epoch ? known : .max)
        // A spoke answers its agents' connections; an agent only dials.
        let profile = LeafProfile(
            name: name.text, uris: [identity.description], isServer: identity.role == .spoke, isClient: true,
            dates: begin...time.seconds + HubKeys.leafLife)
        let leaf = try authority.issuing.issue(profile, for: request.publicKey)
        let der = leaf.der
        return IssuedCertificate(
            chain: [der] + authority.chain.map(\.der), serial: leaf.serial, expires: UnixTime(seconds: leaf.notAfter),
            fingerprint: SHA256.hash(der))
    }

    package func read(certificate: [UInt8]) throws -> ShownCertificate {
        let leaf = try Certificate(der: certificate)
        guard leaf.uris.count == 1, let uri = leaf.uris.first else {
            throw HubAuthorityError("the certificate has \(leaf.uris.count) URIs, not one")
        }
        guard !leaf.isAuthority else { throw HubAuthorityError("the certificate is an authority's") }
        return ShownCertificate(
            identity: try PeerIdentity(uri), key: leaf.publicKeyInfo, serial: leaf.serial,
            expires: UnixTime(seconds: leaf.notAfter), fingerprint: SHA256.hash(certificate),
            root: keys.authorities.first { leaf.isIssued(by: $0.issuing.certificate) }?.pin)
    }
}

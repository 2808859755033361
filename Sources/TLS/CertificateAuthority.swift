import COpenSSL

/// A certificate and the key that signs others with it: a fleet's root, or the hub's issuing authority.
///
/// P-256 throughout. A root may have one issuing authority below it (path length 1), an issuing authority none
/// (path length 0). Serials are 127 random bits.
package struct CertificateAuthority: Sendable {
    /// Its own certificate.
    package let certificate: Certificate
    /// Its key.
    package let key: PrivateKey

    /// From what was kept; throws if the two do not fit or the certificate is not an authority's.
    package init(certificate: Certificate, key: PrivateKey) throws(TLSError) {
        guard certificate.publicKeyInfo == key.publicKey.der else {
            throw TLSError(.certificateRefused, "the key is not that of the certificate")
        }
        guard certificate.isAuthority else {
            throw TLSError(.certificateRefused, "the certificate is not an authority's")
        }
        self.certificate = certificate
        self.key = key
    }

    /// A new self-signed root with a new key.
    ///
    /// - Parameters:
    ///   - name: common name for people, 1–64 bytes of UTF-8.
    ///   - dates: begin and end of validity, seconds since 1970 UTC; the end itself is no longer valid.
    package static func root(
        name: String, dates: ClosedRange<Int64>, key: PrivateKey? = nil
    ) throws(TLSError) -> CertificateAuthority {
        let key = if let key { key } else { try PrivateKey.generate(.p256) }
        let draft = try CertificateDraft(name: name, dates: dates, publicKey: key.publicKey)
        try draft.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:1", issuer: nil)
        try draft.add(NID_key_usage, "critical,keyCertSign,cRLSign", issuer: nil)
        let certificate = try draft.sign(issuer: nil, with: key)
        return try CertificateAuthority(certificate: certificate, key: key)
    }

    /// A new issuing authority below this root, with a new key.
    package func issuing(
        name: String, dates: ClosedRange<Int64>, key issuingKey: PrivateKey? = nil
    ) throws(TLSError) -> CertificateAuthority {
        let issuingKey = if let issuingKey { issuingKey } else { try PrivateKey.generate(.p256) }
        let draft = try CertificateDraft(name: name, dates: dates, publicKey: issuingKey.publicKey)
        try draft.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0", issuer: certificate)
        try draft.add(NID_key_usage, "critical,keyCertSign,cRLSign", issuer: certificate)
        return try CertificateAuthority(
            certificate: draft.sign(issuer: certificate, with: key), key: issuingKey)
    }

    /// A leaf certificate for `publicKey` as `profile` says.
    package func issue(_ profile: LeafProfile, for publicKey: PublicKey) throws(TLSError) -> Certificate {
        let draft = try CertificateDraft(name: profile.name, dates: profile.dates, publicKey: publicKey)
        try draft.add(NID_basic_constraints, "critical,CA:FALSE", issuer: certificate)
        try draft.add(NID_key_usage, "critical,digitalSignature", issuer: certificate)
        let usages = [profile.isServer ? "serverAuth" : nil, profile.isClient ? "clientAuth" : nil].compactMap { $0 }
        if !usages.isEmpty {
            try draft.add(NID_ext_key_usage, usages.joined(separator: ","), issuer: certificate)
        }
        try draft.addNames(of: profile)
        return try draft.sign(issuer: certificate, with: key)
    }
}

/// What a leaf certificate is to say.
package struct LeafProfile: Sendable {
    /// Common name for people, 1–64 bytes of UTF-8; carries no authority.
    package var name: String
    /// URIs of the subject alternative name: an Axle identity has exactly one, `axle://FLEET/ROLE/ID`.
    package var uris: [String]
    /// DNS names of the subject alternative name.
    package var dnsNames: [String]
    /// IP addresses of the subject alternative name, as text.
    package var ipAddresses: [String]
    /// Whether it may be used by the dialled side.
    package var isServer: Bool
    /// Whether it may be used by the dialling side.
    package var isClient: Bool
    /// Begin and end of validity, seconds since 1970 UTC; the end itself is no longer valid.
    package var dates: ClosedRange<Int64>

    package init(
        name: String, uris: [String] = [], dnsNames: [String] = [], ipAddresses: [String] = [],
        isServer: Bool = false, isClient: Bool = false, dates: ClosedRange<Int64>
    ) {
        self.name = name
        self.uris = uris
        self.dnsNames = dnsNames
        self.ipAddresses = ipAddresses
        self.isServer = isServer
        self.isClient = isClient
        self.dates = dates
    }
}

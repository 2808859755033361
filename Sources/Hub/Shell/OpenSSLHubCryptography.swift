internal import Identity
internal import Model
internal import TLS
internal import Trust

/// The hub's keys behind its core: OpenSSL, in memory.
struct OpenSSLHubCryptography: HubCryptography {
    private let signer: OpenSSLRecordSigner
    var orderSigner: any RecordSigner { signer }
    let orderKey: [UInt8]
    let rootPin: SHA256Digest
    let verifier: any SignatureVerifier = OpenSSLVerifier()
    private let root: Certificate
    private let issuing: CertificateAuthority
    private let hash = OpenSSLKeyedHash()

    init(_ keys: HubKeys) throws {
        signer = OpenSSLRecordSigner(keys.orderKey)
        orderKey = keys.orderKey.publicKey.der
        rootPin = try SHA256Digest(bytes: keys.root.publicKeyFingerprint)
        root = keys.root
        issuing = keys.issuing
    }

    func hmacSHA256(key: [UInt8], message: [UInt8]) throws -> [UInt8] {
        try hash.hmacSHA256(key: key, message: message)
    }

    func issue(
        request: [UInt8], identity: PeerIdentity, name: NodeName, at time: UnixTime
    ) throws -> IssuedCertificate {
        let request = try CertificateRequest(der: request)
        let begin = time.seconds - 86_400
        // A spoke answers its agents' connections; an agent only dials.
        let profile = LeafProfile(
            name: name.text, uris: [identity.description], dnsNames: [], ipAddresses: [],
            isServer: identity.role == .spoke, isClient: true, dates: begin...time.seconds + HubKeys.leafLife)
        let leaf = try issuing.issue(profile, for: request.publicKey)
        return IssuedCertificate(
            chain: [leaf.der, issuing.certificate.der, root.der], roots: [root.der], serial: leaf.serial,
            expires: UnixTime(seconds: leaf.notAfter))
    }
}

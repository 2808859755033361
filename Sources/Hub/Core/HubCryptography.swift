package import Model
package import Trust

/// A certificate that one of the hub's authorities has issued.
package struct IssuedCertificate: Equatable, Sendable {
    /// DER, leaf first, root last.
    package var chain: [[UInt8]]
    package var serial: [UInt8]
    package var expires: UnixTime
    /// SHA-256 of the leaf's DER.
    package var fingerprint: [UInt8]

    package init(chain: [[UInt8]], serial: [UInt8], expires: UnixTime, fingerprint: [UInt8]) {
        self.chain = chain
        self.serial = serial
        self.expires = expires
        self.fingerprint = fingerprint
    }
}

/// What a member's certificate says of itself; to be believed only if the hub has issued it.
package struct ShownCertificate: Equatable, Sendable {
    package var identity: PeerIdentity
    /// SubjectPublicKeyInfo in DER.
    package var key: [UInt8]
    package var serial: [UInt8]
    package var expires: UnixTime
    /// SHA-256 of its DER.
    package var fingerprint: [UInt8]
    /// SHA-256 of the public key of the root that it is under; nil if none of the hub's authorities has issued it.
    package var root: SHA256Digest?

    package init(
        identity: PeerIdentity, key: [UInt8], serial: [UInt8], expires: UnixTime, fingerprint: [UInt8],
        root: SHA256Digest?
    ) {
        self.identity = identity
        self.key = key
        self.serial = serial
        self.expires = expires
        self.fingerprint = fingerprint
        self.root = root
    }
}

/// A root CA under which the hub can issue.
package struct RootAuthority: Equatable, Sendable {
    /// SHA-256 of its SubjectPublicKeyInfo: what join tokens pin.
    package var pin: SHA256Digest
    /// DER.
    package var certificate: [UInt8]

    package init(pin: SHA256Digest, certificate: [UInt8]) {
        self.pin = pin
        self.certificate = certificate
    }
}

/// The keys of a hub, handed to its core; the simulation hands in a deterministic one.
///
/// Synchronous and without IO beyond reading keys that are in memory; a signature takes tens of microseconds.
package protocol HubCryptography: KeyedHash, Sendable {
    /// Signs orders, revocation lists, anchor sets and answers to renewals.
    var orderSigner: any RecordSigner { get }
    /// The public half of `orderSigner`: SubjectPublicKeyInfo in DER.
    var orderKey: [UInt8] { get }
    /// The roots under which it can issue, oldest first; at least one.
    var authorities: [RootAuthority] { get }
    var verifier: any SignatureVerifier { get }
    /// Issues a certificate for `identity` on a signing request, under one of its roots; throws when the request is no good.
    func issue(
        request: [UInt8], identity: PeerIdentity, name: NodeName, under root: SHA256Digest, at time: UnixTime
    ) throws -> IssuedCertificate
    /// Reads a member's certificate; throws when it is malformed or names no member.
    func read(certificate: [UInt8]) throws -> ShownCertificate
    func sha256(_ bytes: [UInt8]) -> [UInt8]
}

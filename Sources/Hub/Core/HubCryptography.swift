package import Model
package import Trust

/// A certificate that the hub's authority has issued.
package struct IssuedCertificate: Equatable, Sendable {
    /// DER, leaf first.
    package var chain: [[UInt8]]
    /// The fleet's root CAs, DER.
    package var roots: [[UInt8]]
    package var serial: [UInt8]
    package var expires: UnixTime

    package init(chain: [[UInt8]], roots: [[UInt8]], serial: [UInt8], expires: UnixTime) {
        self.chain = chain
        self.roots = roots
        self.serial = serial
        self.expires = expires
    }
}

/// The keys of a hub, handed to its core; the simulation hands in a deterministic one.
///
/// Synchronous and without IO beyond reading keys that are in memory; a signature takes tens of microseconds.
package protocol HubCryptography: KeyedHash, Sendable {
    /// Signs orders and revocation lists.
    var orderSigner: any RecordSigner { get }
    /// The public half of `orderSigner`: SubjectPublicKeyInfo in DER.
    var orderKey: [UInt8] { get }
    /// SHA-256 of the root CA's SubjectPublicKeyInfo: what join tokens pin.
    var rootPin: SHA256Digest { get }
    var verifier: any SignatureVerifier { get }
    /// Issues a certificate for `identity` on a signing request; throws when the request is no good.
    func issue(request: [UInt8], identity: PeerIdentity, name: NodeName, at time: UnixTime) throws -> IssuedCertificate
}

internal import Hub
internal import Model
internal import TLS
internal import Trust

/// The hub's keys; its certificates are only names, since the simulated network says who a peer is.
struct SimulatedCryptography: HubCryptography {
    static let orderKey = SimulatedKey("hub orders")

    var orderSigner: any RecordSigner { Self.orderKey }
    var orderKey: [UInt8] { Self.orderKey.publicKey }
    let authorities: [RootAuthority]
    var verifier: any SignatureVerifier { SimulatedVerifier() }

    init() throws {
        let root = Array("root".utf8)
        authorities = [RootAuthority(pin: try SHA256Digest(bytes: SHA256.hash(root)), certificate: root)]
    }

    func hmacSHA256(key: [UInt8], message: [UInt8]) throws -> [UInt8] { try HMAC.sha256(key: key, message) }

    func issue(
        request: [UInt8], identity: PeerIdentity, name: NodeName, under root: SHA256Digest, at time: UnixTime
    ) throws -> IssuedCertificate {
        let leaf = Array("\(identity)".utf8)
        return IssuedCertificate(
            chain: [leaf], serial: identity.id.bytes, expires: time + .seconds(90 * 86_400),
            fingerprint: SHA256.hash(leaf))
    }

    struct Unreadable: Error {}

    func read(certificate: [UInt8]) throws -> ShownCertificate { throw Unreadable() }

    func sha256(_ bytes: [UInt8]) -> [UInt8] { SHA256.hash(bytes) }
}

internal import Hub
internal import Model
internal import TLS
internal import Trust

/// The hub's keys; its certificates are only names, since the simulated network says who a peer is.
struct SimulatedCryptography: HubCryptography {
    static let orderKey = SimulatedKey("hub orders")

    var orderSigner: any RecordSigner { Self.orderKey }
    var orderKey: [UInt8] { Self.orderKey.publicKey }
    let rootPin: SHA256Digest
    var verifier: any SignatureVerifier { SimulatedVerifier() }

    init() throws {
        rootPin = try SHA256Digest(bytes: SHA256.hash(Array("root".utf8)))
    }

    func hmacSHA256(key: [UInt8], message: [UInt8]) throws -> [UInt8] { try HMAC.sha256(key: key, message) }

    func issue(request: [UInt8], identity: PeerIdentity, name: NodeName, at time: UnixTime) throws -> IssuedCertificate
    {
        IssuedCertificate(
            chain: [Array("\(identity)".utf8)], roots: [Array("root".utf8)], serial: identity.id.bytes,
            expires: time + .seconds(90 * 86_400))
    }
}

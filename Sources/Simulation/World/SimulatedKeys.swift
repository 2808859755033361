internal import Hub
internal import Model
internal import TLS
internal import Trust

/// Signatures without cryptography: whoever has the public key can sign. Enough here, since nobody in the simulation forges.
struct SimulatedVerifier: SignatureVerifier {
    func verify(_ scheme: SignatureScheme, publicKey: [UInt8], message: [UInt8], signature: [UInt8]) -> Bool {
        signature == SimulatedKey.signature(publicKey, message)
    }
}

/// Real hashes, since key ids, packages and the activity log go by them.
struct SimulatedDigester: Digester {
    func sha256(_ bytes: [UInt8]) -> [UInt8] { SHA256.hash(bytes) }
    func sha512(_ bytes: [UInt8]) -> [UInt8] { SHA512.hash(bytes) }
}

/// A key that follows from its name; signs records and metadata.
struct SimulatedKey: RecordSigner, MetadataSigner, Sendable {
    let publicKey: [UInt8]

    init(_ name: String) {
        publicKey = SHA256.hash(Array("simulated key \(name)".utf8))
    }

    var keyID: [UInt8] { SHA256.hash(publicKey) }
    var key: MetadataKey { .ed25519(publicKey, digester: SimulatedDigester()) }

    func sign(_ message: [UInt8]) -> [UInt8] { Self.signature(publicKey, message) }

    static func signature(_ publicKey: [UInt8], _ message: [UInt8]) -> [UInt8] {
        SHA512.hash(publicKey + SHA256.hash(message))
    }
}

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

    func issue(request: [UInt8], identity: PeerIdentity, name: NodeName, at time: UnixTime) throws -> IssuedCertificate {
        IssuedCertificate(
            chain: [Array("\(identity)".utf8)], roots: [Array("root".utf8)], serial: identity.id.bytes,
            expires: time + .seconds(90 * 86_400))
    }
}

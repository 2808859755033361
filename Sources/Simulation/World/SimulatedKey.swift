internal import TLS
internal import Trust

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

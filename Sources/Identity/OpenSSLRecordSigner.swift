package import TLS
import Trust

/// Signs orders, reports and revocation lists with a P-256 key in memory.
package struct OpenSSLRecordSigner: RecordSigner, Sendable {
    private let key: PrivateKey
    package let keyID: [UInt8]

    package init(_ key: PrivateKey) {
        self.key = key
        keyID = key.publicKey.fingerprint
    }

    package func sign(_ message: [UInt8]) throws -> [UInt8] { try key.sign(message, by: .es256) }
}

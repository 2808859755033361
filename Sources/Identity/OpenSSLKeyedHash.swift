internal import TLS
import Trust

/// HMAC-SHA256 by OpenSSL, for the proofs of a join.
package struct OpenSSLKeyedHash: KeyedHash, Sendable {
    package init() {}

    package func hmacSHA256(key: [UInt8], message: [UInt8]) throws -> [UInt8] { try HMAC.sha256(key: key, message) }
}

internal import TLS
import Trust

/// SHA-2 by OpenSSL, for trust code.
package struct OpenSSLDigester: Digester {
    package init() {}

    package func sha256(_ bytes: [UInt8]) -> [UInt8] { SHA256.hash(bytes) }
    package func sha512(_ bytes: [UInt8]) -> [UInt8] { SHA512.hash(bytes) }
}

import COpenSSL

/// Comparisons whose time tells nothing about the bytes.
package enum ConstantTime {
    /// Whether both are the same bytes. Only their lengths show in the time taken.
    package static func equal(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.count == other.count && CRYPTO_memcmp(one, other, one.count) == 0
    }
}

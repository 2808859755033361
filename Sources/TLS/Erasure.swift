import COpenSSL

/// Clearing of secrets that stood in arrays: files of keys, passphrases, token secrets.
package enum Erasure {
    /// Overwrites the bytes and empties the array. Only this array's own storage is cleared: a copy that shares it is
    /// another array from then on, and its owner clears it.
    package static func erase(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
        bytes = []
    }
}

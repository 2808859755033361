import COpenSSL

/// Random numbers fit for keys, tokens and nonces (OpenSSL's generator, seeded by the kernel).
package struct SecureRandom: RandomNumberGenerator, Sendable {
    package init() {}

    /// `count` random bytes (at most 1 MiB).
    package static func bytes(_ count: Int) throws(TLSError) -> [UInt8] {
        guard (0...1 << 20).contains(count) else { throw TLSError(.malformed, "cannot draw \(count) random bytes") }
        ErrorQueue.clear()
        var done = true
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            done = count == 0 || RAND_bytes(buffer.baseAddress, Int32(count)) == 1
            initialized = done ? count : 0
        }
        guard done else { throw ErrorQueue.error(.library, "no random numbers") }
        return bytes
    }

    /// A random number. Traps if the machine has no randomness: nothing safe can be done then.
    package mutating func next() -> UInt64 {
        var value: UInt64 = 0
        let done = withUnsafeMutableBytes(of: &value) {
            RAND_bytes($0.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32($0.count))
        }
        precondition(done == 1, "no random numbers")
        return value
    }
}

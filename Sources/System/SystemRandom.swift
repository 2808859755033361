internal import CLinux

/// The kernel's random numbers (getrandom(2)): fit for keys and identifiers.
package struct SystemRandom: RandomNumberGenerator, Sendable {
    package init() {}

    package mutating func next() -> UInt64 {
        var value: UInt64 = 0
        withUnsafeMutableBytes(of: &value) { Self.fill($0) }
        return value
    }

    /// Fresh random bytes.
    package static func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: max(count, 0)) { buffer, used in
            fill(UnsafeMutableRawBufferPointer(buffer))
            used = buffer.count
        }
    }

    private static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        var done = 0
        while done < buffer.count {
            // Pieces of at most 256 bytes are never cut short by a signal once the kernel's pool is ready.
            let count = min(256, buffer.count - done)
            let got = axle_getrandom(buffer.baseAddress?.advanced(by: done), count)
            if got > 0 {
                done += Int(got)
                continue
            }
            // Without random numbers no key is safe: nothing to go on with.
            precondition(Errno.current == .interrupted, "getrandom: \(Errno.current)")
        }
    }
}

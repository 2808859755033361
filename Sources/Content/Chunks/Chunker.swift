/// Cuts bytes where their content says so, so that bytes inserted into a file move few cuts: FastCDC with normalised chunking.
///
/// After Xia et al., "FastCDC: a Fast and Efficient Content-Defined Chunking Approach for Data Deduplication" (USENIX ATC '16) and "The Design of
/// Fast Content-Defined Chunking for Data Deduplication Based Storage Systems" (2020): a gear hash, no cut below the minimum, a mask with two bits more
/// before the average and two bits fewer behind it. The cuts are part of the pool's format only in so far as equal content should meet equal cuts: a reader needs
/// none of this.
package struct Chunker: Sendable {
    package let limits: ChunkLimits
    private let early: UInt64
    private let late: UInt64

    package init(_ limits: ChunkLimits = .standard) {
        self.limits = limits
        let bits = limits.average.trailingZeroBitCount
        early = Self.mask(bits + 2)
        late = Self.mask(bits - 2)
    }

    /// The length of the first chunk of `bytes`; all of them if there is no cut up to the maximum.
    ///
    /// To get the same cuts whatever pieces the bytes come in, give at least `limits.maximum` bytes or all that are left.
    package func cut(_ bytes: UnsafeRawBufferPointer) -> Int {
        let end = min(bytes.count, limits.maximum)
        guard end > limits.minimum else { return end }
        let middle = min(end, limits.average)
        return Self.gear.withUnsafeBufferPointer { gear in
            var hash: UInt64 = 0
            var at = limits.minimum
            while at < middle {
                hash = (hash << 1) &+ gear[Int(bytes[at])]
                if hash & early == 0 { return at + 1 }
                at += 1
            }
            while at < end {
                hash = (hash << 1) &+ gear[Int(bytes[at])]
                if hash & late == 0 { return at + 1 }
                at += 1
            }
            return end
        }
    }

    /// So many ones at the top, where a gear hash has seen the most bytes.
    private static func mask(_ bits: Int) -> UInt64 { UInt64.max << UInt64(64 - bits) }

    /// A random number for each byte: SplitMix64 from a fixed seed, so that every build cuts alike (a golden test holds it).
    private static let gear: [UInt64] = {
        var state: UInt64 = 0x4158_4C45_4745_4152
        return (0..<256).map { _ in
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }()
}

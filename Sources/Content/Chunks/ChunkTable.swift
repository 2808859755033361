/// Where in the old content a chunk with some checksum is: a hint for `ChunkMatcher`, which compares the bytes.
///
/// Sixteen bytes a place, at most 32 MiB whatever the content's length; what does not fit is not noted.
struct ChunkTable {
    private static let mostPlaces = 1 << 21

    /// Zero for an empty place.
    private var sums: [UInt64]
    private var offsets: [Int]
    private let mask: Int
    private(set) var count = 0

    /// Room for so many chunks at half the load.
    init(chunks: Int) {
        var places = 16
        while places < Self.mostPlaces, places / 2 < chunks { places *= 2 }
        sums = [UInt64](repeating: 0, count: places)
        offsets = [Int](repeating: 0, count: places)
        mask = places - 1
    }

    var isFull: Bool { count >= sums.count / 4 * 3 }

    /// Notes a chunk; the first with its checksum stays.
    mutating func note(_ sum: UInt64, at offset: Int) {
        guard !isFull else { return }
        var place = Int(truncatingIfNeeded: sum) & mask
        while sums[place] != 0 {
            if sums[place] == sum { return }
            place = (place + 1) & mask
        }
        sums[place] = sum
        offsets[place] = offset
        count += 1
    }

    subscript(_ sum: UInt64) -> Int? {
        var place = Int(truncatingIfNeeded: sum) & mask
        while sums[place] != 0 {
            if sums[place] == sum { return offsets[place] }
            place = (place + 1) & mask
        }
        return nil
    }

    /// A checksum of a chunk, never zero: words multiplied into two lanes. Who deceives it on purpose makes a delta longer and nothing else.
    static func sum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        let prime: UInt64 = 0x9E37_79B1_85EB_CA87
        var (a, b) = (UInt64(bytes.count) &* prime, prime)
        var at = 0
        while at + 16 <= bytes.count {
            a = (a ^ bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)) &* prime
            b = (b ^ bytes.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self)) &* prime
            a ^= a >> 29
            b ^= b >> 31
            at += 16
        }
        while at < bytes.count {
            a = (a ^ UInt64(bytes[at])) &* prime
            at += 1
        }
        var sum = (a ^ (b << 32 | b >> 32)) &* prime
        sum ^= sum >> 32
        return sum == 0 ? 1 : sum
    }
}

/// How long the chunks of a container pool are: FastCDC's three lengths.
package struct ChunkLimits: Hashable, Sendable {
    package let minimum: Int
    /// The length that cuts gather around; a power of two.
    package let average: Int
    package let maximum: Int

    /// The longest chunk that any pool may have; readers of the disk refuse more before they allocate.
    package static let longest = 1 << 18
    /// What pools of production use: 16 KiB, 64 KiB, 256 KiB.
    package static let standard = ChunkLimits(minimum: 1 << 14, average: 1 << 16, maximum: 1 << 18)

    /// Limits in bytes; `average` a power of two from 256 on, `minimum` < `average` < `maximum` ≤ `longest`.
    package init(minimum: Int, average: Int, maximum: Int) {
        precondition(
            64 <= minimum && minimum < average && average < maximum && maximum <= Self.longest && average >= 256
                && average & (average - 1) == 0, "chunk limits out of order")
        self.minimum = minimum
        self.average = average
        self.maximum = maximum
    }

    /// The most chunks that so many bytes give: all of the shortest length, and a last one.
    package func mostChunks(in length: UInt64) -> UInt64 { length / UInt64(minimum) + 1 }
}

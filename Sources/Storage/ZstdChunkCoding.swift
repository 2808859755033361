internal import Compression

/// Chunks packed with zstd, by the machine's libzstd where there is one.
package struct ZstdChunkCoding: ChunkCoding {
    /// What pools use without being told: level 1 takes a third of the time of level 3 and a tenth more room.
    package static let standardLevel = 1

    package let code: UInt8 = 1
    private let blocks: ZstdBlocks

    /// Nil where libzstd is not there: a pool then stores chunks as they are, and reading one that was packed elsewhere says `codingMissing`.
    package init?(level: Int = standardLevel) {
        do throws(CompressionError) {
            blocks = try ZstdBlocks(level: level)
        } catch {
            return nil
        }
    }

    /// The codings of this machine, for a pool.
    package static var present: [any ChunkCoding] { Self().map { [$0] } ?? [] }

    package func encode(_ chunk: UnsafeRawBufferPointer) -> [UInt8]? { blocks.pack(chunk) }
    package func decode(_ stored: [UInt8], length: Int) -> [UInt8]? { blocks.unpack(stored, length: length) }
}

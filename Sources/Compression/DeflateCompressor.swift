internal import CZlib

/// Bare deflate blocks (RFC 1951) as zlib makes them; the gzip header and trailer around them are the caller's.
package final class DeflateCompressor: Compressor {
    private let stream: UnsafeMutablePointer<axle_zlib_stream>
    /// CRC-32 and length of all that was taken in, for the trailer.
    package private(set) var checksum: UInt32 = 0
    package private(set) var length: UInt64 = 0

    /// - Parameters:
    ///   - level: 1 to 9.
    package init(level: Int) throws(CompressionError) {
        try CodecLibrary.gzip.require()
        stream = .allocate(capacity: 1)
        stream.initialize(to: axle_zlib_stream())
        guard axle_zlib_deflater(stream, Int32(clamping: level)) == AXLE_ZLIB_OK else {
            throw CompressionError(.failed, "zlib has no level \(level), or there is no memory")
        }
    }

    deinit {
        axle_zlib_deflate_end(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    package func step(
        _ input: UnsafeRawBufferPointer, isLast: Bool, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> CodecStep {
        let (most, room) = (min(input.count, 1 << 30), min(output.count, 1 << 30))
        let start = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.next_in = start
        stream.pointee.avail_in = UInt32(most)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(room)
        let ends = isLast && most == input.count
        let result = Int(axle_zlib_deflate(stream, Int32(ends ? AXLE_ZLIB_FINISH : AXLE_ZLIB_RUN)))
        guard result == AXLE_ZLIB_OK || result == AXLE_ZLIB_END || result == AXLE_ZLIB_NO_PROGRESS else {
            throw CompressionError(.failed, "zlib: error \(result)")
        }
        let consumed = most - Int(stream.pointee.avail_in)
        if consumed > 0 {
            checksum = UInt32(truncatingIfNeeded: axle_zlib_crc32(UInt(checksum), start, UInt32(consumed)))
        }
        length += UInt64(consumed)
        return CodecStep(
            consumed: consumed, produced: room - Int(stream.pointee.avail_out), isComplete: result == AXLE_ZLIB_END)
    }
}

internal import CZlib

/// A gzip file unpacked with a window of 32 KiB (RFC 1952); concatenated members are one.
///
/// Zeros behind the last member are passed over, as gzip does: they fill blocks of a tape or of a signature's padding.
package final class GzipDecompressor: Decompressor {
    private let stream: UnsafeMutablePointer<axle_zlib_stream>
    private var isBetween = false
    private var isPadding = false

    package init() throws(CompressionError) {
        try CodecLibrary.gzip.require()
        stream = .allocate(capacity: 1)
        stream.initialize(to: axle_zlib_stream())
        guard axle_zlib_gunzip(stream) == AXLE_ZLIB_OK else { throw CompressionError(.memory, "no memory for gzip") }
    }

    deinit {
        axle_zlib_inflate_end(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    package func step(
        _ input: UnsafeRawBufferPointer, isLast: Bool, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> CodecStep {
        if isBetween {
            guard let first = input.first else { return CodecStep(consumed: 0, produced: 0, isComplete: true) }
            if first == 0 || isPadding {
                isPadding = true
                guard input.allSatisfy({ $0 == 0 }) else {
                    throw CompressionError(.malformed, "there are bytes behind the gzip data's padding")
                }
                return CodecStep(consumed: input.count, produced: 0, isComplete: true)
            }
            guard axle_zlib_inflate_reset(stream) == AXLE_ZLIB_OK else {
                throw CompressionError(.failed, "gzip cannot go on to the next member")
            }
            isBetween = false
        }
        let (most, room) = (min(input.count, 1 << 30), min(output.count, 1 << 30))
        stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = UInt32(most)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(room)
        let result = Int(axle_zlib_inflate(stream))
        switch result {
        case AXLE_ZLIB_OK, AXLE_ZLIB_NO_PROGRESS: break
        case AXLE_ZLIB_END: isBetween = true
        case AXLE_ZLIB_MEMORY: throw CompressionError(.memory, "no memory for gzip")
        default: throw CompressionError(.malformed, "the gzip data is malformed")
        }
        return CodecStep(
            consumed: most - Int(stream.pointee.avail_in), produced: room - Int(stream.pointee.avail_out),
            isComplete: isBetween)
    }
}

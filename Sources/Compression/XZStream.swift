internal import CXZ

/// The state of one use of liblzma (`lzma_stream`), at an address that does not move.
final class XZStream {
    private let stream: UnsafeMutablePointer<axle_xz_stream>

    init(_ start: (UnsafeMutablePointer<axle_xz_stream>) -> Int32) throws(CompressionError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: axle_xz_stream())
        try Self.check(start(stream))
    }

    deinit {
        axle_xz_end(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    func step(
        _ input: UnsafeRawBufferPointer, isLast: Bool, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> CodecStep {
        stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = input.count
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = output.count
        let result = axle_xz_code(stream, Int32(isLast ? AXLE_XZ_FINISH : AXLE_XZ_RUN))
        // Standing still is no error: the caller sees that nothing was taken or given.
        if result != AXLE_XZ_NO_PROGRESS { try Self.check(result) }
        return CodecStep(
            consumed: input.count - stream.pointee.avail_in, produced: output.count - stream.pointee.avail_out,
            isComplete: result == AXLE_XZ_END)
    }

    private static func check(_ result: Int32) throws(CompressionError) {
        switch Int(result) {
        case AXLE_XZ_OK, AXLE_XZ_END: return
        case AXLE_XZ_MEMORY: throw CompressionError(.memory, "no memory for xz")
        case AXLE_XZ_MEMORY_LIMIT: throw CompressionError(.tooLarge, "xz wants more memory than is allowed")
        case 7, 9: throw CompressionError(.malformed, "the xz data is malformed")
        case 8: throw CompressionError(.failed, "xz: an unsupported option")
        default: throw CompressionError(.failed, "xz: error \(result)")
        }
    }
}

/// An xz stream unpacked in bounded memory; concatenated streams are one.
package final class XZDecompressor: Decompressor {
    private let stream: XZStream

    /// - Parameters:
    ///   - memoryLimit: bytes that its dictionary may take; `xz -9` needs 65 MiB.
    package init(memoryLimit: UInt64 = 128 << 20) throws(CompressionError) {
        try CodecLibrary.xz.require()
        stream = try XZStream { axle_xz_decoder($0, memoryLimit) }
    }

    package func step(
        _ input: UnsafeRawBufferPointer, isLast: Bool, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> CodecStep {
        try stream.step(input, isLast: isLast, into: output)
    }
}

internal import CZstd

/// A zstd stream unpacked in bounded memory (RFC 8878, `ZSTD_DCtx`).
///
/// A frame that asks for a larger window than `windowLogLimit` is refused before the window is taken. All memory is taken with the frame's header.
package final class ZstdDecompressor: Decompressor {
    /// Windows up to 128 MiB: what the zstd program takes without being told.
    package static let usualWindowLog = 27
    /// The largest window that a frame may have on a 64-bit machine, for patches only.
    package static let largestWindowLog = 31

    /// What tells how long a frame's header is.
    private static let frameHeaderBeginning = 5

    private let context: UnsafeMutableRawPointer

    package init(windowLogLimit: Int = usualWindowLog) throws(CompressionError) {
        try CodecLibrary.zstd.require()
        guard let made = axle_zstd_decompressor() else { throw CompressionError(.memory, "no memory to unpack zstd") }
        context = made
        try Self.check(
            axle_zstd_decompressor_set(context, Int32(AXLE_ZSTD_WINDOW_LOG_MAX), Int32(clamping: windowLogLimit)))
    }

    deinit { axle_zstd_decompressor_free(context) }

    package func step(
        _ input: UnsafeRawBufferPointer, isLast: Bool, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> CodecStep {
        var from = axle_zstd_in(bytes: input.baseAddress, size: input.count, pos: 0)
        var into = axle_zstd_out(bytes: output.baseAddress, size: output.count, pos: 0)
        let rest = axle_zstd_decompress(context, &into, &from)
        try Self.check(rest)
        return CodecStep(consumed: from.pos, produced: into.pos, isComplete: rest == 0)
    }

    /// The most bytes of a content that one block of a frame makes (RFC 8878, 3.1.1.2.4).
    package static let blockLimit = 128 << 10

    /// Unpacks one frame against `prefix` straight into `output`, which must have exactly the content's length; takes no window of its own.
    ///
    /// Between two words of progress it stores to no byte that is three blocks or more behind what is done, and reads only what is done.
    /// - Parameters:
    ///   - progress: called with the bytes that are done, after every block.
    /// - Throws: `malformed`, `truncated`, or `tooLarge` when the frame is not one whole frame that fills the output; what `progress` throws.
    package func unpackPatch(
        _ frame: UnsafeRawBufferPointer, prefix: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
        progress: (Int) throws -> Void
    ) throws {
        try Self.check(axle_zstd_decompressor_set(context, Int32(AXLE_ZSTD_STABLE_OUT), 1))
        if !prefix.isEmpty { try Self.check(axle_zstd_decompressor_prefix(context, prefix.baseAddress, prefix.count)) }
        var from = axle_zstd_in(bytes: frame.baseAddress, size: 0, pos: 0)
        var into = axle_zstd_out(bytes: output.baseAddress, size: output.count, pos: 0)
        // It is given what it asks for, which is one block and the next one's header: so many blocks may be in few bytes that all of them at once
        // would be any number of bytes of content.
        var wanted = Self.frameHeaderBeginning
        while true {
            from.size = from.pos + min(wanted, frame.count - from.pos)
            let (before, done) = (from.pos, into.pos)
            let rest = axle_zstd_decompress(context, &into, &from)
            try Self.check(rest)
            if into.pos != done { try progress(into.pos) }
            if rest == 0 { break }
            wanted = rest
            guard from.pos > before || into.pos > done || from.size < frame.count else {
                throw CompressionError(.truncated, "the patch ends before its frame does")
            }
        }
        guard from.pos == frame.count else { throw CompressionError(.malformed, "there are bytes behind the patch") }
        guard into.pos == output.count else {
            throw CompressionError(.malformed, "the patch makes \(into.pos) bytes, not \(output.count)")
        }
    }

    private static func check(_ result: Int) throws(CompressionError) {
        let number = axle_zstd_error(result)
        guard number != 0 else { return }
        throw ZstdFailure.error(number, result)
    }
}

/// Errors of libzstd (zstd_errors.h) as ours.
enum ZstdFailure {
    static func error(_ number: Int32, _ result: Int) -> CompressionError {
        let text = axle_zstd_error_text(result).map { String(cString: $0) } ?? "error \(number)"
        switch number {
        case 16: return CompressionError(.tooLarge, "zstd wants a larger window than is allowed")
        case 64: return CompressionError(.memory, "no memory for zstd")
        case 40, 42, 60, 62: return CompressionError(.failed, "zstd: \(text)")
        default: return CompressionError(.malformed, "zstd: \(text)")
        }
    }
}

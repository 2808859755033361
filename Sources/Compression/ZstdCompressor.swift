internal import CZstd

/// A zstd stream packed piece by piece (`ZSTD_CCtx`). Memory grows with the level: about 2 MiB at 1, 10 MiB at 3, some hundred at 19.
package final class ZstdCompressor: Compressor {
    /// How a stream is packed.
    package struct Settings: Hashable, Sendable {
        /// 1 to 22.
        package var level: Int
        /// 10 to 31; the level's own if nil.
        package var windowLog: Int?
        /// Looks for repetitions far behind, as `--long` does.
        package var isLong = false
        /// A checksum of the content at the frame's end.
        package var hasChecksum = false
        /// The content's length, written at the frame's beginning; unknown if nil.
        package var contentLength: UInt64?

        package init(level: Int) { self.level = level }
    }

    private let context: UnsafeMutableRawPointer

    package init(_ settings: Settings) throws(CompressionError) {
        try CodecLibrary.zstd.require()
        guard let made = axle_zstd_compressor() else { throw CompressionError(.memory, "no memory to pack zstd") }
        context = made
        try set(AXLE_ZSTD_LEVEL, settings.level)
        if let windowLog = settings.windowLog { try set(AXLE_ZSTD_WINDOW_LOG, windowLog) }
        if settings.isLong { try set(AXLE_ZSTD_LONG_DISTANCE, 1) }
        try set(AXLE_ZSTD_CHECKSUM, settings.hasChecksum ? 1 : 0)
        if let length = settings.contentLength {
            try Self.check(axle_zstd_compressor_pledge(context, length))
        } else {
            try set(AXLE_ZSTD_CONTENT_SIZE, 0)
        }
    }

    deinit { axle_zstd_compressor_free(context) }

    package func step(
        _ input: UnsafeRawBufferPointer, isLast: Bool, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> CodecStep {
        var from = axle_zstd_in(bytes: input.baseAddress, size: input.count, pos: 0)
        var into = axle_zstd_out(bytes: output.baseAddress, size: output.count, pos: 0)
        let rest = axle_zstd_compress(context, &into, &from, isLast ? 2 : 0)
        try Self.check(rest)
        return CodecStep(consumed: from.pos, produced: into.pos, isComplete: isLast && rest == 0)
    }

    /// Packs `content` as one frame against `prefix`, which is how a patch is made; both stay where they are and are not copied.
    ///
    /// Takes about 140 MiB for contents of a GiB at level 3.
    /// - Parameters:
    ///   - buffer: for what comes out, a piece at a time.
    ///   - body: called with the bytes of the content that are done, and a piece of the frame, which may be empty.
    package static func packPatch(
        _ content: UnsafeRawBufferPointer, prefix: UnsafeRawBufferPointer, level: Int, windowLog: Int,
        buffer: UnsafeMutableRawBufferPointer, _ body: (Int, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var settings = Settings(level: level)
        settings.windowLog = windowLog
        settings.isLong = true
        settings.contentLength = UInt64(content.count)
        let compressor = try ZstdCompressor(settings)
        // More candidates for each far repetition: patches of programs get a tenth smaller and take no longer.
        try compressor.set(AXLE_ZSTD_LONG_BUCKET_LOG, 6)
        // The content stays in place: no window of it is copied.
        try compressor.set(AXLE_ZSTD_STABLE_IN, 1)
        if !prefix.isEmpty {
            try check(axle_zstd_compressor_prefix(compressor.context, prefix.baseAddress, prefix.count))
        }
        var from = axle_zstd_in(bytes: content.baseAddress, size: content.count, pos: 0)
        while true {
            var into = axle_zstd_out(bytes: buffer.baseAddress, size: buffer.count, pos: 0)
            let rest = axle_zstd_compress(compressor.context, &into, &from, 2)
            try check(rest)
            try body(from.pos, UnsafeRawBufferPointer(rebasing: buffer[..<into.pos]))
            if rest == 0 { return }
        }
    }

    private func set(_ parameter: Int, _ value: Int) throws(CompressionError) {
        try Self.check(axle_zstd_compressor_set(context, Int32(parameter), Int32(clamping: value)))
    }

    private static func check(_ result: Int) throws(CompressionError) {
        let number = axle_zstd_error(result)
        guard number != 0 else { return }
        throw ZstdFailure.error(number, result)
    }
}

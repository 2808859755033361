internal import CZstd
internal import System

/// Short blocks packed and unpacked in one call each, every one a zstd frame of its own; what the library needs in memory is kept between calls.
///
/// About 1 MiB for each call that runs at the same time, at level 1. Thread rule: any thread.
package final class ZstdBlocks: Sendable {
    private let level: Int32
    private let compressors = Kept(make: axle_zstd_compressor, free: axle_zstd_compressor_free)
    private let decompressors = Kept(make: axle_zstd_decompressor, free: axle_zstd_decompressor_free)

    /// `level` is 1 to 22, or below 0 for faster ones. Throws `unavailable` where the library is not there.
    package init(level: Int) throws(CompressionError) {
        try CodecLibrary.zstd.require()
        self.level = Int32(clamping: level)
    }

    /// The block as a frame; nil where that is not shorter.
    package func pack(_ block: UnsafeRawBufferPointer) -> [UInt8]? {
        guard block.count > 1, let context = compressors.take() else { return nil }
        defer { compressors.give(context) }
        var written = 0
        // Room for less than the block: what does not get shorter is an error of zstd's.
        let frame = [UInt8](unsafeUninitializedCapacity: block.count - 1) { buffer, used in
            let result = axle_zstd_pack(
                context.pointer, buffer.baseAddress, buffer.count, block.baseAddress, block.count, level)
            written = axle_zstd_error(result) == 0 ? result : 0
            used = written
        }
        return written > 0 ? frame : nil
    }

    /// The block again, exactly `length` bytes; nil for anything else. Nothing is taken by what the frame says.
    package func unpack(_ frame: [UInt8], length: Int) -> [UInt8]? {
        guard length > 0, let context = decompressors.take() else { return nil }
        defer { decompressors.give(context) }
        let block = [UInt8](unsafeUninitializedCapacity: length) { buffer, used in
            let result = frame.withUnsafeBytes {
                axle_zstd_unpack(context.pointer, buffer.baseAddress, length, $0.baseAddress, $0.count)
            }
            used = axle_zstd_error(result) == 0 && result == length ? length : 0
        }
        return block.count == length ? block : nil
    }

    /// The library's contexts that nobody uses just now.
    private final class Kept: Sendable {
        /// Belongs to whoever took it.
        struct Context: @unchecked Sendable {
            let pointer: UnsafeMutableRawPointer
        }

        private let free: @Sendable (UnsafeMutableRawPointer?) -> Void
        private let make: @Sendable () -> UnsafeMutableRawPointer?
        private let idle = NativeLock<[Context]>([])

        init(
            make: @escaping @Sendable () -> UnsafeMutableRawPointer?,
            free: @escaping @Sendable (UnsafeMutableRawPointer?) -> Void
        ) {
            self.make = make
            self.free = free
        }

        deinit { for context in idle.withLock({ $0 }) { free(context.pointer) } }

        /// Nil without memory.
        func take() -> Context? {
            idle.withLock { $0.popLast() } ?? make().map { Context(pointer: $0) }
        }

        func give(_ context: Context) { idle.withLock { $0.append(context) } }
    }
}

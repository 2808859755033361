internal import Compression
package import Model
package import System

/// Unpacks a published file inside a process that is confined already; everybody else asks a `ContentWorker`.
///
/// Make it before `Confinement.enter`, since it loads the library; memory is bounded by the coding's window limits (128 MiB). One thread.
package final class ContentDecoder {
    private let limits: ContentLimits
    private let decompressor: any Decompressor

    /// Throws `unavailable` where the machine has no library for the coding.
    package init(_ coding: ContentCoding, limits: ContentLimits) throws(ContentError) {
        self.limits = limits
        do throws(CompressionError) {
            switch coding {
            case .none: decompressor = PlainDecompressor()
            case .gzip: decompressor = try GzipDecompressor()
            case .zstd: decompressor = try ZstdDecompressor()
            case .xz: decompressor = try XZDecompressor()
            }
        } catch {
            throw ContentError(error)
        }
    }

    /// Reads the file from its beginning to its end and gives what is inside; once.
    ///
    /// Throws `tooLarge` before a byte beyond the limits is given, `truncated` and `malformed`, or what `output` throws.
    package func run(_ file: borrowing FileDescriptor, output: (UnsafeRawBufferPointer) throws -> Void) throws {
        var pump = CodecPump()
        do {
            try pump.run(file) { input, isLast, output throws(CompressionError) in
                try decompressor.step(input, isLast: isLast, into: output)
            } output: { taken, given, bytes in
                guard given <= limits.length else { throw limits.tooLong }
                guard given <= ContentLimits.ratioBegin || given / max(taken, 1) <= limits.ratio else {
                    throw ContentError(.tooLarge, "the file unpacks to more than \(limits.ratio) times its length")
                }
                try output(bytes)
            }
        } catch let error as CompressionError {
            throw ContentError(error)
        }
    }
}

/// A file that is not packed.
final class PlainDecompressor: Decompressor {
    func step(
        _ input: UnsafeRawBufferPointer, isLast: Bool, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> CodecStep {
        let count = min(input.count, output.count)
        if count > 0 { output.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count])) }
        return CodecStep(consumed: count, produced: count, isComplete: count == input.count)
    }
}

internal import Compression
package import Model
package import System

/// Unpacks a published file inside a process that is confined already; everybody else asks a `ContentWorker`.
///
/// Make it before `Confinement.enter`, since it loads the libraries; memory is bounded by the coding's window limits (128 MiB). One thread.
package final class ContentDecoder {
    private let limits: ContentLimits
    /// nil for a Debian package, each of whose members has its own.
    private let decompressor: (any Decompressor)?

    /// Throws `unavailable` where the machine has no library for the coding.
    package init(_ coding: ContentCoding, limits: ContentLimits) throws(ContentError) {
        self.limits = limits
        do throws(CompressionError) {
            switch coding {
            case .none: decompressor = PlainDecompressor()
            case .gzip: decompressor = try CodecLibrary.gzip.decompressor()
            case .zstd: decompressor = try CodecLibrary.zstd.decompressor()
            case .xz: decompressor = try CodecLibrary.xz.decompressor()
            case .deb:
                decompressor = nil
                DebDecoder.loadLibraries()
            }
        } catch {
            throw ContentError(error)
        }
    }

    /// Reads the file from its beginning to its end and gives what is inside; once.
    ///
    /// Throws `tooLarge` before a byte beyond the limits is given, `truncated` and `malformed`, or what `output` throws.
    package func run(_ file: borrowing FileDescriptor, output: (UnsafeRawBufferPointer) throws -> Void) throws {
        do {
            guard let decompressor else {
                var decoder = DebDecoder(limits: limits)
                return try decoder.run({ try file.read(into: $0, at: $1) }, output: output)
            }
            var pump = CodecPump()
            try pump.run {
                try file.read(into: $0, at: $1)
            } step: { input, isLast, output throws(CompressionError) in
                try decompressor.step(input, isLast: isLast, into: output)
            } output: { taken, given, bytes in
                try limits.check(taken: taken, given: given)
                try output(bytes)
            }
        } catch let error as CompressionError {
            throw ContentError(error)
        }
    }
}

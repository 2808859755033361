package import Compression

extension ZstdDecompressor {
    /// Unpacks one whole frame that is in memory, and gives it piece by piece.
    ///
    /// Throws `truncated` if it ends early, `malformed` for bytes behind it, and what `output` throws.
    package func unpackWhole(
        _ frame: UnsafeRawBufferPointer, output: (UnsafeRawBufferPointer) throws(ContentError) -> Void
    ) throws {
        var buffer = [UInt8](repeating: 0, count: 256 << 10)
        var used = 0
        while true {
            let step = try buffer.withUnsafeMutableBytes { buffer in
                let step = try self.step(UnsafeRawBufferPointer(rebasing: frame[used...]), isLast: true, into: buffer)
                if step.produced > 0 { try output(UnsafeRawBufferPointer(rebasing: buffer[..<step.produced])) }
                return step
            }
            used += step.consumed
            if step.isComplete { break }
            guard step.consumed > 0 || step.produced > 0 else {
                throw ContentError(.truncated, "the chunk delta ends before its frame does")
            }
        }
        guard used == frame.count else { throw ContentError(.malformed, "there are bytes behind the chunk delta") }
    }
}

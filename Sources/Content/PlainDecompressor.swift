internal import Compression

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

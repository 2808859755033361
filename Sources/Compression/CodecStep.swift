/// What one call of a `Decompressor` or `Compressor` did.
package struct CodecStep: Hashable, Sendable {
    /// Bytes taken from the input.
    package let consumed: Int
    /// Bytes put into the output.
    package let produced: Int
    /// True if what was begun is complete: nothing more comes unless more is put in.
    package let isComplete: Bool

    package init(consumed: Int, produced: Int, isComplete: Bool) {
        self.consumed = consumed
        self.produced = produced
        self.isComplete = isComplete
    }
}

/// Unpacks a stream piece by piece in bounded memory.
///
/// Call `step` again and again with what is left of the input and with room in the output. It makes progress unless both stand still, which means
/// that it wants more input. The stream is whole if the input is at its end and the last step said `isComplete`; concatenated streams are taken as
/// one, anything else behind a stream is `malformed`. Errors are final. One thread at a time.
package protocol Decompressor: AnyObject {
    func step(
        _ input: UnsafeRawBufferPointer, isLast: Bool, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> CodecStep
}

/// Packs a stream piece by piece. As `Decompressor`, the other way round: `isLast` ends the stream, and `isComplete` says that all of it is out.
package protocol Compressor: AnyObject {
    func step(
        _ input: UnsafeRawBufferPointer, isLast: Bool, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> CodecStep
}

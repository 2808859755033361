package import System

/// Where the bytes of an answer come from.
package enum BulkSource: Sendable {
    /// From memory: the whole content, of which the part from the content's offset on is sent.
    case bytes([UInt8])
    /// From a function that may block, called on the queue: fills the buffer from this offset on and says how much it
    /// gave; 0 before the content's end cuts the transfer off. At most two buffers are read ahead.
    ///
    /// `atHand`, if there is one, is asked first, on the loop: it gives what can be had without blocking, or nil. What is in memory needs no other thread
    /// and no reading ahead, so that a hundred slow receivers hold a hundred pieces and not two hundred.
    case reader(
        NamedQueue, @Sendable (UnsafeMutableRawBufferPointer, UInt64) throws -> Int,
        atHand: (@Sendable (UnsafeMutableRawBufferPointer, UInt64) -> Int?)? = nil)
}

/// Where the bytes of a fetch go.
package enum BulkSink: Sendable {
    /// Into memory; the result has them. The fetch's limit bounds it.
    case memory
    /// To a function that may block, called on the queue with bytes and their offset in the whole content, in order.
    /// Credit goes back to the sender only when it returns, so a slow disk slows the sender down and nothing piles up.
    /// What it throws ends the fetch.
    case writer(NamedQueue, @Sendable (UnsafeRawBufferPointer, UInt64) throws -> Void)
    /// To a function that must not block, called on the loop: for counting and forwarding.
    case onLoop(@Sendable (UnsafeRawBufferPointer, UInt64) -> Void)
}

/// What a fetch brought.
package struct Fetched: Sendable {
    /// Bytes of the whole content.
    package let length: UInt64
    /// Where the data began.
    package let offset: UInt64
    /// The data, if they were asked for in memory.
    package let bytes: [UInt8]
}

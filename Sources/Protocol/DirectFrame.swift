/// A data frame whose bytes the caller writes itself, header and payload, so that the payload is not copied into the session's output.
package struct DirectFrame: Sendable {
    /// The payload's bytes, from where the caller's data begin; 0 when none may go now, and then there is no frame.
    package let count: Int
    /// The header, to be written big-endian right before the payload: bytes 0–7 and bytes 8–11.
    package let high: UInt64
    package let low: UInt32

    init(_ header: FrameHeader) {
        count = Int(header.length)
        high = header.high
        low = header.stream.number
    }
}

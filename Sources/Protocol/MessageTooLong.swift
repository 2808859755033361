/// A message that does not fit into a frame and was not sent.
package struct MessageTooLong: Error, Equatable, Sendable, CustomStringConvertible {
    /// The message's name.
    package let name: String
    /// Bytes of its payload.
    package let length: Int

    package var description: String {
        "the message \(name) would have \(length) bytes; at most \(ProtocolLimits.messageLength) are possible"
    }
}

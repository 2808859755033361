/// What passes over a link, as of now: bytes of TLS's content since it opened, speeds over the last seconds, and the transfers that this side sends.
package struct LinkFigures: Sendable, Equatable {
    package var sent: UInt64
    package var received: UInt64
    /// Bytes a second.
    package var sendRate: UInt64
    package var receiveRate: UInt64
    /// Contents on their way out, and their bytes that have not gone yet.
    package var transfers: Int
    package var bytesLeft: UInt64

    package init(
        sent: UInt64 = 0, received: UInt64 = 0, sendRate: UInt64 = 0, receiveRate: UInt64 = 0, transfers: Int = 0,
        bytesLeft: UInt64 = 0
    ) {
        self.sent = sent
        self.received = received
        self.sendRate = sendRate
        self.receiveRate = receiveRate
        self.transfers = transfers
        self.bytesLeft = bytesLeft
    }

    /// How long the transfers still take at this speed; nil when there is none, or nothing moves.
    package var secondsLeft: UInt64? {
        guard transfers > 0, sendRate > 0 else { return nil }
        return bytesLeft / sendRate + (bytesLeft % sendRate > 0 ? 1 : 0)
    }
}

internal import Network
internal import Protocol

/// What a connection says about itself to operators.
extension SessionConnection {
    /// The least that is told before the end, so that a link does not write to its daemon's disk all the time.
    static let toldAtLeast: UInt64 = 4 << 20

    func figures() -> LinkFigures {
        LinkFigures(
            sent: channel?.bytesSent ?? 0, received: channel?.bytesReceived ?? 0,
            sendRate: sendMeter.rate(at: loop.now), receiveRate: receiveMeter.rate(at: loop.now),
            transfers: sending.count, bytesLeft: sending.values.reduce(0) { $0 + $1.bytesLeft })
    }

    /// Tells the daemon how much has passed since it was told last.
    func tellUse(atLeast: UInt64) {
        guard isOpen, !isJoin, let channel else { return }
        let (sent, received) = (channel.bytesSent - toldSent, channel.bytesReceived - toldReceived)
        guard sent + received >= max(1, atLeast) else { return }
        (toldSent, toldReceived) = (channel.bytesSent, channel.bytesReceived)
        handler.linkUsed(id, sent: sent, received: received)
    }
}

package import TLS

/// Hears what happens on a channel; called on the channel's loop, must not block.
package protocol TLSChannelHandler: AnyObject {
    /// The handshake is done: protocol and certificates can be asked for. Bytes may follow at once.
    func channelOpened(_ channel: TLSChannel)

    /// Bytes came, at most `EventLoop.scratchSize`; valid during the call only. Not called while reading is off.
    func channel(_ channel: TLSChannel, received bytes: UnsafeRawBufferPointer)

    /// `send` or `queue` may take more again, after it has said that it was full.
    func channelWritable(_ channel: TLSChannel)

    /// Over; nothing is called after this, and the socket is closed. Called exactly once, also if it never opened.
    func channelClosed(_ channel: TLSChannel, _ end: ChannelEnd)
}

/// Why a channel ended.
package enum ChannelEnd: Error, Sendable, Equatable, CustomStringConvertible {
    /// The peer ended its direction properly.
    case peerClosed
    /// This side called `close`.
    case closedHere
    /// The peer did not finish its handshake in time.
    case handshakeTimeout
    /// Nothing came for longer than allowed.
    case idleTimeout
    /// TLS or the socket failed; `TLSError.code` says whose fault it is.
    case failed(TLSError)

    package var description: String {
        switch self {
        case .peerClosed: "closed by the peer"
        case .closedHere: "closed"
        case .handshakeTimeout: "the handshake took too long"
        case .idleTimeout: "nothing came for too long"
        case .failed(let error): error.description
        }
    }
}

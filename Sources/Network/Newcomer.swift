package import System
package import TLS

/// A connection that a listener has accepted, until its handshake is done: on the loop of the door, so that those who are in do
/// not wait for those who are not.
///
/// Belongs to its loop, which keeps it alive.
package final class Newcomer: TLSChannelHandler {
    private let opened: (TLSChannel) -> Void
    private let failed: (SocketAddress, ChannelEnd) -> Void

    private init(opened: @escaping (TLSChannel) -> Void, failed: @escaping (SocketAddress, ChannelEnd) -> Void) {
        self.opened = opened
        self.failed = failed
    }

    /// Shakes hands; on the loop that accepted. `opened` gets the channel to `detach` at once, or `failed` hears why there is none.
    package static func greet(
        _ accepted: Listener.Connection, _ context: TLSContext, on loop: EventLoop, options: TLSChannel.Options,
        opened: @escaping (TLSChannel) -> Void, failed: @escaping (SocketAddress, ChannelEnd) -> Void = { _, _ in }
    ) {
        var options = options
        options.takesPlaceAtOpen = false
        options.idleTimeout = nil
        // The loop keeps the channel, and the channel its handler.
        _ = TLSChannel(
            accepted: accepted, context: context, loop: loop, options: options,
            handler: Newcomer(opened: opened, failed: failed))
    }

    package func channelOpened(_ channel: TLSChannel) {
        opened(channel)
        // Whoever did not take it does not want it.
        if channel.isOpen { channel.abort() }
    }

    package func channel(_ channel: TLSChannel, received bytes: UnsafeRawBufferPointer) {}

    package func channelWritable(_ channel: TLSChannel) {}

    package func channelClosed(_ channel: TLSChannel, _ end: ChannelEnd) {
        failed(channel.address, end)
    }
}

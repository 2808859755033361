internal import Model
package import Network
internal import Protocol
internal import System
package import TLS

/// Takes sessions of members of the fleet, and joins if its context offers them, on one port.
///
/// The context is asked for with every connection, so a renewed certificate is shown from then on.
package final class SessionListener: Sendable {
    private let listener: Listener

    /// Where it listens; port 0 has become the real one.
    package var endpoint: Endpoint { listener.endpoint }
    /// Peers and handshakes now, and the most that there may be.
    package var limit: PeerLimit { listener.limit }

    /// Listens from now on; blocks while the address is resolved.
    package init(
        _ endpoint: Endpoint, group: EventLoopGroup, limit: PeerLimit, settings: SessionSettings,
        handshakeTimeout: Duration = .seconds(10), context: @escaping @Sendable () -> TLSContext, links: Links,
        handler: any LinkHandler
    ) throws(NetworkError) {
        listener = try Listener(endpoint, group: group, limit: limit) { accepted, loop in
            var options = TLSChannel.Options()
            options.handshakeTimeout = handshakeTimeout
            options.takesPlaceAtOpen = false
            options.prefersBBR = true
            options.certificateTime = settings.certificateTime()
            let connection = SessionConnection(
                id: links.nextID(), loop: loop, kind: .listener, settings: settings, links: links, handler: handler)
            links.add(connection)
            let context = context()
            connection.assumeIsolated { [options] in
                $0.start(accepted: accepted, context: context, options: options)
            }
        }
    }

    /// Accepts no more; sessions live on.
    package func close() {
        listener.close()
    }
}

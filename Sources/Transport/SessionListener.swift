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
    ///
    /// - Parameters:
    ///   - group: the loops of members' sessions.
    ///   - door: the loops of everybody else: they accept, shake hands, take joins and refuse; those of `group` if nil.
    package init(
        _ endpoint: Endpoint, group: EventLoopGroup, door: EventLoopGroup? = nil, limit: PeerLimit,
        settings: SessionSettings, firstByteTimeout: Duration = .seconds(5), handshakeTimeout: Duration = .seconds(10),
        context: @escaping @Sendable () -> TLSContext, links: Links, handler: any LinkHandler
    ) throws(NetworkError) {
        listener = try Listener(endpoint, group: door ?? group, limit: limit) { accepted, loop in
            var options = TLSChannel.Options()
            options.firstByteTimeout = firstByteTimeout
            options.handshakeTimeout = handshakeTimeout
            options.takesPlaceAtOpen = false
            options.prefersBBR = true
            options.certificateTime = settings.certificateTime()
            Newcomer.greet(
                accepted, context(), on: loop, options: options,
                opened: { [options] channel in
                    let target = Self.isMember(channel, settings) ? group.next() : loop
                    guard let established = channel.detach() else { return }
                    let connection = SessionConnection(
                        id: links.nextID(), loop: target, kind: .listener, settings: settings, links: links,
                        handler: handler)
                    links.add(connection)
                    target.execute {
                        connection.assumeIsolated { $0.start(established: established, options: options) }
                    }
                },
                failed: { address, end in
                    handler.linkRefused(address.description, SessionConnection.refusal(end).description)
                })
        }
    }

    /// Whether the peer has shown a certificate that is let in: the session judges it again, and says why not.
    private static func isMember(_ channel: TLSChannel, _ settings: SessionSettings) -> Bool {
        guard channel.negotiatedProtocol == SessionTLS.sessionProtocol else { return false }
        // The reason is told by the session.
        return (try? settings.identify(channel.peerCertificate)) != nil
    }

    /// Accepts no more; sessions live on.
    package func close() {
        listener.close()
    }
}

package import Network
import System
package import TLS

/// An HTTPS server for small documents: TLS 1.3, keep-alive, one request at a time on each connection.
///
/// Requests that a client sends ahead (pipelining) wait in its own socket, so that they cost no memory. Handlers run as
/// tasks on the cooperative pool and may await for long: a waiting one holds no thread. A handler's task is cancelled
/// when its client goes away and when the server stops. Safe from any thread.
package final class HTTPServer: Sendable {
    package typealias Handler = @Sendable (HTTPRequest) async -> HTTPResponse
    /// Whether a request's head shows that its client is known. Called on a loop, must not block. The body of any other request
    /// is not read: its handler gets an empty one, and the connection is closed behind the answer.
    package typealias Knows = @Sendable (HTTPRequestHead) -> Bool

    let settings: HTTPServerSettings
    let context: NativeLock<TLSContext>
    let handler: Handler
    let knows: Knows
    private let group: EventLoopGroup
    private let connections = NativeLock(Connections())
    private let listener = NativeLock<Listener?>(nil)
    /// Where it listens; a port 0 has become the real one.
    package let endpoint: Endpoint

    private struct Connections {
        var open: [ObjectIdentifier: HTTPServerConnection] = [:]
        var isStopping = false
    }

    /// What the listener's callback refers to before the server itself is complete.
    private final class Link: Sendable {
        let server = NativeLock<Weak>(Weak())
        struct Weak { weak var server: HTTPServer? }
    }

    /// Listens from now on. Resolves the endpoint's name, so it may block: for the start of a program.
    ///
    /// - Parameters:
    ///   - group: the loops of connections whose handshake is done.
    ///   - door: the loops that accept and shake hands; those of `group` if nil.
    ///   - context: a server context without client certificates; ALPN `http/1.1` is welcome and not required.
    package init(
        _ endpoint: Endpoint, group: EventLoopGroup, door: EventLoopGroup? = nil, context: TLSContext,
        settings: HTTPServerSettings = HTTPServerSettings(), knows: @escaping Knows = { _ in true },
        handler: @escaping Handler
    ) throws(NetworkError) {
        self.settings = settings
        self.context = NativeLock(context)
        self.handler = handler
        self.knows = knows
        self.group = group
        let link = Link()
        let limit = PeerLimit(settings.admission)
        let listener = try Listener(endpoint, group: door ?? group, limit: limit) { connection, loop in
            guard let server = link.server.withLock({ $0.server }) else {
                // Between the first connection and the end of this initialiser, or after the last user let go.
                _ = FileDescriptor(takingOwnership: connection.socket)
                return
            }
            server.serve(connection, loop)
        }
        self.endpoint = listener.endpoint
        self.listener.withLock { $0 = listener }
        link.server.withLock { $0.server = self }
    }

    /// The context that a server of this kind needs.
    package static func context(identity: TLSIdentity) throws(TLSError) -> TLSContext {
        try TLSContext.server(
            identity: identity, protocols: [ApplicationProtocol("http/1.1", asksForCertificate: false)],
            clients: .none, requiresProtocol: false)
    }

    /// New connections get this identity from now on.
    package func replaceContext(_ context: TLSContext) {
        self.context.withLock { $0 = context }
    }

    /// Accepts no more, lets requests that have begun end within `grace`, then drops what is left.
    package func stop(grace: Duration = .seconds(5)) async {
        listener.withLock { listener in
            listener?.close()
            listener = nil
        }
        let open = connections.withLock { connections in
            connections.isStopping = true
            return Array(connections.open.values)
        }
        for connection in open { connection.loop.execute { connection.drain() } }
        let end = SystemClock.uptime + grace
        while connectionCount > 0, SystemClock.uptime < end {
            // Cancellation only shortens the wait: what is left is dropped below.
            guard (try? await Task.sleep(for: .milliseconds(10))) != nil else { break }
        }
        for connection in connections.withLock({ Array($0.open.values) }) {
            connection.loop.execute { connection.abort() }
        }
    }

    /// Connections that are open now.
    package var connectionCount: Int {
        connections.withLock { $0.open.count }
    }

    var isStopping: Bool {
        connections.withLock { $0.isStopping }
    }

    /// What a channel to a client may do, in its handshake and after it.
    var options: TLSChannel.Options {
        var options = TLSChannel.Options()
        options.firstByteTimeout = settings.firstByteTimeout
        options.handshakeTimeout = settings.handshakeTimeout
        options.takesPlaceAtOpen = false
        // Requests are small, and one is answered at a time.
        options.readSize = 32 * 1024
        options.turn = TLSConnection.Turn(bytes: 256 * 1024, records: 64)
        options.queueHighWater = 0
        return options
    }

    private func serve(_ accepted: Listener.Connection, _ loop: EventLoop) {
        Newcomer.greet(
            accepted, context.withLock { $0 }, on: loop, options: options,
            opened: { [weak self] channel in
                guard let self, let established = channel.detach() else { return }
                let target = self.group.next()
                let connection = HTTPServerConnection(self, target, peer: established.address.host)
                self.connections.withLock { $0.open[ObjectIdentifier(connection)] = connection }
                target.execute { connection.start(established) }
            })
    }

    func forget(_ connection: HTTPServerConnection) {
        _ = connections.withLock { $0.open.removeValue(forKey: ObjectIdentifier(connection)) }
    }
}

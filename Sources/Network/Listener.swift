internal import Synchronization
package import System

/// Accepts TCP connections and hands each to a loop of the group.
///
/// A peer for which its limit has no place is accepted and dropped at once: told so quickly it comes back later, where one in a
/// full backlog only waits. Out of descriptors it pauses, longer each time, up to two seconds.
package final class Listener: Sendable {
    /// A connection that was accepted: its socket (whoever gets it closes it), the peer, its place under the limit.
    package struct Connection: Sendable {
        package let socket: Int32
        package let address: SocketAddress
        package let place: PeerLimit.Place
    }

    /// Where it listens; a port 0 that was asked for has become the real one.
    package let endpoint: Endpoint
    package let limit: PeerLimit
    private let acceptors: [Acceptor]

    /// Listens from now on. `accept` is called on the loop that the connection is to live on. Resolves names, so it may
    /// block: for the start of a program.
    package init(
        _ endpoint: Endpoint, group: EventLoopGroup, limit: PeerLimit,
        accept: @escaping @Sendable (Connection, EventLoop) -> Void
    ) throws(NetworkError) {
        self.limit = limit
        var acceptors: [Acceptor] = []
        var port = endpoint.port
        do throws(SystemError) {
            var addresses = try SocketAddress.resolve(endpoint.host, port: port)
            // All addresses: the socket for IPv6 takes IPv4 as well.
            if endpoint.host == nil, let both = addresses.first(where: \.isIPv6) { addresses = [both] + addresses }
            var failure: SystemError?
            for address in addresses.prefix(endpoint.host == nil ? 2 : 1) {
                do throws(SystemError) {
                    let socket = try Socket.listen(address)
                    port = try Socket.localAddress(socket).port
                    acceptors.append(Acceptor(socket, group: group, limit: limit, accept: accept))
                    break
                } catch {
                    // No IPv6 on this machine: the next address is the one of IPv4.
                    failure = error
                }
            }
            if acceptors.isEmpty {
                throw failure ?? SystemError(call: "listen", errno: .notFound, path: endpoint.description)
            }
        } catch {
            throw .cannotListen(endpoint: endpoint.description, error)
        }
        self.endpoint = Endpoint(host: endpoint.host, port: port)
        self.acceptors = acceptors
        for acceptor in acceptors { acceptor.start() }
    }

    /// Accepts no more; connections that were accepted live on.
    package func close() {
        for acceptor in acceptors { acceptor.close() }
    }

    deinit { close() }
}

/// One listening socket on one loop.
private final class Acceptor: EventHandler, TimerHandler, Sendable {
    private let loop: EventLoop
    private let group: EventLoopGroup
    private let limit: PeerLimit
    private let accept: @Sendable (Listener.Connection, EventLoop) -> Void
    private let number: Int32

    // Touched on the loop only.
    private nonisolated(unsafe) var socket: FileDescriptor?
    private nonisolated(unsafe) var registration: Registration?
    private nonisolated(unsafe) let timer = LoopTimer()
    private nonisolated(unsafe) var pause: Duration = .milliseconds(50)

    init(
        _ socket: consuming FileDescriptor, group: EventLoopGroup, limit: PeerLimit,
        accept: @escaping @Sendable (Listener.Connection, EventLoop) -> Void
    ) {
        number = socket.number
        self.socket = consume socket
        loop = group.next()
        self.group = group
        self.limit = limit
        self.accept = accept
    }

    func start() {
        loop.execute { self.listen() }
    }

    func close() {
        loop.execute {
            self.loop.cancel(self.timer)
            if let registration = self.registration { self.loop.deregister(registration) }
            self.registration = nil
            self.socket = nil
        }
    }

    private func listen() {
        do throws(SystemError) {
            registration = try loop.register(number, .read, self)
        } catch {
            rest()
        }
    }

    /// Stops listening for a while.
    private func rest() {
        if let registration { loop.deregister(registration) }
        registration = nil
        loop.schedule(timer, after: pause, self)
        pause = min(pause * 2, .seconds(2))
    }

    func timerFired(_ timer: LoopTimer) {
        listen()
    }

    func ready(_ readiness: Poller.Readiness) {
        // Some at a time, so that a storm of newcomers does not starve those who are in.
        for _ in 0..<64 {
            do throws(SystemError) {
                guard let next = try take() else { return }
                pause = .milliseconds(50)
                serve(next.number, next.address)
            } catch {
                rest()
                return
            }
        }
    }

    private func take() throws(SystemError) -> (number: Int32, address: SocketAddress)? {
        switch socket {
        case .some(let listener):
            guard let accepted = try Socket.accept(listener) else { return nil }
            return accepted.take()
        case .none:
            return nil
        }
    }

    private func serve(_ number: Int32, _ address: SocketAddress) {
        guard let place = limit.enter(address) else {
            Socket.resetOnClose(number)
            _ = FileDescriptor(takingOwnership: number)
            return
        }
        let connection = Listener.Connection(socket: number, address: address, place: place)
        let target = group.next()
        let accept = self.accept
        if target === loop {
            accept(connection, target)
        } else {
            target.execute { accept(connection, target) }
        }
    }
}

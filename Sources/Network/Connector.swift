internal import Synchronization
package import System

/// Makes TCP connections without blocking anyone: names are looked up on a queue, connects are awaited on a loop.
package final class Connector: Sendable {
    private let queue = NamedQueue("resolve")

    package init() {}

    /// Connects to one of the endpoint's addresses, tried one after the other, each with its share of the time that is
    /// left. The caller closes the socket, which belongs to `loop` from now on.
    package func connect(
        _ endpoint: Endpoint, on loop: EventLoop, timeout: Duration = .seconds(15),
        permits: @Sendable (SocketAddress) -> Bool = { _ in true }
    ) async throws(NetworkError) -> (socket: Int32, address: SocketAddress) {
        let end = SystemClock.uptime + timeout
        let addresses = try await resolve(endpoint).filter(permits)
        var last = SystemError(call: "connect", errno: .notFound, path: endpoint.description)
        for (index, address) in addresses.enumerated() {
            let rest = end - SystemClock.uptime
            guard rest > .zero else { break }
            switch await attempt(address, loop, rest / (addresses.count - index)) {
            case .success(let socket):
                guard Task.isCancelled else { return (socket, address) }
                _ = FileDescriptor(takingOwnership: socket)
            case .failure(let error):
                last = error
            }
            if Task.isCancelled { throw .cancelled }
        }
        throw .unreachable(endpoint: endpoint.description, tried: addresses.count, last: last)
    }

    private func resolve(_ endpoint: Endpoint) async throws(NetworkError) -> [SocketAddress] {
        // A numeric address is read at once; a name may take its time on the queue.
        if let numeric = try? SocketAddress.resolve(
            endpoint.host ?? "127.0.0.1", port: endpoint.port, numericOnly: true)
        {
            return numeric
        }
        let answer = await queue.run { () -> Result<[SocketAddress], SystemError> in
            do throws(SystemError) {
                return .success(try SocketAddress.resolve(endpoint.host, port: endpoint.port))
            } catch {
                return .failure(error)
            }
        }
        switch answer {
        case .success(let addresses): return addresses
        case .failure(let error): throw .unreachable(endpoint: endpoint.description, tried: 0, last: error)
        }
    }

    private func attempt(
        _ address: SocketAddress, _ loop: EventLoop, _ timeout: Duration
    ) async -> Result<Int32, SystemError> {
        let attempt = Attempt(address, loop)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                loop.execute { attempt.begin(timeout, continuation) }
            }
        } onCancel: {
            loop.execute { attempt.cancel() }
        }
    }
}

/// One connect that is under way, on its loop.
private final class Attempt: EventHandler, TimerHandler, Sendable {
    private let address: SocketAddress
    private let loop: EventLoop

    // Touched on the loop only.
    private nonisolated(unsafe) var socket: FileDescriptor?
    private nonisolated(unsafe) var registration: Registration?
    private nonisolated(unsafe) var continuation: CheckedContinuation<Result<Int32, SystemError>, Never>?
    private nonisolated(unsafe) let timer = LoopTimer()

    init(_ address: SocketAddress, _ loop: EventLoop) {
        self.address = address
        self.loop = loop
    }

    func begin(_ timeout: Duration, _ continuation: CheckedContinuation<Result<Int32, SystemError>, Never>) {
        self.continuation = continuation
        do throws(SystemError) {
            let made = try Socket.beginConnect(address)
            let number = made.number
            socket = consume made
            registration = try loop.register(number, .write, self)
            loop.schedule(timer, after: timeout, self)
        } catch {
            finish(error)
        }
    }

    func cancel() {
        // Before it has begun there is nothing to end; it will end at its deadline at the latest.
        finish(SystemError(call: "connect", errno: .interrupted, path: address.description, text: "cancelled"))
    }

    func ready(_ readiness: Poller.Readiness) {
        do throws(SystemError) {
            switch socket {
            case .some(let socket): try Socket.connectResult(socket, address)
            case .none: return
            }
            finish(nil)
        } catch {
            finish(error)
        }
    }

    func timerFired(_ timer: LoopTimer) {
        finish(SystemError(call: "connect", errno: .timedOut, path: address.description))
    }

    private func finish(_ error: SystemError?) {
        guard let continuation else { return }
        self.continuation = nil
        loop.cancel(timer)
        if let registration { loop.deregister(registration) }
        registration = nil
        if let error {
            socket = nil
            continuation.resume(returning: .failure(error))
        } else if let number = socket.take()?.release() {
            continuation.resume(returning: .success(number))
        }
    }
}

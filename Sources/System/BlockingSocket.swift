internal import Glibc

/// How long a blocking call may take, and who may end it early.
package struct Patience: Sendable {
    /// On the clock of `SystemClock.uptime`.
    package var deadline: Duration
    /// Asked about twice a second while nothing happens.
    package var isCancelled: @Sendable () -> Bool

    package init(deadline: Duration, isCancelled: @escaping @Sendable () -> Bool = { false }) {
        self.deadline = deadline
        self.isCancelled = isCancelled
    }

    /// From now on.
    package init(for wait: Duration, isCancelled: @escaping @Sendable () -> Bool = { false }) {
        self.init(deadline: SystemClock.uptime + wait, isCancelled: isCancelled)
    }
}

/// A TCP connection for code that waits on its own thread: the downloader and the command line.
///
/// Never to be used on the cooperative pool: every call may block up to its deadline. Not safe for two threads at once.
/// The descriptor is non-blocking underneath, so that no call outlives its deadline.
package final class BlockingSocket: Sendable {
    /// Why a connection could not be made or used.
    package enum Failure: Error, Sendable {
        /// The name has no address; the resolver's words.
        case unresolved(String)
        /// No address answered; the last one's reason.
        case unreachable(String)
        /// The caller does not permit the address.
        case forbidden(String)
        case timedOut
        case cancelled
        case broken(SystemError)
    }

    /// What a call waits for.
    package enum Readiness: Sendable {
        case read
        case write
    }

    private let descriptor: FileDescriptor
    /// Where it is connected to.
    package let peer: SocketAddress

    /// The number of the descriptor, for a layer (TLS) that reads and writes it itself while this value lives.
    package var number: Int32 { descriptor.number }

    /// Resolves a name and connects to the first of its addresses (at most eight are tried) that answers.
    ///
    /// Resolving itself cannot be interrupted; the system's resolver gives up by its own time-out.
    ///
    /// - Parameters:
    ///   - permits: asked about each address before it is connected to.
    package static func connect(
        to host: String, port: UInt16, patience: Patience, permits: (SocketAddress) -> Bool = { _ in true }
    ) throws(Failure) -> BlockingSocket {
        let addresses: [SocketAddress]
        do throws(SystemError) {
            addresses = try SocketAddress.resolve(host, port: port)
        } catch {
            throw .unresolved(error.text ?? error.errno.description)
        }
        var last = Failure.unresolved("no address")
        for address in addresses.prefix(8) {
            guard permits(address) else {
                last = .forbidden(address.host)
                continue
            }
            do throws(Failure) {
                return try connect(address, patience)
            } catch {
                switch error {
                case .timedOut, .cancelled: throw error
                default: last = error
                }
            }
        }
        throw last
    }

    private init(descriptor: consuming FileDescriptor, peer: SocketAddress) {
        self.descriptor = descriptor
        self.peer = peer
    }

    private static func connect(_ address: SocketAddress, _ patience: Patience) throws(Failure) -> BlockingSocket {
        let connection: BlockingSocket
        do throws(SystemError) {
            connection = BlockingSocket(descriptor: try Socket.beginConnect(address), peer: address)
        } catch {
            throw .unreachable("\(address): \(error.errno)")
        }
        try connection.wait(for: .write, patience)
        do throws(SystemError) {
            try Socket.connectResult(connection.descriptor, address)
        } catch {
            throw .unreachable("\(address): \(error.errno)")
        }
        Socket.tune(connection.number, unsent: nil)
        return connection
    }

    /// Waits until the socket can be read or written.
    package func wait(for readiness: Readiness, _ patience: Patience) throws(Failure) {
        while true {
            guard !patience.isCancelled() else { throw .cancelled }
            let left = patience.deadline - SystemClock.uptime
            guard left > .zero else { throw .timedOut }
            var entry = pollfd(fd: number, events: Int16(readiness == .read ? POLLIN : POLLOUT), revents: 0)
            let count = poll(&entry, 1, milliseconds(min(left, .milliseconds(500))))
            if count > 0 { return }
            let errno = Errno.current
            guard count == 0 || errno == .interrupted else { throw .broken(SystemError(call: "poll", errno: errno)) }
        }
    }

    /// Reads what is there, waiting for at least one byte; 0 when the peer has ended.
    package func read(into buffer: UnsafeMutableRawBufferPointer, _ patience: Patience) throws(Failure) -> Int {
        while true {
            let count = recv(number, buffer.baseAddress, buffer.count, 0)
            if count >= 0 { return count }
            let errno = Errno.current
            if errno == .interrupted { continue }
            guard errno == .again else { throw .broken(SystemError(call: "recv", errno: errno)) }
            try wait(for: .read, patience)
        }
    }

    /// Writes everything.
    package func write(_ bytes: UnsafeRawBufferPointer, _ patience: Patience) throws(Failure) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = send(number, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            if count >= 0 {
                done += count
                continue
            }
            let errno = Errno.current
            if errno == .interrupted { continue }
            guard errno == .again else { throw .broken(SystemError(call: "send", errno: errno)) }
            try wait(for: .write, patience)
        }
    }

    /// Reads what is there into an array, waiting for at least one byte; 0 when the peer has ended.
    package func read(into bytes: inout [UInt8], _ patience: Patience) throws(Failure) -> Int {
        var result: Result<Int, Failure> = .success(0)
        bytes.withUnsafeMutableBytes { buffer in
            result = Result { () throws(Failure) in try read(into: buffer, patience) }
        }
        return try result.get()
    }

    /// Writes everything.
    package func write(_ bytes: [UInt8], _ patience: Patience) throws(Failure) {
        var result: Result<Void, Failure> = .success(())
        bytes.withUnsafeBytes { buffer in
            result = Result { () throws(Failure) in try write(buffer, patience) }
        }
        try result.get()
    }

    /// Whether something waits to be read, or the peer has ended: an idle connection with either is of no use.
    package var isStale: Bool {
        var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) != 0
    }
}

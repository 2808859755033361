internal import CLinux
internal import Glibc

/// Verbs on TCP sockets. All sockets made here are closed in children; none of the calls block.
package enum Socket {
    /// Listens at an address; port 0 picks a free one, see `localAddress`.
    package static func listen(_ address: SocketAddress, backlog: Int32 = 1024) throws(SystemError) -> FileDescriptor {
        let socket = try make(address)
        let number = socket.number
        var on: Int32 = 1
        try retrying("setsockopt") { setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(4)) }
        if address.isIPv6, address.addressBytes.allSatisfy({ $0 == 0 }) {
            // One socket for both families.
            var off: Int32 = 0
            try retrying("setsockopt") { setsockopt(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, socklen_t(4)) }
        }
        try retrying("bind", address.description) { address.withRaw { bind(number, $0, $1) } }
        try retrying("listen", address.description) { Glibc.listen(number, backlog) }
        return socket
    }

    /// A peer that connected; nil if none waits. Throws what `isExhausted` says when there are no descriptors left.
    ///
    /// Errors of the peer's own (it is gone again) are skipped.
    package static func accept(
        _ listener: borrowing FileDescriptor
    ) throws(SystemError) -> Accepted? {
        let number = listener.number
        while true {
            var storage = sockaddr_storage()
            var length = UInt32(MemoryLayout<sockaddr_storage>.size)
            do throws(SystemError) {
                let socket = try retrying("accept") { axle_accept(number, &storage, &length) }
                let address = withUnsafeBytes(of: &storage) {
                    SocketAddress(raw: .init(rebasing: $0.prefix(Int(length))))
                }
                return Accepted(socket: FileDescriptor(takingOwnership: socket), address: address)
            } catch {
                switch error.errno.rawValue {
                case EAGAIN: return nil
                case ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
                    ENETUNREACH, EPERM:
                    continue
                default: throw error
                }
            }
        }
    }

    /// A connected socket and who is at its other end.
    package struct Accepted: ~Copyable {
        package let socket: FileDescriptor
        package let address: SocketAddress

        /// Takes the pair apart.
        package consuming func take() -> (number: Int32, address: SocketAddress) {
            let address = self.address
            return (socket.release(), address)
        }
    }

    /// Begins to connect; the socket becomes writable when that ends, see `connectResult`.
    package static func beginConnect(_ address: SocketAddress) throws(SystemError) -> FileDescriptor {
        let socket = try make(address)
        let number = socket.number
        // An interrupted connect goes on by itself, as one in progress does.
        if address.withRaw({ Glibc.connect(number, $0, $1) }) < 0 {
            let errno = Errno.current
            if errno != .inProgress && errno != .interrupted {
                throw SystemError(call: "connect", errno: errno, path: address.description)
            }
        }
        return socket
    }

    /// How a begun connect ended; throws why it failed.
    package static func connectResult(
        _ socket: borrowing FileDescriptor, _ address: SocketAddress
    ) throws(SystemError) {
        var value: Int32 = 0
        var length = socklen_t(4)
        let number = socket.number
        try retrying("getsockopt") { getsockopt(number, SOL_SOCKET, SO_ERROR, &value, &length) }
        guard value == 0 else {
            throw SystemError(call: "connect", errno: Errno(rawValue: value), path: address.description)
        }
    }

    /// The address that a socket is bound to.
    package static func localAddress(_ socket: borrowing FileDescriptor) throws(SystemError) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let number = socket.number
        try withUnsafeMutablePointer(to: &storage) { pointer throws(SystemError) in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer throws(SystemError) in
                _ = try retrying("getsockname") { getsockname(number, pointer, &length) }
            }
        }
        return withUnsafeBytes(of: &storage) { SocketAddress(raw: .init(rebasing: $0.prefix(Int(length)))) }
    }

    /// Sets a connection up for sessions: small messages leave at once; no more than `unsent` bytes wait in the kernel
    /// beyond what is in flight, so that what waits here can still be overtaken; a peer that acknowledges nothing for
    /// `userTimeout` is gone.
    ///
    /// Options that the kernel does not have harm nothing.
    package static func tune(_ number: Int32, unsent: Int32? = 256 * 1024, userTimeout: Duration? = nil) {
        _ = axle_tcp_no_delay(number)
        if let unsent { limitUnsent(number, unsent) }
        if let userTimeout { _ = axle_tcp_user_timeout(number, milliseconds(userTimeout)) }
    }

    /// Sets how much may wait unsent in the kernel beyond what is in flight, anew.
    package static func limitUnsent(_ number: Int32, _ bytes: Int32) {
        _ = axle_tcp_unsent_low_water(number, bytes)
    }

    /// Asks for the BBR congestion control where the kernel has it; true if so.
    @discardableResult
    package static func preferBBR(_ number: Int32) -> Bool {
        axle_tcp_congestion(number, "bbr") == 0
    }

    /// Reads raw bytes from a connection; 0 is its end. Throws EAGAIN when nothing is there.
    package static func read(
        _ number: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemError) -> Int {
        try retrying("read") { Glibc.read(number, buffer.baseAddress, buffer.count) }
    }

    /// Ends the writing direction: the peer reads the end after what was written.
    package static func shutdownWrite(_ number: Int32) {
        // A peer that is gone already knows.
        _ = Glibc.shutdown(number, Int32(SHUT_WR))
    }

    /// Makes the coming close drop the connection at once (a reset), keeping nothing of it in the kernel.
    package static func resetOnClose(_ number: Int32) {
        var value = linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(number, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    private static func make(_ address: SocketAddress) throws(SystemError) -> FileDescriptor {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        return FileDescriptor(takingOwnership: try retrying("socket") { Glibc.socket(address.family, kind, 0) })
    }
}

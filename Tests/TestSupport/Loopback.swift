import Glibc
package import TLS

/// Plain sockets of 127.0.0.1, for tests with programs of the machine at the other end.
package enum Loopback {
    /// A listening socket on a port of the kernel's choice; close it.
    package static func listen() throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TestSupportError("socket", errno) }
        var address = address(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                guard bind(descriptor, $0, length) == 0, Glibc.listen(descriptor, 16) == 0 else { return Int32(-1) }
                return getsockname(descriptor, $0, &length)
            }
        }
        guard result == 0 else {
            let number = errno
            Glibc.close(descriptor)
            throw TestSupportError("listen", number)
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    /// Waits for a connection (at most ten seconds) and answers its non-blocking socket; close it.
    package static func accept(_ listener: Int32) throws -> Int32 {
        var one = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        guard poll(&one, 1, 10_000) == 1 else { throw TestSupportError("nobody connected") }
        let descriptor = Glibc.accept(listener, nil, nil)
        guard descriptor >= 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
            throw TestSupportError("accept", errno)
        }
        return descriptor
    }

    /// Connects to a port where someone will soon listen (at most ten seconds); non-blocking; close it.
    package static func connect(_ port: UInt16) throws -> Int32 {
        for _ in 0..<200 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw TestSupportError("socket", errno) }
            var address = address(port: port)
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if result == 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 { return descriptor }
            Glibc.close(descriptor)
            usleep(50_000)
        }
        throw TestSupportError("nobody listens on port \(port)")
    }

    package static func close(_ descriptor: Int32) {
        Glibc.close(descriptor)
    }

    /// Calls `step` until it is done, waiting for the socket in between (at most ten seconds each).
    package static func wait(_ descriptor: Int32, _ step: () -> TLSProgress) -> TLSProgress {
        while true {
            let progress = step()
            var one = pollfd(fd: descriptor, events: 0, revents: 0)
            switch progress {
            case .wantRead: one.events = Int16(POLLIN)
            case .wantWrite: one.events = Int16(POLLOUT)
            case .turnOver: continue
            case .complete, .closed, .failed: return progress
            }
            guard poll(&one, 1, 10_000) == 1 else { return progress }
        }
    }

    private static func address(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}

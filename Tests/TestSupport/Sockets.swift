import Glibc

/// Two connected, non-blocking stream sockets of this process, closed with the object.
package final class ConnectedSockets {
    /// One end; −1 once closed.
    package private(set) var left: Int32
    /// The other end; −1 once closed.
    package private(set) var right: Int32

    package init() throws {
        var pair: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else { throw TestSupportError("socketpair", errno) }
        left = pair[0]
        right = pair[1]
    }

    deinit {
        closeLeft()
        closeRight()
    }

    /// Closes one end, as if its process had died.
    package func closeLeft() {
        if left >= 0 { close(left) }
        left = -1
    }

    /// Closes the other end.
    package func closeRight() {
        if right >= 0 { close(right) }
        right = -1
    }
}

/// Ports for tests. Prefer to listen on port 0 and ask for what was bound; this is for programs that cannot.
package enum FreePort {
    /// A port of 127.0.0.1 on which nobody listened just now.
    package static func next() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw TestSupportError("socket", errno) }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
            }
        }
        guard result == 0 else { throw TestSupportError("bind", errno) }
        return UInt16(bigEndian: address.sin_port)
    }
}

extension ConnectedSockets {
    /// Writes raw bytes into the right end, for a peer that does not speak the protocol.
    package func writeRight(_ bytes: [UInt8]) throws {
        let count = send(right, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        guard count == bytes.count else { throw TestSupportError("send", errno) }
    }
}

internal import Glibc

/// An IPv4 or IPv6 address with a port.
package struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// The raw `sockaddr_in` or `sockaddr_in6`.
    private let bytes: [UInt8]

    init(raw: UnsafeRawBufferPointer) {
        bytes = Array(raw)
    }

    /// The addresses of a name or of a numeric address, in the order to try them. Blocks while names are looked up, so
    /// call it on a named queue.
    ///
    /// A null host means all addresses, for listening. `numericOnly` looks nothing up.
    package static func resolve(
        _ host: String?, port: UInt16, numericOnly: Bool = false
    ) throws(SystemError) -> [SocketAddress] {
        if let host, host.utf8.contains(0) || host.utf8.count > 253 || host.isEmpty {
            throw SystemError(call: "getaddrinfo", errno: .invalid, path: String(host.prefix(80)))
        }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        if host == nil { hints.ai_flags |= AI_PASSIVE }
        if numericOnly { hints.ai_flags |= AI_NUMERICHOST }
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0 else {
            let errno = result == EAI_SYSTEM ? Errno.current : result == EAI_AGAIN ? .again : .notFound
            let text = gai_strerror(result).map { String(cString: $0) }
            throw SystemError(call: "getaddrinfo", errno: errno, path: host, text: text)
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next, addresses.count < 16 {
            if let address = entry.pointee.ai_addr {
                addresses.append(
                    SocketAddress(raw: UnsafeRawBufferPointer(start: address, count: Int(entry.pointee.ai_addrlen))))
            }
            next = entry.pointee.ai_next
        }
        return addresses
    }

    /// The address in numbers, such as "192.0.2.1" or "2001:db8::1".
    package var host: String {
        var host = [CChar](repeating: 0, count: 64)
        let result = withRaw { address, length in
            getnameinfo(address, length, &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST)
        }
        guard result == 0 else { return "unknown" }
        return String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    package var port: UInt16 {
        // Both families keep the port in bytes 2 and 3, big endian.
        bytes.count >= 4 ? UInt16(bytes[2]) << 8 | UInt16(bytes[3]) : 0
    }

    package var isIPv6: Bool { family == AF_INET6 }

    /// The address bytes in network order: 4 or 16; an IPv4 address inside IPv6 (`::ffff:a.b.c.d`) as its 4.
    package var addressBytes: [UInt8] {
        if family == AF_INET, bytes.count >= 8 { return Array(bytes[4..<8]) }
        guard family == AF_INET6, bytes.count >= 24 else { return [] }
        let address = Array(bytes[8..<24])
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
        return address.starts(with: mapped) ? Array(address[12...]) : address
    }

    /// True for addresses of this machine only.
    package var isLoopback: Bool {
        let address = addressBytes
        if address.count == 4 { return address[0] == 127 }
        return address.count == 16 && address.dropLast().allSatisfy { $0 == 0 } && address[15] == 1
    }

    /// True for addresses of the local link, where machines' own metadata services live (169.254/16, fe80::/10), and
    /// for the unspecified address.
    package var isLinkLocal: Bool {
        let address = addressBytes
        if address.allSatisfy({ $0 == 0 }) { return true }
        if address.count == 4 { return address[0] == 169 && address[1] == 254 }
        return address.count == 16 && address[0] == 0xfe && address[1] & 0xc0 == 0x80
    }

    /// "192.0.2.1:7440" or "[2001:db8::1]:7440".
    package var description: String {
        isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    var family: Int32 {
        bytes.count >= 2 ? Int32(UInt16(bytes[0]) | UInt16(bytes[1]) << 8) : 0
    }

    func withRaw<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        bytes.withUnsafeBytes { raw in
            // Copied into aligned storage of the largest kind.
            var storage = sockaddr_storage()
            return withUnsafeMutableBytes(of: &storage) { target in
                target.copyMemory(from: .init(rebasing: raw.prefix(target.count)))
                return target.withMemoryRebound(to: sockaddr.self) { bound in
                    guard let base = bound.baseAddress else { preconditionFailure("sockaddr_storage is not empty") }
                    return body(base, socklen_t(raw.count))
                }
            }
        }
    }
}

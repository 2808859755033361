package import System

/// What counts as one address under a limit: an IPv4 address, or the /64 network of an IPv6 address, of which one machine has
/// all addresses.
package struct AddressGroup: Hashable, Sendable {
    private let isIPv6: Bool
    private let bits: UInt64

    package init(_ address: SocketAddress) {
        let bytes = address.addressBytes
        isIPv6 = bytes.count > 4
        bits = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}

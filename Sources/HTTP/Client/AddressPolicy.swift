package import System

/// Which addresses a client connects to: those of the public Internet, and what an operator has allowed beside them.
///
/// A URL from outside, or a redirect, must not make the hub talk to itself, to its neighbours or to a machine's metadata
/// service. What is judged is the address that is connected to, after the name was resolved, so that a name whose answer
/// changes is no way around it. Source: the IANA special-purpose registries (RFC 6890), RFC 6052, RFC 3056.
package struct AddressPolicy: Sendable {
    /// Allowed although they are not public.
    package var allowed: [AddressRange]
    private let isOpen: Bool

    /// Everything: for a peer that was configured by name.
    package static let anywhere = AddressPolicy(allowed: [], isOpen: true)

    private init(allowed: [AddressRange], isOpen: Bool) {
        self.allowed = allowed
        self.isOpen = isOpen
    }

    /// Public addresses and these.
    package init(allowed: [AddressRange] = []) {
        self.init(allowed: allowed, isOpen: false)
    }

    /// Whether this address may be connected to.
    package func permits(_ address: SocketAddress) -> Bool {
        permits(address.addressBytes)
    }

    func permits(_ address: [UInt8]) -> Bool {
        if isOpen || allowed.contains(where: { $0.contains(address) }) { return true }
        if let inner = Self.embedded(address) { return permits(inner) }
        return !address.isEmpty && !Self.special.contains { $0.contains(address) }
    }

    /// Whether a host may be asked for where this program does not connect by itself, but through a proxy: all that can be
    /// judged is what the URL says. A numeric address is judged as ever, a name passes unless it means this machine.
    package func permits(named host: String) -> Bool {
        if let address = AddressRange.numeric(host) { return permits(address) }
        return isOpen || !Self.isLocalName(host) || permits([127, 0, 0, 1])
    }

    /// `localhost` and names below it (RFC 6761 §6.3).
    static func isLocalName(_ host: String) -> Bool {
        let name = host.lowercased().split(separator: ".").last
        return name == "localhost"
    }

    static func isLoopback(_ host: String) -> Bool {
        guard let address = AddressRange.numeric(host) else { return isLocalName(host) }
        return loopback.contains(address) || address == [UInt8](repeating: 0, count: 15) + [1]
    }

    /// The IPv4 address that is reached through an IPv6 one: IPv4-mapped, NAT64 (RFC 6052), 6to4 (RFC 3056).
    private static func embedded(_ address: [UInt8]) -> [UInt8]? {
        guard address.count == 16 else { return nil }
        if mapped.contains(address) || translated.contains(address) { return Array(address[12...]) }
        return sixToFour.contains(address) ? Array(address[2..<6]) : nil
    }

    private static let loopback = AddressRange([127], bits: 8)
    private static let mapped = AddressRange([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff], bits: 96, isIPv6: true)
    private static let translated = AddressRange([0, 0x64, 0xff, 0x9b], bits: 96, isIPv6: true)
    private static let sixToFour = AddressRange([0x20, 0x02], bits: 16, isIPv6: true)

    /// What is not the public Internet.
    private static let special: [AddressRange] = [
        AddressRange([0], bits: 8),  // "this network"
        AddressRange([10], bits: 8),  // private
        AddressRange([100, 64], bits: 10),  // shared, carrier-grade NAT; some clouds' metadata
        loopback,
        AddressRange([169, 254], bits: 16),  // link-local; metadata services
        AddressRange([172, 16], bits: 12),  // private
        AddressRange([192, 0, 0], bits: 24),  // protocol assignments
        AddressRange([192, 0, 2], bits: 24),  // documentation
        AddressRange([192, 88, 99], bits: 24),  // 6to4 relays
        AddressRange([192, 168], bits: 16),  // private
        AddressRange([198, 18], bits: 15),  // benchmarks
        AddressRange([198, 51, 100], bits: 24),  // documentation
        AddressRange([203, 0, 113], bits: 24),  // documentation
        AddressRange([224], bits: 4),  // multicast
        AddressRange([240], bits: 4),  // reserved, broadcast
        AddressRange([], bits: 96, isIPv6: true),  // unspecified, loopback, IPv4-compatible
        AddressRange([0, 0x64, 0xff, 0x9b, 0, 1], bits: 48, isIPv6: true),  // NAT64 of a site
        AddressRange([0x01], bits: 64, isIPv6: true),  // discard
        AddressRange([0x20, 0x01], bits: 23, isIPv6: true),  // protocol assignments, Teredo
        AddressRange([0x20, 0x01, 0x0d, 0xb8], bits: 32, isIPv6: true),  // documentation
        AddressRange([0x3f, 0xff], bits: 20, isIPv6: true),  // documentation
        AddressRange([0x5f], bits: 16, isIPv6: true),  // segment routing
        AddressRange([0xfc], bits: 7, isIPv6: true),  // unique local; metadata services
        AddressRange([0xfe, 0x80], bits: 10, isIPv6: true),  // link-local
        AddressRange([0xfe, 0xc0], bits: 10, isIPv6: true),  // site-local
        AddressRange([0xff], bits: 8, isIPv6: true),  // multicast
    ]
}

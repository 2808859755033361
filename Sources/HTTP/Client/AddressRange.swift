import System

/// A range of addresses, `10.0.0.0/8`, `fd00::/8` or one address; IPv4 and IPv6 apart (RFC 4632 §3.1, RFC 4291 §2.3).
package struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    /// 4 or 16 bytes in network order; those beyond the prefix are zero.
    private let bytes: [UInt8]
    private let bits: Int
    private let text: String

    /// Reads a range. A prefix that is too long, or an address with bits beyond it, is refused: what was meant is not clear.
    ///
    /// - Parameters:
    ///   - masksHost: takes an address with bits beyond its prefix for the range that it lies in, as `no_proxy` is read.
    package init(_ text: String, masksHost: Bool = false) throws(HTTPError) {
        func bad(_ why: String) -> HTTPError {
            HTTPError(.badURL, "no range of addresses such as 10.0.0.0/8 or fd00::/8 (\(why))")
        }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard text.utf8.count <= 64, let first = parts.first, let address = Self.numeric(String(first)) else {
            throw bad("no numeric address")
        }
        let most = address.count * 8
        if parts.count == 2 {
            guard let bits = HTTPSyntax.decimal(parts[1].utf8), bits <= most else { throw bad("the prefix") }
            self.bits = Int(bits)
        } else {
            bits = most
        }
        self.text = text
        bytes = masksHost ? Self.masked(address, bits) : address
        guard bytes == Self.masked(bytes, bits) else { throw bad("the address has bits beyond the prefix") }
    }

    /// A range of this module's own tables: the leading bytes, zero from there on.
    init(_ prefix: [UInt8], bits: Int, isIPv6: Bool = false) {
        let length = isIPv6 ? 16 : 4
        bytes = prefix + [UInt8](repeating: 0, count: length - prefix.count)
        self.bits = bits
        text = "\(prefix)/\(bits)"
    }

    /// Whether an address, 4 or 16 bytes in network order, lies in it.
    package func contains(_ address: [UInt8]) -> Bool {
        address.count == bytes.count && Self.masked(address, bits) == bytes
    }

    package var description: String { text }

    private static func masked(_ address: [UInt8], _ bits: Int) -> [UInt8] {
        address.enumerated().map { index, byte in
            let kept = min(max(0, bits - index * 8), 8)
            return kept == 8 ? byte : byte & ~(UInt8.max >> UInt8(kept))
        }
    }

    /// The bytes of a numeric address; nil for a name. Short forms such as `127.1`, which the system's resolver understands,
    /// count as the address that they stand for.
    static func numeric(_ host: String) -> [UInt8]? {
        guard host.utf8.allSatisfy({ HTTPSyntax.hexValue($0) != nil || "xX.:".utf8.contains($0) }) else { return nil }
        do throws(SystemError) {
            return try SocketAddress.resolve(host, port: 0, numericOnly: true).first?.addressBytes
        } catch {
            return nil  // a name
        }
    }
}

/// Hosts that are connected to without a proxy, as `no_proxy` lists them.
///
/// `*` is every host; `example.org` and `.example.org` are that name and the names below it; `10.0.0.0/8` and single
/// addresses are compared with hosts that are written in numbers; `:PORT` behind a name or an IPv4 address limits it to a port.
package struct ProxyExceptions: Sendable, Equatable {
    private let words: [String]

    package init(_ words: [String]) {
        self.words = words.map { $0.lowercased() }.filter { !$0.isEmpty }
    }

    func names(_ url: URLReference) -> Bool {
        let host = Self.bare(url.host.lowercased())
        let address = AddressRange.numeric(host)
        return words.contains { word in
            if word == "*" { return true }
            let (name, port) = Self.split(word)
            guard port == nil || port == Int64(url.port) else { return false }
            if let address { return Self.range(name)?.contains(address) ?? false }
            let domain = Self.bare(name.hasPrefix(".") ? String(name.dropFirst()) : name)
            return !domain.isEmpty && (host == domain || host.hasSuffix("." + domain))
        }
    }

    /// `NAME:PORT`; an IPv6 address has more than one colon and no port.
    private static func split(_ word: String) -> (name: String, port: Int64?) {
        let parts = word.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let port = HTTPSyntax.decimal(parts[1].utf8) else { return (word, nil) }
        return (String(parts[0]), port)
    }

    private static func range(_ text: String) -> AddressRange? {
        let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
        do throws(HTTPError) { return try AddressRange(bare) } catch { return nil }  // a name
    }

    /// Without the dot of the root at its end.
    private static func bare(_ name: String) -> String {
        name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}

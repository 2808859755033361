/// A host and a port, as people write them: "hub.example:7440", "192.0.2.1:0", "[2001:db8::1]:7440", ":7440" (all
/// addresses, for listening).
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// A name or a numeric address; nil means all addresses.
    package let host: String?
    package let port: UInt16

    package init(host: String?, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads HOST:PORT; nil if it is none. Without a port `defaultPort` is taken if given.
    package init?(_ text: String, defaultPort: UInt16? = nil) {
        guard !text.isEmpty, text.utf8.count <= 300, text.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
        var host = text[...]
        var portText: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            portText = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            // Two colons without brackets would be an IPv6 address whose port is anyone's guess.
            guard !host.contains(":") else { return nil }
            portText = text[text.index(after: colon)...]
        }
        guard !host.contains("/"), !host.contains("@") else { return nil }
        if let portText {
            guard portText.allSatisfy({ $0.isASCII && $0.isNumber }), let port = UInt16(portText) else { return nil }
            self.port = port
        } else {
            guard let defaultPort else { return nil }
            port = defaultPort
        }
        self.host = host.isEmpty || host == "*" ? nil : String(host)
    }

    package var description: String {
        guard let host else { return ":\(port)" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

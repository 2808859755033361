/// An absolute http or https URL, kept byte for byte and never normalised.
///
/// At most 4,096 bytes of visible ASCII without quotes, angle and curly brackets, backslash, caret, backtick, bar, user
/// names and fragments; every `%` begins an escape.
package struct URLReference: Hashable, Sendable, CustomStringConvertible {
    package enum Scheme: String, Sendable {
        case http
        case https
    }

    /// The URL as it was given.
    package let text: String
    package let scheme: Scheme
    /// A name, an IPv4 address or an IPv6 address without its brackets.
    package let host: String
    package let port: UInt16
    /// The `Host` field: host and port as written.
    package let authority: String
    /// Path and query for the request line; `/` where the URL has no path.
    package let target: String

    /// Reads a URL; throws `badURL` with the reason.
    package init(_ text: String) throws(HTTPError) {
        func bad(_ why: String) -> HTTPError { HTTPError(.badURL, "not a usable URL (\(why))") }
        guard text.utf8.count <= 4096 else { throw bad("too long") }
        guard text.utf8.allSatisfy({ HTTPSyntax.isTarget($0) && !Self.forbidden.contains($0) }) else {
            throw bad("a forbidden character")
        }
        guard PercentEncoding.hasWholeEscapes(text) else { throw bad("a broken escape") }
        let rest: Substring
        if text.lowercased().hasPrefix("https://") {
            scheme = .https
            rest = text.dropFirst(8)
        } else if text.lowercased().hasPrefix("http://") {
            scheme = .http
            rest = text.dropFirst(7)
        } else {
            throw bad("only http and https")
        }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let tail = rest.dropFirst(authority.count)
        guard !authority.contains("@") else {
            throw bad("user and password do not belong into it; a hub reads them from downloads.credentialsFile")
        }
        guard let (host, port) = Self.hostAndPort(authority) else { throw bad("no proper host") }
        self.text = text
        self.host = host
        self.port = port ?? (scheme == .https ? 443 : 80)
        self.authority = String(authority)
        target = tail.hasPrefix("/") ? String(tail) : "/" + tail
    }

    package var description: String {
        text
    }

    /// The URL of something below this one: `path`, percent-encoded by the caller, after this URL's path and before
    /// its query, with exactly one slash added where this one does not end in it.
    package func appending(_ path: String) throws(HTTPError) -> URLReference {
        let mark = text.firstIndex(of: "?") ?? text.endIndex
        var base = String(text[..<mark])
        if !base.hasSuffix("/") { base += "/" }
        return try URLReference(base + path + text[mark...])
    }

    /// The URL that a `Location` field means, seen from this one (RFC 3986 §5.2).
    ///
    /// Bytes that no URL may have are escaped, as browsers do: many servers send names of files as they are, in UTF-8 or
    /// another encoding, and with a `%` that begins no escape. An empty port is left out (§3.2.3).
    package func resolving(_ location: some Collection<UInt8>) throws(HTTPError) -> URLReference {
        // A fragment is never sent, so that one in a Location is only noise.
        try reference(Self.escaped(Array(location.prefix { $0 != 0x23 }))).withoutDotSegments()
    }

    /// As above, of text.
    package func resolving(_ location: String) throws(HTTPError) -> URLReference {
        try resolving(location.utf8)
    }

    /// Whether a request to the other URL goes to the same server, by name and port.
    func isSameServer(as other: URLReference) -> Bool {
        host.lowercased() == other.host.lowercased() && port == other.port
    }

    /// With every byte escaped that a URL may not have; escapes that are there stay, and control characters, which are refused.
    private static func escaped(_ given: [UInt8]) -> String {
        var bytes: [UInt8] = []
        for (index, byte) in given.enumerated() {
            let next = given[(index + 1)...].prefix(2)
            let isEscape = byte != 0x25 || next.count == 2 && next.allSatisfy { HTTPSyntax.hexValue($0) != nil }
            if byte < 0x20 || byte == 0x7F || HTTPSyntax.isTarget(byte) && !forbidden.contains(byte) && isEscape {
                bytes.append(byte)
            } else {
                bytes += Array("%".utf8) + [byte >> 4, byte & 15].map { $0 < 10 ? 0x30 + $0 : 0x37 + $0 }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Without the colon behind an authority that names no port.
    private static func withoutEmptyPort(_ text: String) -> String {
        guard let mark = text.firstRange(of: "//") else { return text }
        let authority = text[mark.upperBound...].prefix { $0 != "/" && $0 != "?" }
        guard authority.hasSuffix(":") else { return text }
        return "\(text[..<mark.upperBound])\(authority.dropLast())\(text[authority.endIndex...])"
    }

    /// With the path's `.` and `..` resolved (RFC 3986 §5.2.4); `..` at the root stays there.
    private func withoutDotSegments() throws(HTTPError) -> URLReference {
        let path = target.prefix { $0 != "?" }
        guard path.contains("/.") else { return self }
        var kept: [Substring] = []
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            switch segment {
            case ".": if isLast { kept.append("") }
            case "..":
                _ = kept.popLast()
                if isLast { kept.append("") }
            default: kept.append(segment)
            }
        }
        return try URLReference(
            "\(scheme.rawValue)://\(authority)/\(kept.joined(separator: "/"))\(target.dropFirst(path.count))")
    }

    private func reference(_ location: String) throws(HTTPError) -> URLReference {
        let lowered = location.lowercased()
        if lowered.hasPrefix("http:") || lowered.hasPrefix("https:") {
            return try URLReference(Self.withoutEmptyPort(location))
        }
        if location.hasPrefix("//") {
            return try URLReference(Self.withoutEmptyPort("\(scheme.rawValue):\(location)"))
        }
        let origin = "\(scheme.rawValue)://\(authority)"
        if location.hasPrefix("/") { return try URLReference(origin + location) }
        let first = location.prefix { $0 != "/" && $0 != "?" }
        guard !first.contains(":") else { throw HTTPError(.redirect, "a redirect to another scheme") }
        let path = String(target.prefix { $0 != "?" })
        if location.isEmpty || location.hasPrefix("?") { return try URLReference(origin + path + location) }
        let folder = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
        return try URLReference(origin + folder + location)
    }

    private static let forbidden = Set("\"<>\\^`{|}#".utf8)

    private static func hostAndPort(_ authority: Substring) -> (String, UInt16?)? {
        let host: Substring
        let rest: Substring
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            host = authority[authority.index(after: authority.startIndex)..<close]
            rest = authority[authority.index(after: close)...]
            guard host.utf8.count >= 2,
                host.utf8.allSatisfy({ HTTPSyntax.hexValue($0) != nil || $0 == 0x3A || $0 == 0x2E })
            else { return nil }
        } else {
            host = authority.prefix { $0 != ":" }
            rest = authority.dropFirst(host.count)
            guard (1...253).contains(host.utf8.count), host.utf8.allSatisfy(isHostByte) else { return nil }
        }
        guard !rest.isEmpty else { return (String(host), nil) }
        guard rest.hasPrefix(":"), let port = HTTPSyntax.decimal(rest.dropFirst().utf8), (1...65535).contains(port)
        else { return nil }
        return (String(host), UInt16(port))
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }
}

extension PercentEncoding {
    /// Whether every `%` is followed by two hexadecimal digits.
    static func hasWholeEscapes(_ text: String) -> Bool {
        var digitsLeft = 0
        for byte in text.utf8 {
            if digitsLeft > 0 {
                guard HTTPSyntax.hexValue(byte) != nil else { return false }
                digitsLeft -= 1
            } else if byte == 0x25 {
                digitsLeft = 2
            }
        }
        return digitsLeft == 0
    }
}

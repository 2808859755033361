/// Hosts that are connected to without a proxy, as `no_proxy` lists them.
///
/// `*` is every host; `example.org` and `.example.org` are that name and the names below it, `*.example.org` only those
/// below it; `10.0.0.0/8` and single addresses are compared with hosts that are written in numbers, bits behind the prefix
/// of a range counting for nothing; `:PORT` behind a name, an IPv4 address or `[IPv6]` limits it to a port.
package struct ProxyExceptions: Sendable, Equatable {
    /// What a word means.
    private enum Rule: Equatable {
        case everyHost
        case name(String, onlyBelow: Bool, port: Int64?)
        case range(AddressRange, port: Int64?)
    }

    private let rules: [Rule]

    /// Words that mean nothing are passed over; `reasonAgainst` says which.
    package init(_ words: [String]) {
        rules = words.compactMap { Self.rule($0) }
    }

    /// Why a word means nothing; nil for one that does.
    package static func reasonAgainst(_ word: String) -> String? {
        rule(word) == nil
            ? "is neither a name such as example.org or *.example.org, nor an address or range such as 10.0.0.0/8, nor *"
            : nil
    }

    func names(_ url: URLReference) -> Bool {
        let host = Self.bare(url.host.lowercased()[...])
        let address = AddressRange.numeric(host)
        return rules.contains { rule in
            switch rule {
            case .everyHost: return true
            case .range(let range, let port):
                return (port == nil || port == Int64(url.port)) && address.map(range.contains) ?? false
            case .name(let name, let onlyBelow, let port):
                guard port == nil || port == Int64(url.port), address == nil else { return false }
                return host.hasSuffix("." + name) || (host == name && !onlyBelow)
            }
        }
    }

    private static func rule(_ word: String) -> Rule? {
        let word = word.lowercased()
        guard word != "*" else { return .everyHost }
        guard let (name, port) = split(word) else { return nil }
        if let range = range(name) { return .range(range, port: port) }
        let onlyBelow = name.hasPrefix("*.")
        let domain = bare(name.dropFirst(onlyBelow ? 2 : name.hasPrefix(".") ? 1 : 0))
        let labels = domain.split(separator: ".", omittingEmptySubsequences: false)
        guard domain.utf8.count <= 253,
            labels.allSatisfy({ label in
                !label.isEmpty
                    && label.utf8.allSatisfy {
                        (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x5F
                    }
            })
        else { return nil }
        return .name(domain, onlyBelow: onlyBelow, port: port)
    }

    /// `NAME:PORT` or `[ADDRESS]:PORT`; an IPv6 address without brackets has no port. Nil for a port that is none.
    private static func split(_ word: String) -> (name: String, port: Int64?)? {
        let mark: String.Index?
        if word.hasPrefix("["), let close = word.firstIndex(of: "]") {
            let after = word.index(after: close)
            guard after == word.endIndex || word[after] == ":" else { return (word, nil) }
            mark = after == word.endIndex ? nil : after
        } else {
            mark = word.count { $0 == ":" } == 1 ? word.firstIndex(of: ":") : nil
        }
        guard let mark else { return (word, nil) }
        guard let port = HTTPSyntax.decimal(word[word.index(after: mark)...].utf8), (1...65535).contains(port) else {
            return nil
        }
        return (String(word[..<mark]), port)
    }

    private static func range(_ text: String) -> AddressRange? {
        let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
        do throws(HTTPError) { return try AddressRange(bare, masksHost: true) } catch { return nil }  // a name
    }

    /// Without the dot of the root at its end.
    private static func bare(_ name: Substring) -> String {
        String(name.hasSuffix(".") ? name.dropLast() : name)
    }
}

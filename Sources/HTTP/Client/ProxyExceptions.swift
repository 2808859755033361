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
        guard rule(word) == nil else { return nil }
        guard let (name, _) = split(word.lowercased()) else { return "has a port that is not a number from 1 to 65535" }
        return isNumeric(name)
            ? "is not an address such as 10.1.2.3, four numbers from 0 to 255, nor a range such as 10.0.0.0/8"
            : "is neither a name such as example.org or *.example.org, nor an address or range such as 10.0.0.0/8, nor *"
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
        guard !isNumeric(name) else { return nil }
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
        let digits = word[word.index(after: mark)...]
        guard !digits.hasPrefix("0"), let port = HTTPSyntax.decimal(digits.utf8), (1...65535).contains(port) else {
            return nil
        }
        return (String(word[..<mark]), port)
    }

    /// An address or range in its plain form; what only a resolver understands (`10.1`, `0x7f.1`, `010.0.0.1`) could mean
    /// another address to another program, and is none.
    private static func range(_ text: String) -> AddressRange? {
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        let bare = isBracketed ? String(text.dropFirst().dropLast()) : text
        let parts = bare.split(separator: "/", omittingEmptySubsequences: false)
        guard let address = parts.first, address.contains(":") || !isBracketed && isPlainIPv4(address),
            parts.dropFirst().allSatisfy({ $0 == "0" || !$0.hasPrefix("0") })
        else { return nil }
        do throws(HTTPError) { return try AddressRange(bare, masksHost: true) } catch { return nil }  // a name
    }

    private static func isPlainIPv4(_ text: Substring) -> Bool {
        let numbers = text.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4
            && numbers.allSatisfy { number in
                (number == "0" || !number.hasPrefix("0")) && number.utf8.count <= 3
                    && HTTPSyntax.decimal(number.utf8).map { $0 <= 255 } ?? false
            }
    }

    /// Whether a word would be an address and no name: the last label of a name is no number (RFC 1123 §2.1, and as
    /// browsers read URLs).
    private static func isNumeric(_ name: String) -> Bool {
        let host = name.prefix { $0 != "/" }
        guard host.utf8.count == name.utf8.count else { return true }
        guard let last = bare(host).split(separator: ".").last else { return false }
        return last.utf8.allSatisfy { (0x30...0x39).contains($0) }
            || last.hasPrefix("0x") && last.utf8.dropFirst(2).allSatisfy { HTTPSyntax.hexValue($0) != nil }
    }

    /// Without the dot of the root at its end.
    private static func bare(_ name: Substring) -> String {
        String(name.hasSuffix(".") ? name.dropLast() : name)
    }
}

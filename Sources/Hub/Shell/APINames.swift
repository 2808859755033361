package import System

/// The names and addresses by which operators reach the API, beside localhost: what the API's
/// certificate holds.
///
/// In `identity/api-hosts`, one a line. A running hub takes changes of the file up by itself.
/// Blocks on the disk.
package struct APINames: Equatable, Sendable {
    /// A certificate with more names would be refused by readers that count them.
    package static let limit = 64

    package private(set) var names: [String] = []

    package init() {}

    package init(_ names: [String]) throws(UsageError) {
        for name in names { try add(name) }
    }

    static func file(_ identity: String) -> String { Directory.join(identity, "api-hosts") }

    /// Reads the file; a line that is no name is left out, since releases before did not check
    /// them.
    init(identity: String) throws {
        let text = String(decoding: try File.read(Self.file(identity), limit: 1 << 16), as: UTF8.self)
        for line in text.split(separator: "\n") {
            // See above.
            _ = try? add(String(line))
        }
    }

    func write(identity: String) throws(SystemError) {
        try AtomicFile.write(names.map { $0 + "\n" }.joined(), to: Self.file(identity))
    }

    /// Adds a name or an address; false if it is there already.
    @discardableResult
    package mutating func add(_ text: String) throws(UsageError) -> Bool {
        let name = try Self.canonical(text)
        guard !names.contains(name) else { return false }
        guard names.count < Self.limit else { throw UsageError("the API has \(Self.limit) names already; remove some") }
        names.append(name)
        return true
    }

    /// Removes a name; false if it was not there.
    package mutating func remove(_ text: String) throws(UsageError) -> Bool {
        let name = try Self.canonical(text)
        guard let index = names.firstIndex(of: name) else { return false }
        names.remove(at: index)
        return true
    }

    /// DNS names for a certificate, localhost first.
    package var dnsNames: [String] { ["localhost"] + names.filter { Self.address($0) == nil && $0 != "localhost" } }
    /// Addresses for a certificate, those of this machine first.
    package var addresses: [String] {
        let own = ["127.0.0.1", "::1"]
        return own + names.filter { Self.address($0) != nil && !own.contains($0) }
    }

    /// The names that hold and how to change them, for the operator.
    package func sentence(state: String) -> String {
        "operators reach the API as \((dnsNames + addresses).joined(separator: ", ")); "
            + "'axle-hub names add NAME --state \(state)' adds a name"
    }

    /// The one spelling of a name: lower case, an address as the C library prints it.
    private static func canonical(_ text: String) throws(UsageError) -> String {
        if let address = address(text) { return address }
        let name = text.lowercased()
        guard isName(name) else {
            throw UsageError("\(text.debugDescription) is no host name or address, such as hub.example or 192.0.2.7")
        }
        return name
    }

    private static func address(_ text: String) -> String? {
        guard text.utf8.contains(where: { $0 == 0x3A || $0 == 0x2E }), !text.contains("%") else { return nil }
        // Anything else is a name.
        return try? SocketAddress.resolve(text, port: 0, numericOnly: true).first?.host
    }

    /// RFC 1123: labels of letters, digits and hyphens, and the underscore that some names have. No
    /// wildcard; not all digits and dots.
    private static func isName(_ text: String) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...253).contains(text.utf8.count), let last = labels.last,
            !last.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return false }
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D || byte == 0x5F
                }
        }
    }
}

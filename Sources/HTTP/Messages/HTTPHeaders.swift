/// The header fields of a message, in order; names compare without regard to ASCII case.
package struct HTTPHeaders: Equatable, Sendable, ExpressibleByDictionaryLiteral {
    /// One field as it was sent or will be sent.
    package struct Field: Equatable, Sendable {
        package let name: String
        /// As text; bytes that are not UTF-8 are replaced in it.
        package let value: String
        /// The bytes of a value that is not UTF-8, as obs-text allows (RFC 9110 §5.5); nil for one that is.
        fileprivate var bytes: [UInt8]?
    }

    package private(set) var fields: [Field] = []

    package init() {}

    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { append(name, value) }
    }

    package mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// Adds a field as it came.
    mutating func append(_ name: String, bytes: ArraySlice<UInt8>) {
        if let value = String(validating: bytes, as: UTF8.self) { return append(name, value) }
        fields.append(Field(name: name, value: String(decoding: bytes, as: UTF8.self), bytes: Array(bytes)))
    }

    /// The values of a name, byte for byte.
    func byteValues(_ name: String) -> [[UInt8]] {
        fields.filter { Self.same($0.name, name) }.map { $0.bytes ?? Array($0.value.utf8) }
    }

    /// Whether a value of the name is not UTF-8.
    func isBinary(_ name: String) -> Bool {
        fields.contains { $0.bytes != nil && Self.same($0.name, name) }
    }

    /// Replaces every field of that name by one.
    package mutating func set(_ name: String, _ value: String) {
        remove(name)
        append(name, value)
    }

    package mutating func remove(_ name: String) {
        fields.removeAll { Self.same($0.name, name) }
    }

    /// All values of a name, in order.
    package func values(_ name: String) -> [String] {
        fields.filter { Self.same($0.name, name) }.map(\.value)
    }

    /// The first value of a name.
    package subscript(_ name: String) -> String? {
        fields.first { Self.same($0.name, name) }?.value
    }

    package func contains(_ name: String) -> Bool {
        self[name] != nil
    }

    /// Whether a comma-separated field lists a word, in any case: `Connection: keep-alive, Close`.
    package func lists(_ word: String, in name: String) -> Bool {
        values(name).contains { value in
            value.split(separator: ",").contains { Self.same(HTTPSyntax.trimmed($0), word) }
        }
    }

    private static func same(_ a: some StringProtocol, _ b: some StringProtocol) -> Bool {
        guard a.utf8.count == b.utf8.count else { return false }
        return zip(a.utf8, b.utf8).allSatisfy { HTTPSyntax.lowercased($0) == HTTPSyntax.lowercased($1) }
    }
}

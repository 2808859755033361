/// The `Encoder` of `JSONCoder`: writes into one node of the tree, and is the container of a single value as well.
struct JSONValueEncoder: Encoder {
    let node: JSONEncodingNode
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        node.become(.object)
        return KeyedEncodingContainer(JSONKeyedEncoding(node: node, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.become(.array)
        return JSONUnkeyedEncoding(node: node, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    /// Encodes a member or element of a node of that depth.
    static func part(
        of value: some Encodable, in depth: Int, _ path: [any CodingKey]
    ) throws -> JSONEncodingNode.Part {
        guard depth < JSONCoder.depthLimit else {
            throw refusal(value, path, "it is nested deeper than \(JSONCoder.depthLimit) levels")
        }
        let node = JSONEncodingNode(depth: depth + 1)
        try value.encode(to: JSONValueEncoder(node: node, codingPath: path))
        return node.scalar.map { .value($0) } ?? .node(node)
    }

    /// An integer of any width.
    static func integer(_ value: some BinaryInteger, _ path: [any CodingKey]) throws(EncodingError) -> JSONValue {
        if let number = Int64(exactly: value) { return .integer(number) }
        if let number = UInt64(exactly: value) { return .unsigned(number) }
        throw refusal(value, path, "the integer has more than 64 bits")
    }

    static func fraction(_ value: Any, _ path: [any CodingKey]) -> EncodingError {
        refusal(value, path, "numbers are whole; encode an integer of a smaller unit, or text")
    }

    static func refusal(_ value: Any, _ path: [any CodingKey], _ why: String) -> EncodingError {
        .invalidValue(value, EncodingError.Context(codingPath: path, debugDescription: why))
    }
}

extension JSONValueEncoder: SingleValueEncodingContainer {
    func encodeNil() throws { try put(.null) }
    func encode(_ value: Bool) throws { try put(.bool(value)) }
    func encode(_ value: String) throws { try put(.string(JSONText(value))) }
    func encode(_ value: some FixedWidthInteger & Encodable) throws { try put(try Self.integer(value, codingPath)) }
    func encode(_ value: some BinaryFloatingPoint & Encodable) throws { throw Self.fraction(value, codingPath) }
    func encode(_ value: some Encodable) throws { try value.encode(to: self) }

    private func put(_ value: JSONValue) throws(EncodingError) {
        guard node.set(value) else { throw Self.refusal(value, codingPath, "it encodes itself as two values") }
    }
}

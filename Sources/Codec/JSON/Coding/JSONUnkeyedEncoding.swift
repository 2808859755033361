/// Writes the elements of an array.
struct JSONUnkeyedEncoding: UnkeyedEncodingContainer {
    let node: JSONEncodingNode
    let codingPath: [any CodingKey]

    var count: Int { node.elements.count }
    private var path: [any CodingKey] { codingPath + [JSONIndexKey(count)] }

    func encodeNil() throws { node.append(.value(.null)) }
    func encode(_ value: Bool) throws { node.append(.value(.bool(value))) }
    func encode(_ value: String) throws { node.append(.value(.string(JSONText(value)))) }

    func encode(_ value: some FixedWidthInteger & Encodable) throws {
        node.append(.value(try JSONValueEncoder.integer(value, path)))
    }

    func encode(_ value: some BinaryFloatingPoint & Encodable) throws {
        throw JSONValueEncoder.fraction(value, path)
    }

    func encode(_ value: some Encodable) throws {
        node.append(try JSONValueEncoder.part(of: value, in: node.depth, path))
    }

    func nestedContainer<Inner: CodingKey>(keyedBy type: Inner.Type) -> KeyedEncodingContainer<Inner> {
        element().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { element().unkeyedContainer() }
    func superEncoder() -> any Encoder { element() }

    private func element() -> JSONValueEncoder {
        let path = path
        return JSONValueEncoder(node: node.newElement(), codingPath: path)
    }
}

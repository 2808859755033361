/// Writes the members of an object; a name that is written again is replaced.
struct JSONKeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: JSONEncodingNode
    let codingPath: [any CodingKey]

    func encodeNil(forKey key: Key) throws { node.set(key, .value(.null)) }
    func encode(_ value: Bool, forKey key: Key) throws { node.set(key, .value(.bool(value))) }
    func encode(_ value: String, forKey key: Key) throws { node.set(key, .value(.string(JSONText(value)))) }

    func encode(_ value: some FixedWidthInteger & Encodable, forKey key: Key) throws {
        node.set(key, .value(try JSONValueEncoder.integer(value, codingPath + [key])))
    }

    func encode(_ value: some BinaryFloatingPoint & Encodable, forKey key: Key) throws {
        throw JSONValueEncoder.fraction(value, codingPath + [key])
    }

    func encode(_ value: some Encodable, forKey key: Key) throws {
        node.set(key, try JSONValueEncoder.part(of: value, in: node.depth, codingPath + [key]))
    }

    func nestedContainer<Inner: CodingKey>(
        keyedBy type: Inner.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Inner> {
        encoder(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { encoder(key).unkeyedContainer() }
    func superEncoder() -> any Encoder { encoder(JSONIndexKey.super) }
    func superEncoder(forKey key: Key) -> any Encoder { encoder(key) }

    private func encoder(_ key: any CodingKey) -> JSONValueEncoder {
        JSONValueEncoder(node: node.member(key), codingPath: codingPath + [key])
    }
}

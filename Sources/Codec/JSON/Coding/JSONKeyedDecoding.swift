/// Reads the members of an object.
struct JSONKeyedDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let object: JSONObject
    let codingPath: [any CodingKey]

    /// The names that the key's type knows.
    var allKeys: [Key] { object.members.compactMap { Key(stringValue: $0.name.string) } }

    func contains(_ key: Key) -> Bool { found(key) != nil }

    private func found(_ key: any CodingKey) -> JSONValue? { object[JSONText(key.stringValue)] }

    private func member(_ key: Key) throws(DecodingError) -> JSONValue {
        guard let value = found(key) else {
            throw .keyNotFound(
                key, DecodingError.Context(codingPath: codingPath, debugDescription: "there is no \(key.stringValue)"))
        }
        return value
    }

    func decodeNil(forKey key: Key) throws -> Bool { try member(key) == .null }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
        try JSONValueDecoder.bool(try member(key), codingPath + [key])
    }

    func decode(_ type: String.Type, forKey key: Key) throws -> String {
        try JSONValueDecoder.string(try member(key), codingPath + [key])
    }

    func decode<Number: FixedWidthInteger & Decodable>(_ type: Number.Type, forKey key: Key) throws -> Number {
        try JSONValueDecoder.integer(type, try member(key), codingPath + [key])
    }

    func decode<Number: BinaryFloatingPoint & Decodable>(_ type: Number.Type, forKey key: Key) throws -> Number {
        throw JSONValueDecoder.fraction(type, codingPath + [key])
    }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try Value(from: try decoder(key))
    }

    func nestedContainer<Inner: CodingKey>(
        keyedBy type: Inner.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Inner> {
        try decoder(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try decoder(key).unkeyedContainer()
    }

    /// Null where there is no member `super`.
    func superDecoder() throws -> any Decoder {
        JSONValueDecoder(value: found(JSONIndexKey.super) ?? .null, codingPath: codingPath + [JSONIndexKey.super])
    }

    /// Null where there is no such member.
    func superDecoder(forKey key: Key) throws -> any Decoder {
        JSONValueDecoder(value: found(key) ?? .null, codingPath: codingPath + [key])
    }

    private func decoder(_ key: Key) throws(DecodingError) -> JSONValueDecoder {
        JSONValueDecoder(value: try member(key), codingPath: codingPath + [key])
    }
}

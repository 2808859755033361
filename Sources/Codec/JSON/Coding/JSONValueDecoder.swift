/// The `Decoder` of `JSONCoder`: reads one value, and is the container of a single value as well.
struct JSONValueDecoder: Decoder {
    let value: JSONValue
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let object) = value else {
            throw Self.mismatch([String: Any].self, value, codingPath, "an object")
        }
        return KeyedDecodingContainer(JSONKeyedDecoding(object: object.read, codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else {
            throw Self.mismatch([Any].self, value, codingPath, "an array")
        }
        return JSONUnkeyedDecoding(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    static func bool(_ value: JSONValue, _ path: [any CodingKey]) throws(DecodingError) -> Bool {
        guard case .bool(let bool) = value else { throw mismatch(Bool.self, value, path, "true or false") }
        return bool
    }

    static func string(_ value: JSONValue, _ path: [any CodingKey]) throws(DecodingError) -> String {
        guard case .string(let text) = value else { throw mismatch(String.self, value, path, "text") }
        return text.string
    }

    /// An integer of any width; one that does not fit is `dataCorrupted`.
    static func integer<Number: FixedWidthInteger>(
        _ type: Number.Type, _ value: JSONValue, _ path: [any CodingKey]
    ) throws(DecodingError) -> Number {
        let number: Number?
        let shown: String
        switch value {
        case .integer(let integer):
            number = Number(exactly: integer)
            shown = "\(integer)"
        case .unsigned(let integer):
            number = Number(exactly: integer)
            shown = "\(integer)"
        default: throw mismatch(type, value, path, "a number")
        }
        guard let number else {
            throw .dataCorrupted(
                DecodingError.Context(
                    codingPath: path, debugDescription: "\(shown) is not between \(Number.min) and \(Number.max)"))
        }
        return number
    }

    static func fraction(_ type: any Any.Type, _ path: [any CodingKey]) -> DecodingError {
        .typeMismatch(type, DecodingError.Context(codingPath: path, debugDescription: "numbers are whole"))
    }

    /// `valueNotFound` for null, else `typeMismatch`.
    static func mismatch(
        _ type: any Any.Type, _ value: JSONValue, _ path: [any CodingKey], _ expected: String
    ) -> DecodingError {
        let found =
            switch value {
            case .null: "null"
            case .bool: "true or false"
            case .integer, .unsigned: "a number"
            case .string: "text"
            case .array: "an array"
            case .object: "an object"
            }
        let context = DecodingError.Context(
            codingPath: path, debugDescription: "\(expected) is expected, and there is \(found)")
        return value == .null ? .valueNotFound(type, context) : .typeMismatch(type, context)
    }
}

extension JSONValueDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool { value == .null }
    func decode(_ type: Bool.Type) throws -> Bool { try Self.bool(value, codingPath) }
    func decode(_ type: String.Type) throws -> String { try Self.string(value, codingPath) }

    func decode<Number: FixedWidthInteger & Decodable>(_ type: Number.Type) throws -> Number {
        try Self.integer(type, value, codingPath)
    }

    func decode<Number: BinaryFloatingPoint & Decodable>(_ type: Number.Type) throws -> Number {
        throw Self.fraction(type, codingPath)
    }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try Value(from: self) }
}

/// Reads the elements of an array, one after the other; one that cannot be read is not stepped over.
struct JSONUnkeyedDecoding: UnkeyedDecodingContainer {
    private let elements: [JSONValue]
    let codingPath: [any CodingKey]
    private(set) var currentIndex = 0

    init(elements: [JSONValue], codingPath: [any CodingKey]) {
        self.elements = elements
        self.codingPath = codingPath
    }

    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }
    private var path: [any CodingKey] { codingPath + [JSONIndexKey(currentIndex)] }

    mutating func decodeNil() throws -> Bool {
        guard try element(Never.self) == .null else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode(_ type: Bool.Type) throws -> Bool {
        try stepping { try JSONValueDecoder.bool(try $0.element(type), $0.path) }
    }

    mutating func decode(_ type: String.Type) throws -> String {
        try stepping { try JSONValueDecoder.string(try $0.element(type), $0.path) }
    }

    mutating func decode<Number: FixedWidthInteger & Decodable>(_ type: Number.Type) throws -> Number {
        try stepping { try JSONValueDecoder.integer(type, try $0.element(type), $0.path) }
    }

    mutating func decode<Number: BinaryFloatingPoint & Decodable>(_ type: Number.Type) throws -> Number {
        throw JSONValueDecoder.fraction(type, path)
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try stepping { try Value(from: try $0.decoder(type)) }
    }

    mutating func nestedContainer<Inner: CodingKey>(
        keyedBy type: Inner.Type
    ) throws -> KeyedDecodingContainer<Inner> {
        try stepping { try $0.decoder([String: Any].self).container(keyedBy: type) }
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try stepping { try $0.decoder([Any].self).unkeyedContainer() }
    }

    mutating func superDecoder() throws -> any Decoder {
        try stepping { try $0.decoder((any Decoder).self) }
    }

    private mutating func stepping<Result>(_ read: (Self) throws -> Result) throws -> Result {
        let result = try read(self)
        currentIndex += 1
        return result
    }

    private func decoder(_ type: any Any.Type) throws(DecodingError) -> JSONValueDecoder {
        JSONValueDecoder(value: try element(type), codingPath: path)
    }

    private func element(_ type: any Any.Type) throws(DecodingError) -> JSONValue {
        guard !isAtEnd else {
            throw .valueNotFound(
                type, DecodingError.Context(codingPath: path, debugDescription: "the array has no more elements"))
        }
        return elements[currentIndex]
    }
}

/// Swift's `Codable` over Axle's own JSON: files, columns and the API are written and read by it, without Foundation.
///
/// It writes what Foundation's `JSONEncoder` writes with `sortedKeys` and `withoutEscapingSlashes`, byte for byte, and reads what that has
/// written with any options. Two things are left out on purpose. Numbers are whole: all of `Int64` and `UInt64`, nothing with a point, so that
/// `Double` (and with it Foundation's `Date`) is refused both ways. And an object that has a name twice is refused, since two readers could
/// take it for two things. Bytes from outside never trap: limits come before memory, depth is bounded, integers are checked.
/// Any thread; nothing is kept between calls.
package enum JSONCoder {
    /// How a text is written.
    package enum Syntax: Sendable {
        /// Strict JSON, as programs write it.
        case strict
        /// JSON5, as people write it: see `JSON5Parser`.
        case json5
    }

    /// As deep as arrays and objects are written: what `decode` takes when its caller says nothing else.
    static let depthLimit = JSONLimits.file.depth

    /// The JSON of a value, names in order; on one line, or indented for people, then without a line break at the end.
    ///
    /// Throws `EncodingError.invalidValue` with the coding path for a fraction, an integer beyond 64 bits, a value that encodes nothing, and
    /// what is nested deeper than 32 levels; and whatever the value's own `encode(to:)` throws.
    package static func encode(_ value: some Encodable, indented: Bool = false) throws -> [UInt8] {
        let node = JSONEncodingNode(depth: 0)
        try value.encode(to: JSONValueEncoder(node: node, codingPath: []))
        guard node.shape != .nothing else {
            throw EncodingError.invalidValue(
                value, EncodingError.Context(codingPath: [], debugDescription: "the value encodes nothing"))
        }
        return try node.finished(value, []).text(indented: indented)
    }

    /// The value of a JSON text.
    ///
    /// Throws `DecodingError`, whose `sentence` is for people: `dataCorrupted` at the empty path with line and column where the text is no
    /// JSON (a `JSONError` beneath it), else with the path of what is missing, of another kind or out of range; and whatever the type's own
    /// `init(from:)` throws.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], limits: JSONLimits = .file, syntax: Syntax = .strict
    ) throws -> Value {
        let value: JSONValue
        do throws(JSONError) {
            switch syntax {
            case .strict: value = try JSONParser.parse(bytes, limits: limits, integers: .wide)
            case .json5: value = try JSON5Parser.parse(bytes, limits: limits)
            }
        } catch {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: [], debugDescription: error.sentence(in: bytes), underlyingError: error))
        }
        return try Value(from: JSONValueDecoder(value: value, codingPath: []))
    }
}

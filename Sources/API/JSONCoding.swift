import FoundationEssentials

/// How the API writes and reads JSON: keys in order, slashes as they are, times as ISO 8601; the same value, the same bytes.
package enum JSONCoding {
    /// The JSON of a value; on one line unless `pretty`.
    package static func encode(_ value: some Encodable, pretty: Bool = false) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        return [UInt8](try encoder.encode(value))
    }

    /// A value of JSON, or of JSON5 for files that people write; the problem says where and what is wrong.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], json5: Bool = false
    ) throws(Problem) -> Value {
        let decoder = JSONDecoder()
        decoder.allowsJSON5 = json5
        do {
            return try decoder.decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw Problem(.malformedBody, text(error))
        } catch {
            throw Problem(.malformedBody, "the body could not be read")
        }
    }

    private static func text(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context): "\(place(context.codingPath + [key])) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "\(place(context.codingPath)) has a value of the wrong kind"
        case .dataCorrupted(let context):
            context.codingPath.isEmpty
                ? "this is no valid JSON: \(context.debugDescription)"
                : "\(place(context.codingPath)): \(context.debugDescription)"
        @unknown default: "the body could not be read"
        }
    }

    /// A path such as `select.names[2]`.
    private static func place(_ path: [any CodingKey]) -> String {
        let text = path.reduce("") { text, key in
            if let index = key.intValue { return "\(text)[\(index)]" }
            return text.isEmpty ? key.stringValue : "\(text).\(key.stringValue)"
        }
        return text.isEmpty ? "the body" : text
    }
}

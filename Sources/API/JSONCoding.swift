internal import Codec

/// How the API writes and reads JSON: keys in order, slashes as they are, times as ISO 8601; the same value, the same bytes.
///
/// Numbers are whole, and a name stands in an object once: what breaks that is refused, here as in Axle's files.
package enum JSONCoding {
    /// What an answer of the hub, the largest of texts, may cost.
    private static let limits = JSONLimits(bytes: 64 << 20)

    /// The JSON of a value; on one line unless `pretty`.
    package static func encode(_ value: some Encodable, pretty: Bool = false) throws -> [UInt8] {
        try JSONCoder.encode(value, indented: pretty)
    }

    /// A value of JSON, or of JSON5 for files that people write; the problem says where and what is wrong.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], json5: Bool = false
    ) throws(Problem) -> Value {
        do {
            return try JSONCoder.decode(type, from: bytes, limits: limits, syntax: json5 ? .json5 : .strict)
        } catch let error as DecodingError {
            throw Problem(.malformedBody, error.sentence)
        } catch {
            throw Problem(.malformedBody, "the body could not be read")
        }
    }
}

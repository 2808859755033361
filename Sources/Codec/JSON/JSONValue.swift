/// A JSON value as strict signed metadata may hold it: no floating point, strings by their bytes, names unique.
///
/// `true` and `1` differ, "é" in NFC and in NFD differ, and integers lie within ±2^53, so that every reader in the world
/// sees the same value. See TRUST.md, "Canonical JSON".
package enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// Within ±2^53 when it came from the parser, unless that was told to take `JSONIntegers.wide`.
    case integer(Int64)
    /// Above `Int64.max`; of `JSONIntegers.wide` only, never of signed metadata.
    case unsigned(UInt64)
    case string(JSONText)
    case array([JSONValue])
    case object(JSONObject)

    /// The greatest magnitude of an integer that every JSON reader keeps exactly: 2^53.
    package static let greatestInteger: Int64 = 9_007_199_254_740_992
}

extension JSONValue {
    package var asObject: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }

    package var asArray: [JSONValue]? {
        if case .array(let array) = self { array } else { nil }
    }

    package var asText: JSONText? {
        if case .string(let text) = self { text } else { nil }
    }

    package var asInteger: Int64? {
        if case .integer(let integer) = self { integer } else { nil }
    }

    package var asBool: Bool? {
        if case .bool(let bool) = self { bool } else { nil }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral
{
    package init(stringLiteral value: String) {
        self = .string(JSONText(value))
    }

    package init(integerLiteral value: Int64) {
        self = .integer(value)
    }

    package init(booleanLiteral value: Bool) {
        self = .bool(value)
    }

    package init(arrayLiteral elements: JSONValue...) {
        self = .array(elements)
    }
}

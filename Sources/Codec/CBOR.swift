/// A CBOR data item (RFC 8949) as a tree of values.
///
/// The tree keeps what the wire can say apart (`1`, `1.0` and `"1"` are three values), so that nothing is merged by accident.
/// Two values are equal when their encodings are: text is compared byte by byte, never by Unicode's canonical equivalence.
/// Size limits are the decoder's business: see `CBORLimits`.
package indirect enum CBOR: Sendable {
    /// Major type 0: 0 … 2⁶⁴−1.
    case unsigned(UInt64)
    /// Major type 1: the value −1 − n, so that all of −2⁶⁴ … −1 has a place.
    case negative(UInt64)
    /// Major type 2.
    case bytes([UInt8])
    /// Major type 3, valid UTF-8.
    case text(String)
    /// Major type 4.
    case array([CBOR])
    /// Major type 5, pairs in the order of the wire; the encoder sorts them.
    case map([CBORPair])
    /// Major type 6.
    case tagged(UInt64, CBOR)
    /// Simple values 20 and 21.
    case bool(Bool)
    /// Simple value 22.
    case null
    /// Simple value 23.
    case undefined
    /// Any other simple value: 0 … 19 and 32 … 255.
    case simple(UInt8)
    /// Half, single and double precision alike; the encoder takes the shortest that keeps the value.
    case float(Double)
}

/// One key and its value in a CBOR map.
package struct CBORPair: Equatable, Sendable {
    package var key: CBOR
    package var value: CBOR

    package init(_ key: CBOR, _ value: CBOR) {
        self.key = key
        self.value = value
    }
}

extension CBOR: Equatable {
    package static func == (left: CBOR, right: CBOR) -> Bool {
        switch (left, right) {
        case (.unsigned(let a), .unsigned(let b)), (.negative(let a), .negative(let b)): a == b
        case (.bytes(let a), .bytes(let b)): a == b
        case (.text(let a), .text(let b)): a.utf8.elementsEqual(b.utf8)
        case (.array(let a), .array(let b)): a == b
        case (.map(let a), .map(let b)): a == b
        case (.tagged(let a, let x), .tagged(let b, let y)): a == b && x == y
        case (.bool(let a), .bool(let b)): a == b
        case (.null, .null), (.undefined, .undefined): true
        case (.simple(let a), .simple(let b)): a == b
        case (.float(let a), .float(let b)): a.bitPattern == b.bitPattern || (a.isNaN && b.isNaN)
        default: false
        }
    }
}

extension CBOR {
    /// The item for a signed integer.
    package static func integer(_ value: Int64) -> CBOR {
        value < 0 ? .negative(UInt64(bitPattern: ~value)) : .unsigned(UInt64(value))
    }

    /// A map with unsigned integer keys, as every message, order and report of Axle is; fields without a value are left out.
    package static func record(_ fields: KeyValuePairs<UInt64, CBOR?>) -> CBOR {
        .map(fields.compactMap { field in field.value.map { CBORPair(.unsigned(field.key), $0) } })
    }

    package var asUnsigned: UInt64? {
        guard case .unsigned(let value) = self else { return nil }
        return value
    }

    /// The value of an integer of either sign, if it fits.
    package var asInteger: Int64? {
        switch self {
        case .unsigned(let value): Int64(exactly: value)
        case .negative(let value): Int64(exactly: value).map { ~$0 }
        default: nil
        }
    }

    package var asBytes: [UInt8]? {
        guard case .bytes(let value) = self else { return nil }
        return value
    }

    package var asText: String? {
        guard case .text(let value) = self else { return nil }
        return value
    }

    package var asArray: [CBOR]? {
        guard case .array(let value) = self else { return nil }
        return value
    }

    package var asMap: [CBORPair]? {
        guard case .map(let value) = self else { return nil }
        return value
    }

    package var asBool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The value under an unsigned key of a map; nil if there is none or this is no map.
    package subscript(_ key: UInt64) -> CBOR? {
        guard case .map(let pairs) = self else { return nil }
        return pairs.first { $0.key == .unsigned(key) }?.value
    }
}

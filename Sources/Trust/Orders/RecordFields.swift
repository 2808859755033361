package import Codec
package import Model

/// The fields of a signed or proved record on their way in: one map under unsigned integer keys.
///
/// Every reader checks kind and limit, and names the field in the error. Unknown fields are skipped unless the record asks
/// with `refuseUnknown(below:known:)` that it must understand them.
package struct RecordFields: Sendable {
    private let pairs: [CBORPair]
    /// The record's name, for errors.
    package let name: String

    /// The fields of a map; refuses other items and keys that are no unsigned integers.
    package init(_ item: CBOR, of name: String) throws(RecordError) {
        guard let pairs = item.asMap, pairs.allSatisfy({ $0.key.asUnsigned != nil }) else {
            throw .malformed("\(name): no map with unsigned keys")
        }
        self.pairs = pairs
        self.name = name
    }

    /// The fields of bytes that must be one deterministic map.
    package init(decoding bytes: [UInt8], limits: CBORLimits, of name: String) throws(RecordError) {
        let item: CBOR
        do { item = try CBORDecoder(limits: limits).decode(bytes) } catch { throw .malformed("\(name): \(error)") }
        try self.init(item, of: name)
    }

    /// Refuses a key below the bound that is not known: a newer release restricts there what an older one must not ignore.
    package func refuseUnknown(below bound: UInt64, known: ClosedRange<UInt64>) throws(RecordError) {
        for pair in pairs {
            guard let key = pair.key.asUnsigned, key < bound, !known.contains(key) else { continue }
            throw .unsupported("\(name): field \(key) is unknown and must be understood")
        }
    }

    package func malformed(_ key: UInt64, _ what: String) -> RecordError { .malformed("\(name): field \(key) \(what)") }

    /// Whether the field is there.
    package func has(_ key: UInt64) -> Bool { value(key) != nil }

    private func value(_ key: UInt64) -> CBOR? { pairs.first { $0.key == .unsigned(key) }?.value }

    package func required(_ key: UInt64) throws(RecordError) -> CBOR {
        guard let value = value(key) else { throw malformed(key, "is missing") }
        return value
    }

    package func unsigned(_ key: UInt64) throws(RecordError) -> UInt64 {
        guard let value = try required(key).asUnsigned else { throw malformed(key, "is no unsigned integer") }
        return value
    }

    /// A number of at most 2^63 − 1, so that it fits a database column and sums of two do not overflow.
    package func size(_ key: UInt64) throws(RecordError) -> UInt64 {
        let value = try unsigned(key)
        guard value <= UInt64(Int64.max) else { throw malformed(key, "is over 2^63-1") }
        return value
    }

    package func bool(_ key: UInt64) throws(RecordError) -> Bool {
        guard let value = try required(key).asBool else { throw malformed(key, "is no bool") }
        return value
    }

    package func text(_ key: UInt64, limit: Int) throws(RecordError) -> String {
        try Self.text(try required(key), limit: limit, malformed(key, "is no text of at most \(limit) bytes"))
    }

    package func bytes(_ key: UInt64, limit: Int) throws(RecordError) -> [UInt8] {
        guard let value = try required(key).asBytes, value.count <= limit else {
            throw malformed(key, "is no byte string of at most \(limit) bytes")
        }
        return value
    }

    package func list(_ key: UInt64, limit: Int) throws(RecordError) -> [CBOR] {
        guard let value = try required(key).asArray, value.count <= limit else {
            throw malformed(key, "is no list of at most \(limit)")
        }
        return value
    }

    package func time(_ key: UInt64) throws(RecordError) -> UnixTime {
        guard let value = try required(key).asInteger else { throw malformed(key, "is no time in milliseconds") }
        return UnixTime(milliseconds: value)
    }

    package func id<Tag>(_ key: UInt64) throws(RecordError) -> Identifier<Tag> {
        let bytes = try bytes(key, limit: 16)
        do { return try Identifier(bytes: bytes) } catch { throw malformed(key, "is no id") }
    }

    package func sha256(_ key: UInt64) throws(RecordError) -> SHA256Digest {
        let bytes = try bytes(key, limit: 32)
        do { return try SHA256Digest(bytes: bytes) } catch { throw malformed(key, "is no SHA-256") }
    }

    /// A value with a text form.
    package func value<Value: TextForm>(_ key: UInt64, limit: Int = 512) throws(RecordError) -> Value {
        let text = try text(key, limit: limit)
        do { return try Value(text) } catch { throw malformed(key, "is refused: \(error.why)") }
    }

    /// A closed code; a number that this release does not know makes the record unsupported.
    package func code<Code: NamedCode>(_ key: UInt64) throws(RecordError) -> Code {
        let number = try unsigned(key)
        guard let raw = UInt8(exactly: number), let code = Code(rawValue: raw) else {
            throw .unsupported("\(name): field \(key) has the unknown value \(number)")
        }
        return code
    }

    /// A list of values with text forms.
    package func values<Value: TextForm>(_ key: UInt64, limit: Int) throws(RecordError) -> [Value] {
        var values: [Value] = []
        for item in try list(key, limit: limit) {
            let text = try Self.text(item, limit: 512, malformed(key, "has an entry that is no text"))
            do { values.append(try Value(text)) } catch {
                throw malformed(key, "has an entry that is refused: \(error.why)")
            }
        }
        return values
    }

    /// Pairs of a text form and a text for people, as reasons and notes are.
    package func coded<Code: TextForm>(_ key: UInt64, limit: Int) throws(RecordError) -> [(Code, String)] {
        var values: [(Code, String)] = []
        for item in try list(key, limit: limit) {
            let refused = malformed(key, "has an entry that is no [code, text]")
            guard let parts = item.asArray, parts.count == 2 else { throw refused }
            let code = try Self.text(parts[0], limit: 64, refused)
            let text = try Self.text(parts[1], limit: RecordLimits.text, refused)
            do { values.append((try Code(code), text)) } catch { throw refused }
        }
        return values
    }

    /// At most `RecordLimits.windows` spans of time, in order and apart from each other.
    package func spans(_ key: UInt64) throws(RecordError) -> [TimeSpan] {
        var spans: [TimeSpan] = []
        for item in try list(key, limit: RecordLimits.windows) {
            guard let parts = item.asArray, parts.count == 2, let start = parts[0].asInteger,
                let end = parts[1].asInteger
            else { throw malformed(key, "has an entry that is no [start, end]") }
            let (first, last) = (UnixTime(milliseconds: start), UnixTime(milliseconds: end))
            do { spans.append(try TimeSpan(start: first, end: last)) } catch {
                throw malformed(key, "has a window that does not end after its start")
            }
            guard spans.count < 2 || spans[spans.count - 2].end <= first else {
                throw malformed(key, "has windows that overlap or are not in order")
            }
        }
        return spans
    }

    private static func text(_ item: CBOR, limit: Int, _ error: RecordError) throws(RecordError) -> String {
        guard let text = item.asText, text.utf8.count <= limit else { throw error }
        return text
    }
}

/// Bounds of signed records and join bodies; they are part of the formats.
package enum RecordLimits {
    /// Bytes of a whole COSE_Sign1 message or join body: what a message of `axle/1` carries.
    package static let record = 48 << 10
    package static let cbor = CBORLimits(bytes: record, items: 8192, depth: 10)
    /// Bytes of a text for people.
    package static let text = 512
    /// Windows of an order.
    package static let windows = 64
    /// Bytes of an approval, and hashes of the proof that an order is under it.
    package static let approval = 8 << 10
    package static let proof = 20
    /// Bytes of the order that a report shows as proof; a longer one is left out.
    package static let shownOrder = 16 << 10
    /// Options of an order.
    package static let options = 32
    /// Reasons or notes of a report.
    package static let reasons = 64
    /// Installed packages of a report, and pinned, locked and rejected ones.
    package static let installed = 200
    /// Ids or serials that a revocation list names itself.
    package static let revoked = 2000
    /// Segments of a revocation list, and ids of one: with 1,000 ids in the list itself, both fit a message.
    package static let segments = 800
    package static let segmentIDs = 2800
    /// Certificates of an answer to a join.
    package static let certificates = 8
    /// Bytes of a certificate, a request or a key.
    package static let certificate = 8 << 10
}

extension CBOR {
    static func id<Tag>(_ id: Identifier<Tag>) -> CBOR { .bytes(id.bytes) }
    static func time(_ time: UnixTime) -> CBOR { .integer(time.milliseconds) }
    static func spans(_ spans: [TimeSpan]) -> CBOR { .array(spans.map { .array([.time($0.start), .time($0.end)]) }) }
    static func code(_ code: some NamedCode) -> CBOR { .unsigned(UInt64(code.rawValue)) }
    static func value(_ value: some TextForm) -> CBOR { .text(value.description) }

    /// A text for people, cut to its limit between two characters.
    static func people(_ text: String) -> CBOR { .text(Event.singleLine(text, limit: RecordLimits.text)) }
}

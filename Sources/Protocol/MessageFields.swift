package import Codec
package import Model

/// Why a message could not be read.
package enum MessageError: Error, Equatable, Sendable {
    /// Not a map, a field missing, of the wrong kind or over its limit: the peer is broken and the session ends.
    case malformed(String)
    /// Well-formed, of a type or with a value that this release does not know: the peer is newer and gets an error reply.
    case unsupported(String)
}

/// The fields of one message on their way in. A field that nobody asks for is skipped.
package struct MessageFields: Sendable {
    private let pairs: [CBORPair]
    /// The message's name, for errors.
    private let name: String

    package init(_ pairs: [CBORPair], of name: String) {
        self.pairs = pairs
        self.name = name
    }

    /// The fields of a frame's payload, which must be one deterministic CBOR map.
    package init(frame payload: Span<UInt8>, of name: String) throws(MessageError) {
        let item: CBOR
        do {
            item = try CBORDecoder(limits: ProtocolLimits.cbor).decode(payload)
        } catch {
            throw .malformed("\(name): \(error)")
        }
        guard let pairs = item.asMap else { throw .malformed("\(name): no map") }
        self.init(pairs, of: name)
    }

    private func optional(_ key: UInt64) -> CBOR? {
        pairs.first { $0.key == .unsigned(key) }?.value
    }

    private func malformed(_ key: UInt64, _ what: String) -> MessageError {
        .malformed("\(name): field \(key) \(what)")
    }

    private func required(_ key: UInt64) throws(MessageError) -> CBOR {
        guard let value = optional(key) else { throw malformed(key, "is missing") }
        return value
    }

    package func unsigned(_ key: UInt64) throws(MessageError) -> UInt64 {
        guard let value = try required(key).asUnsigned else { throw malformed(key, "is no unsigned integer") }
        return value
    }

    /// An unsigned integer that may be missing.
    package func unsignedIfAny(_ key: UInt64) throws(MessageError) -> UInt64? {
        optional(key) == nil ? nil : try unsigned(key)
    }

    /// A size or offset of 0 … 2⁶³−1 bytes, so that sums of two cannot overflow.
    package func size(_ key: UInt64) throws(MessageError) -> UInt64 {
        let value = try unsigned(key)
        guard value <= UInt64(Int64.max) else { throw malformed(key, "is over 2^63-1") }
        return value
    }

    package func bool(_ key: UInt64) throws(MessageError) -> Bool {
        guard let value = try required(key).asBool else { throw malformed(key, "is no bool") }
        return value
    }

    /// A bool that may be missing.
    package func boolIfAny(_ key: UInt64) throws(MessageError) -> Bool? {
        optional(key) == nil ? nil : try bool(key)
    }

    package func text(_ key: UInt64, limit: Int = ProtocolLimits.textLength) throws(MessageError) -> String {
        guard let value = try required(key).asText else { throw malformed(key, "is no text") }
        guard value.utf8.count <= limit else { throw malformed(key, "is over \(limit) bytes") }
        return Event.singleLine(value, limit: limit)
    }

    /// A text that may be missing.
    package func textIfAny(_ key: UInt64) throws(MessageError) -> String? {
        optional(key) == nil ? nil : try text(key)
    }

    package func bytes(_ key: UInt64, limit: Int = ProtocolLimits.signedLength) throws(MessageError) -> [UInt8] {
        guard let value = try required(key).asBytes else { throw malformed(key, "is no byte string") }
        guard value.count <= limit else { throw malformed(key, "is over \(limit) bytes") }
        return value
    }

    /// A byte string of one length.
    package func bytesIfAny(_ key: UInt64, limit: Int) throws(MessageError) -> [UInt8]? {
        optional(key) == nil ? nil : try bytes(key, limit: limit)
    }

    package func bytes(_ key: UInt64, exactly count: Int) throws(MessageError) -> [UInt8] {
        let value = try bytes(key, limit: count)
        guard value.count == count else { throw malformed(key, "has not \(count) bytes") }
        return value
    }

    package func time(_ key: UInt64) throws(MessageError) -> UnixTime {
        guard let value = try required(key).asInteger else { throw malformed(key, "is no time in milliseconds") }
        return UnixTime(milliseconds: value)
    }

    package func id<Tag>(_ key: UInt64) throws(MessageError) -> Identifier<Tag> {
        let bytes = try bytes(key, exactly: 16)
        do { return try Identifier(bytes: bytes) } catch { throw malformed(key, "is no id") }
    }

    package func sha256(_ key: UInt64) throws(MessageError) -> SHA256Digest {
        let bytes = try bytes(key, exactly: 32)
        do { return try SHA256Digest(bytes: bytes) } catch { throw malformed(key, "is no SHA-256") }
    }

    /// A SHA-256 that may be missing.
    package func sha256IfAny(_ key: UInt64) throws(MessageError) -> SHA256Digest? {
        optional(key) == nil ? nil : try sha256(key)
    }

    /// A list of at most `count` SHA-256.
    package func sha256s(_ key: UInt64, count: Int) throws(MessageError) -> [SHA256Digest] {
        guard let items = try required(key).asArray, items.count <= count else {
            throw malformed(key, "is no list of at most \(count) SHA-256")
        }
        var digests: [SHA256Digest] = []
        for item in items {
            guard let bytes = item.asBytes else { throw malformed(key, "has an entry that is no byte string") }
            do { digests.append(try SHA256Digest(bytes: bytes)) } catch {
                throw malformed(key, "has an entry that is no SHA-256")
            }
        }
        return digests
    }

    /// A list of at most `count` times.
    package func times(_ key: UInt64, count: Int) throws(MessageError) -> [UnixTime] {
        guard let items = try required(key).asArray, items.count <= count else {
            throw malformed(key, "is no list of at most \(count) times")
        }
        var times: [UnixTime] = []
        for item in items {
            guard let value = item.asInteger else { throw malformed(key, "has an entry that is no time") }
            times.append(UnixTime(milliseconds: value))
        }
        return times
    }

    /// A list of at most `count` unsigned integers.
    package func unsigneds(_ key: UInt64, count: Int) throws(MessageError) -> [UInt64] {
        guard let items = try required(key).asArray, items.count <= count else {
            throw malformed(key, "is no list of at most \(count) numbers")
        }
        var numbers: [UInt64] = []
        for item in items {
            guard let number = item.asUnsigned else { throw malformed(key, "has an entry that is no number") }
            numbers.append(number)
        }
        return numbers
    }

    package func path(_ key: UInt64) throws(MessageError) -> TargetPath {
        let text = try text(key)
        do { return try TargetPath(text) } catch { throw malformed(key, "is no target path") }
    }

    package func name<Rule: NameRule>(_ key: UInt64) throws(MessageError) -> Name<Rule> {
        let text = try text(key)
        do { return try Name(text) } catch { throw malformed(key, "is no name") }
    }

    package func nameIfAny<Rule: NameRule>(_ key: UInt64) throws(MessageError) -> Name<Rule>? {
        optional(key) == nil ? nil : try name(key)
    }

    /// A list of at most `count` different names; empty where there is none.
    package func namesIfAny<Rule: NameRule>(_ key: UInt64, count: Int) throws(MessageError) -> [Name<Rule>] {
        guard optional(key) != nil else { return [] }
        var names: [Name<Rule>] = []
        for text in try texts(key, count: count, limit: ProtocolLimits.nameLength) {
            do { names.append(try Name(text)) } catch { throw malformed(key, "has an entry that is no name") }
        }
        guard Set(names).count == names.count else { throw malformed(key, "has a name twice") }
        return names
    }

    /// A closed code; a number that this release does not know is no fault of the peer.
    package func code<Code: NamedCode>(_ key: UInt64) throws(MessageError) -> Code {
        let number = try unsigned(key)
        guard let raw = UInt8(exactly: number), let code = Code(rawValue: raw) else {
            throw .unsupported("\(name): field \(key) has the unknown value \(number)")
        }
        return code
    }

    package func priority(_ key: UInt64) throws(MessageError) -> Priority {
        guard let raw = UInt8(exactly: try unsigned(key)) else { throw malformed(key, "is no priority") }
        return Priority(rawValue: raw)
    }

    /// The name of a metadata file: 1 … 255 of `A–Z a–z 0–9 . _ % ~ + -`, not beginning with a dot, so that it is one path part.
    package func metadataName(_ key: UInt64) throws(MessageError) -> String {
        let value = try text(key, limit: ProtocolLimits.nameLength)
        guard FetchMetadata.isName(value) else { throw malformed(key, "is no metadata file name") }
        return value
    }

    package func eventCode(_ key: UInt64) throws(MessageError) -> EventCode {
        let text = try text(key)
        do { return try EventCode(text) } catch { throw malformed(key, "is no event code") }
    }

    /// A list of anything.
    package func list(_ key: UInt64) throws(MessageError) -> [CBOR]? {
        try required(key).asArray
    }

    /// A list of short texts that may be missing.
    package func textsIfAny(_ key: UInt64, count: Int, limit: Int) throws(MessageError) -> [String]? {
        optional(key) == nil ? nil : try texts(key, count: count, limit: limit)
    }

    /// A list of short texts.
    package func texts(_ key: UInt64, count: Int, limit: Int) throws(MessageError) -> [String] {
        guard let items = try required(key).asArray, items.count <= count else {
            throw malformed(key, "is no list of at most \(count) texts")
        }
        var texts: [String] = []
        for item in items {
            guard let text = item.asText, text.utf8.count <= limit else {
                throw malformed(key, "has an entry that is no text of at most \(limit) bytes")
            }
            texts.append(text)
        }
        return texts
    }
}

extension CBOR {
    /// Pairs under unsigned integer keys; those without a value are left out.
    static func fields(_ fields: KeyValuePairs<UInt64, CBOR?>) -> [CBORPair] {
        fields.compactMap { field in field.value.map { CBORPair(.unsigned(field.key), $0) } }
    }

    /// A text for people, cut to `ProtocolLimits.textLength` between two characters.
    static func clipped(_ text: String) -> CBOR {
        guard text.utf8.count > ProtocolLimits.textLength else { return .text(text) }
        var kept = ""
        var length = 0
        for scalar in text.unicodeScalars {
            length += UTF8.width(scalar)
            guard length <= ProtocolLimits.textLength else { break }
            kept.unicodeScalars.append(scalar)
        }
        return .text(kept)
    }

    static func identifier<Tag>(_ id: Identifier<Tag>) -> CBOR { .bytes(id.bytes) }
    static func milliseconds(_ time: UnixTime) -> CBOR { .integer(time.milliseconds) }
    static func rawCode(_ code: some NamedCode) -> CBOR { .unsigned(UInt64(code.rawValue)) }
}

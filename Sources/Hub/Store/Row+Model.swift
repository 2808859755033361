internal import Codec
package import Model
package import SQLite

extension Identifier: Bindable {
    package var databaseValue: Value { .blob(bytes) }
}

extension SHA256Digest: Bindable {
    package var databaseValue: Value { .blob(bytes) }
}

extension UnixTime: Bindable {
    package var databaseValue: Value { .integer(milliseconds) }
}

extension Name: Bindable {
    package var databaseValue: Value { .text(text) }
}

extension TargetPath: Bindable {
    package var databaseValue: Value { .text(description) }
}

extension ByteCount: Bindable {
    package var databaseValue: Value { .integer(signed) }
}

/// Columns as the nouns of Model. A value that Model refuses is `HubStoreError.damaged`.
extension Row {
    func time(_ column: Int) throws -> UnixTime { UnixTime(milliseconds: try int64(column)) }

    func timeOrNil(_ column: Int) throws -> UnixTime? {
        try int64OrNil(column).map { UnixTime(milliseconds: $0) }
    }

    func id<Tag>(_ column: Int, _: Tag.Type = Tag.self) throws -> Identifier<Tag> {
        let bytes = try blob(column)
        return try intact("id") { () throws(ModelError) in try Identifier(bytes: bytes) }
    }

    func idOrNil<Tag>(_ column: Int, _: Tag.Type = Tag.self) throws -> Identifier<Tag>? {
        try isNull(column) ? nil : id(column)
    }

    func digest(_ column: Int) throws -> SHA256Digest {
        let bytes = try blob(column)
        return try intact("hash") { () throws(ModelError) in try SHA256Digest(bytes: bytes) }
    }

    func named<T: TextForm>(_ column: Int, _: T.Type = T.self) throws -> T {
        let text = try text(column)
        return try intact("name") { () throws(ModelError) in try T(text) }
    }

    func size(_ column: Int) throws -> ByteCount { ByteCount(clamping: try int64(column)) }

    func sizeOrNil(_ column: Int) throws -> ByteCount? {
        try int64OrNil(column).map { ByteCount(clamping: $0) }
    }

    func code<T: NamedCode>(_ column: Int, _: T.Type = T.self) throws -> T {
        let number = try int64(column)
        guard let raw = UInt8(exactly: number), let value = T(rawValue: raw) else {
            throw HubStoreError.damaged("\(T.self) \(number)")
        }
        return value
    }

    func json<T: Decodable>(_ column: Int, _: T.Type = T.self) throws -> T {
        try StoredJSON.decode(T.self, try text(column))
    }

    /// As `json`, nil where it cannot be understood: a newer release may have written it, and the row is passed over.
    func jsonIfKnown<T: Decodable>(_ column: Int, _: T.Type = T.self) throws -> T? {
        let text = try text(column)
        do {
            return try StoredJSON.decode(T.self, text)
        } catch HubStoreError.damaged {
            return nil
        }
    }
}

/// Runs a reading of Model and says that the stored value is damaged where Model refuses it.
private func intact<T>(_ what: String, _ body: () throws(ModelError) -> T) throws -> T {
    do throws(ModelError) {
        return try body()
    } catch {
        throw HubStoreError.damaged("\(what): \(error)")
    }
}

/// Nested values as JSON text with sorted keys, so that the same value is the same text.
enum StoredJSON {
    static func encode(_ value: some Encodable) throws -> String {
        // Most labels, reasons and notes are empty, and a coder costs more than the rest of the row.
        if let list = value as? any Collection, list.isEmpty { return value is [String: String] ? "{}" : "[]" }
        return String(decoding: try JSONCoder.encode(value), as: UTF8.self)
    }

    static func decode<T: Decodable>(_: T.Type, _ text: String) throws -> T {
        if text == "[]", let empty = (T.self as? any ExpressibleByEmptyList.Type)?.empty as? T { return empty }
        if text == "{}", let empty = [String: String]() as? T { return empty }
        do {
            return try JSONCoder.decode(T.self, from: Array(text.utf8))
        } catch {
            throw HubStoreError.damaged("\(T.self): \(error)")
        }
    }
}

/// A list whose empty value can be made without knowing its elements.
private protocol ExpressibleByEmptyList {
    static var empty: Self { get }
}

extension Array: ExpressibleByEmptyList {
    fileprivate static var empty: [Element] { [] }
}

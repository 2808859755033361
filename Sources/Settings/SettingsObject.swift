internal import Model
internal import System

/// The settings of one object of a `SettingsFile`, by their names.
///
/// A name that is no setting is refused, so that a mistyped restriction is not silently none. What is not there, or null, is nil. Every
/// error is a `DecodingError` with the path of the setting, which `SettingsFile` puts into words.
package struct SettingsObject {
    private struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ text: String) { stringValue = text }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    /// The longest path of a file, in bytes.
    package static let pathLimit = 1024

    private let values: KeyedDecodingContainer<Name>

    /// The settings of an object, and which there are. `gone` says what to write in place of a setting that there was once.
    package init(_ decoder: any Decoder, known: [String], gone: [String: String] = [:]) throws {
        try self.init(try decoder.container(keyedBy: Name.self), known, gone)
    }

    private init(_ values: KeyedDecodingContainer<Name>, _ known: [String], _ gone: [String: String]) throws {
        self.values = values
        for name in values.allKeys.map(\.stringValue).sorted() where !known.contains(name) {
            if let instead = gone[name] { throw refusal("\(name) is gone: \(instead)") }
            let near = Suggestion.nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
            throw refusal("\(Event.singleLine(name, limit: 64)) is not a setting\(near)")
        }
    }

    /// That the object as a whole cannot be used.
    package func refusal(_ why: String) -> DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: values.codingPath, debugDescription: why))
    }

    /// That a setting cannot be used; `why` is what is expected, or what is wrong with the value.
    package func refusal(of name: String, _ why: String) -> DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: values.codingPath + [Name(name)], debugDescription: why))
    }

    package func value<Value: Decodable>(_ name: String, _ type: Value.Type = Value.self) throws -> Value? {
        try values.decodeIfPresent(type, forKey: Name(name))
    }

    /// An object within the object.
    package func object(_ name: String, known: [String]) throws -> SettingsObject? {
        guard values.contains(Name(name)) else { return nil }
        return try SettingsObject(try values.nestedContainer(keyedBy: Name.self, forKey: Name(name)), known, [:])
    }

    /// A whole number within limits.
    package func number(_ name: String, _ limits: ClosedRange<Int64>) throws -> Int64? {
        guard let number = try value(name, Int64.self) else { return nil }
        guard limits.contains(number) else {
            throw refusal(of: name, "\(number) is not between \(limits.lowerBound) and \(limits.upperBound)")
        }
        return number
    }

    /// Texts, so many at the most.
    package func list(_ name: String, most: Int) throws -> [String]? {
        guard let list = try value(name, [String].self) else { return nil }
        guard list.count <= most else { throw refusal(of: name, "at most \(most) entries are expected") }
        return list
    }

    /// An absolute path.
    package func path(_ name: String) throws -> String? {
        guard let path = try value(name, String.self) else { return nil }
        guard Self.isPath(path) else { throw refusal(of: name, "an absolute path is expected") }
        return path
    }

    /// Absolute paths, so many at the most.
    package func paths(_ name: String, most: Int) throws -> [String]? {
        guard let paths = try list(name, most: most) else { return nil }
        guard paths.allSatisfy(Self.isPath) else { throw refusal(of: name, "absolute paths are expected") }
        return paths
    }

    private static func isPath(_ path: String) -> Bool {
        path.hasPrefix("/") && path.utf8.count <= pathLimit && !path.utf8.contains(0)
    }
}

/// A value with exactly one text form, which is also how it is encoded in JSON and stored.
///
/// `init(_:)` validates and refuses with ``ModelError``; `description` gives the text form back.
package protocol TextForm: Codable, Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Reads the text form; refuses anything else.
    init(_ text: String) throws(ModelError)
}

extension TextForm {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do {
            self = try Self(text)
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// A closed set with stable numbers (wire, database) and stable names (JSON, screens); both never change meaning.
///
/// The name is the case's own name. Numbers start at 1, so that a zero is never mistaken for a value.
package protocol NamedCode: RawRepresentable<UInt8>, CaseIterable, Codable, Hashable, Sendable, Comparable {}

extension NamedCode {
    /// The name in JSON and on screens.
    package var name: String { String(describing: self) }

    /// The cases for which a property holds, in their order.
    package static func all(where isWanted: (Self) -> Bool) -> [Self] { allCases.filter(isWanted) }

    /// The case of that name, else nil.
    package init?(name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let found = Self(name: text) else {
            let names = Self.allCases.map(\.name).joined(separator: ", ")
            let error = ModelError("\(Self.self)", text, "is none of \(names)")
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
        self = found
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}

/// An open set of stable text codes: newer peers may send codes that this release does not know, and they are kept.
///
/// A code is 1 to 64 ASCII letters and digits, beginning with a letter.
package protocol OpenCode: TextForm, RawRepresentable<String> {
    /// Takes a code that has been checked, or is a literal of this code base.
    init(known rawValue: String)
    /// The noun for errors.
    static var noun: String { get }
}

extension OpenCode {
    package init(_ text: String) throws(ModelError) {
        let bytes = text.utf8
        guard (1...64).contains(bytes.count) else { throw ModelError(Self.noun, text, "must have 1 to 64 characters") }
        guard let first = bytes.first, ASCII.isLetter(first), bytes.allSatisfy(ASCII.isAlphanumeric) else {
            throw ModelError(Self.noun, text, "must be ASCII letters and digits, beginning with a letter")
        }
        self.init(known: text)
    }

    package init?(rawValue: String) {
        guard let checked = try? Self(rawValue) else { return nil }  // the failable form has no place for the reason
        self = checked
    }

    package var description: String { rawValue }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do {
            self = try Self(text)
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

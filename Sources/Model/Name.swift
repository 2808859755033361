/// What a kind of name may look like.
package protocol NameRule {
    /// The noun for errors.
    static var noun: String { get }
    /// The greatest length in bytes; every allowed character is one byte.
    static var maximumLength: Int { get }
    /// Whether the byte may stand at the index.
    static func allows(_ byte: UInt8, at index: Int) -> Bool
    /// What is allowed, for the error.
    static var allowed: String { get }
}

extension NameRule {
    package static var maximumLength: Int { 64 }
    package static var allowed: String { "letters, digits and . _ + ~ - (first a letter or digit), without \"..\"" }
    package static func allows(_ byte: UInt8, at index: Int) -> Bool {
        if ASCII.isAlphanumeric(byte) { return true }
        return index > 0 && [0x2E, 0x5F, 0x2B, 0x7E, 0x2D].contains(byte)
    }
}

/// A validated name; safe as a path component, in a URL path and in a log line.
///
/// `[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}` unless the rule says otherwise, and never with `..` inside.
package struct Name<Rule: NameRule>: TextForm {
    /// The name itself.
    package let text: String

    package init(_ text: String) throws(ModelError) {
        var count = 0
        var previous: UInt8 = 0
        for byte in text.utf8 {
            guard count < Rule.maximumLength else {
                throw ModelError(Rule.noun, text, "has more than \(Rule.maximumLength) characters")
            }
            guard Rule.allows(byte, at: count), !(byte == 0x2E && previous == 0x2E) else {
                throw ModelError(Rule.noun, text, "may have only \(Rule.allowed)")
            }
            previous = byte
            count += 1
        }
        guard count > 0 else { throw ModelError(Rule.noun, text, "is empty") }
        self.text = text
    }

    package var description: String { text }
    package static func < (left: Self, right: Self) -> Bool { left.text < right.text }
}

package enum ProductRule: NameRule { package static var noun: String { "product name" } }
package enum ReleaseRule: NameRule { package static var noun: String { "release name" } }
package enum LineRule: NameRule { package static var noun: String { "line name" } }
package enum PlatformRule: NameRule { package static var noun: String { "platform name" } }
package enum FileRule: NameRule {
    package static var noun: String { "file name" }
    package static var maximumLength: Int { 128 }
}
package enum NodeNameRule: NameRule { package static var noun: String { "name" } }
package enum FleetRule: NameRule {
    package static var noun: String { "fleet name" }
    package static var maximumLength: Int { 63 }
    package static var allowed: String { "lowercase letters, digits and -" }
    package static func allows(_ byte: UInt8, at index: Int) -> Bool {
        ASCII.isLowercase(byte) || ASCII.isDigit(byte) || byte == 0x2D
    }
}

/// A product, for example `ruff`.
package typealias ProductName = Name<ProductRule>
/// A release, which is one version of a product: it names and orders it (see ``Version/init(_:)-(ReleaseName)``).
package typealias ReleaseName = Name<ReleaseRule>
/// A release train, for example a major version.
package typealias LineName = Name<LineRule>
/// A platform's name, see ``Platform``.
package typealias PlatformName = Name<PlatformRule>
/// A package's file, at most 128 characters.
package typealias FileName = Name<FileRule>
/// The name that people see for a hub, a spoke or a client.
package typealias NodeName = Name<NodeNameRule>
/// A fleet: `[a-z0-9-]{1,63}`.
package typealias FleetName = Name<FleetRule>

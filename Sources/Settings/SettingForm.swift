/// What the value of a setting may be.
package enum SettingForm: Sendable {
    /// A whole number within limits, of a unit in the plural: `seconds`.
    case number(ClosedRange<Int64>, unit: String)
    /// True or false.
    case flag
    /// One of a few words.
    case choice([String])
    case text(TextRule)
    /// Texts, so many.
    case list(TextRule, ClosedRange<Int>)
    /// Settings within the setting.
    case object(SettingsDescription)

    /// Which texts a setting takes.
    package struct TextRule: Sendable {
        /// What is allowed, with its article: `an absolute path`.
        package let allowed: String
        /// The same in the plural, without one.
        package let plural: String
        /// What JSON Schema can say of it: a pattern, and the greatest number of characters.
        package let pattern: String
        package let maximumLength: Int
        /// Whether messages may show the value; a secret may stand in it by mistake.
        package let isShown: Bool
        /// Why a text is refused: nil where it is not, empty where `allowed` says it all.
        package let refusal: @Sendable (String) -> String?

        package init(
            _ allowed: String, plural: String, pattern: String, maximumLength: Int, isShown: Bool = true,
            refusal: @escaping @Sendable (String) -> String?
        ) {
            self.allowed = allowed
            self.plural = plural
            self.pattern = pattern
            self.maximumLength = maximumLength
            self.isShown = isShown
            self.refusal = refusal
        }
    }

    /// What is allowed, as it follows "must be".
    package var allowed: String {
        switch self {
        case .number(let limits, let unit):
            "\(Self.grouped(limits.lowerBound)) to \(Self.grouped(limits.upperBound)) \(unit)"
        case .flag: "true or false"
        case .choice(let words): Self.choice(words.map { "\"\($0)\"" })
        case .text(let rule): rule.allowed
        case .list(let rule, let count):
            count.lowerBound > 0
                ? "a list of \(count.lowerBound) to \(Self.grouped(Int64(count.upperBound))) \(rule.plural)"
                : "a list of at most \(Self.grouped(Int64(count.upperBound))) \(rule.plural)"
        case .object: "an object in braces"
        }
    }

    private static func choice(_ words: [String]) -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "" }
        return "\(words.dropLast().joined(separator: ", ")) or \(last)"
    }

    /// With a capital letter first.
    package static func capitalized(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst()
    }

    /// A number with its thousands apart: `65,536`.
    package static func grouped(_ number: Int64) -> String {
        var digits = Array(String(number.magnitude))
        var place = digits.count - 3
        while place > 0 {
            digits.insert(",", at: place)
            place -= 3
        }
        return (number < 0 ? "-" : "") + String(digits)
    }
}

extension SettingForm.TextRule {
    /// The longest path of a file, in bytes.
    package static let pathLimit = 1024

    /// An absolute path.
    package static let path = SettingForm.TextRule(
        "an absolute path", plural: "absolute paths", pattern: #"^/[^\u0000]*$"#, maximumLength: pathLimit
    ) { path in
        guard path.utf8.count <= pathLimit else { return "it has more than \(SettingForm.grouped(1024)) bytes" }
        return path.hasPrefix("/") && !path.utf8.contains(0) ? nil : ""
    }

    /// A program or an argument of it.
    package static let argument = SettingForm.TextRule(
        "a program or argument", plural: "texts: a program and its arguments", pattern: #"^[^\u0000]*$"#,
        maximumLength: pathLimit
    ) { text in
        guard text.utf8.count <= pathLimit else { return "it has more than \(SettingForm.grouped(1024)) bytes" }
        return text.utf8.contains(0) ? "it has a NUL character" : nil
    }
}

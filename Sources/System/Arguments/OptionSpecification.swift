/// One option of a command: a flag `--name`, or `--name VALUE` with a value.
package struct OptionSpecification: Sendable {
    /// The name without its dashes.
    package let name: String
    /// What the value is called in help; nil for a flag.
    package let valueName: String?
    /// One line of help.
    package let summary: String
    package let isRequired: Bool
    package let isRepeatable: Bool
    /// The only values allowed; empty allows any.
    package let choices: [String]
    /// The environment variable that gives the value when the option is not given.
    package let environment: String?
    /// Whether the value is a path, which the parser makes absolute.
    package let isPath: Bool

    /// A flag, which takes no value.
    package static func flag(_ name: String, _ summary: String) -> OptionSpecification {
        OptionSpecification(
            name: name, valueName: nil, summary: summary, isRequired: false, isRepeatable: false, choices: [],
            environment: nil, isPath: false)
    }

    /// An option with a value. A required one may also come from its environment variable.
    package static func value(
        _ name: String, _ valueName: String, _ summary: String, required: Bool = false, repeatable: Bool = false,
        environment: String? = nil
    ) -> OptionSpecification {
        OptionSpecification(
            name: name, valueName: valueName, summary: summary, isRequired: required, isRepeatable: repeatable,
            choices: [], environment: environment, isPath: false)
    }

    /// An option whose value is the path of a file or folder. The command gets it from the root on;
    /// `-`, which stands for a standard stream, stays.
    package static func path(
        _ name: String, _ valueName: String, _ summary: String, required: Bool = false, repeatable: Bool = false,
        environment: String? = nil
    ) -> OptionSpecification {
        OptionSpecification(
            name: name, valueName: valueName, summary: summary, isRequired: required, isRepeatable: repeatable,
            choices: [], environment: environment, isPath: true)
    }

    /// An option whose value is one of a few words; help shows them as `a|b`.
    package static func choice(
        _ name: String, _ choices: [String], _ summary: String, required: Bool = false
    ) -> OptionSpecification {
        OptionSpecification(
            name: name, valueName: choices.joined(separator: "|"), summary: summary, isRequired: required,
            isRepeatable: false, choices: choices, environment: nil, isPath: false)
    }

    /// As help and messages show it: `--role spoke|agent`.
    package var display: String {
        guard let valueName else { return "--\(name)" }
        return "--\(name) \(valueName)"
    }

    /// As a usage line shows it: optional ones in brackets, repeatable ones with dots.
    var usage: String {
        let dots = isRepeatable ? "…" : ""
        return isRequired ? display + dots : "[\(display)]" + dots
    }
}

/// One operand of a command: an argument that is known by its place.
package struct OperandSpecification: Sendable {
    /// As help shows it, in capitals.
    package let name: String
    package let isRequired: Bool
    package let isRepeatable: Bool
    /// Whether it is a path, which the parser makes absolute.
    package let isPath: Bool

    package static func required(_ name: String) -> OperandSpecification {
        OperandSpecification(name: name, isRequired: true, isRepeatable: false, isPath: false)
    }

    /// The path of a file or folder; see `OptionSpecification.path`.
    package static func requiredPath(_ name: String) -> OperandSpecification {
        OperandSpecification(name: name, isRequired: true, isRepeatable: false, isPath: true)
    }

    package static func optionalPath(_ name: String) -> OperandSpecification {
        OperandSpecification(name: name, isRequired: false, isRepeatable: false, isPath: true)
    }

    package static func optional(_ name: String) -> OperandSpecification {
        OperandSpecification(name: name, isRequired: false, isRepeatable: false, isPath: false)
    }

    /// One or more; only the last operand of a command may be this.
    package static func oneOrMore(_ name: String) -> OperandSpecification {
        OperandSpecification(name: name, isRequired: true, isRepeatable: true, isPath: false)
    }

    var usage: String {
        let dots = isRepeatable ? "…" : ""
        return isRequired ? name + dots : "[\(name)]" + dots
    }
}

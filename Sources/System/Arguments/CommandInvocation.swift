/// A command line that was understood: which command, with which options and operands.
///
/// Every name that is read here was declared in the command's specification; an undeclared one reads as absent.
package struct CommandInvocation: Sendable {
    /// The command's names below the program: `["token", "create"]`.
    package let path: [String]
    package let operands: [String]
    private let values: [String: [String]]
    private let flags: Set<String>

    package init(path: [String], operands: [String], values: [String: [String]], flags: Set<String>) {
        self.path = path
        self.operands = operands
        self.values = values
        self.flags = flags
    }

    /// The command as one text: `token create`.
    package var name: String {
        path.joined(separator: " ")
    }

    package func isSet(_ flag: String) -> Bool {
        flags.contains(flag)
    }

    /// The value of an option: from the command line, else from its environment variable.
    package func value(_ option: String) -> String? {
        values[option]?.last
    }

    /// All values of a repeatable option, in the order given.
    package func values(_ option: String) -> [String] {
        values[option] ?? []
    }

    /// The value of an option that the parser has made sure of; throws a usage error rather than trap when a
    /// specification forgot to require it.
    package func required(_ option: String) throws(UsageError) -> String {
        guard let value = value(option) else { throw UsageError("--\(option) is required") }
        return value
    }

    /// The operand at a place, or nil when fewer were given.
    package func operand(_ index: Int) -> String? {
        operands.indices.contains(index) ? operands[index] : nil
    }

    /// The operand at a place that the parser has made sure of.
    package func requiredOperand(_ index: Int) throws(UsageError) -> String {
        guard let operand = operand(index) else { throw UsageError("an operand is missing") }
        return operand
    }
}

/// A command line that cannot be run as written: exit status 2.
package struct UsageError: Error, Equatable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }

    package var description: String {
        message
    }
}

/// A command, or a group of commands, as a value: what it is called, what it takes and what help says of it.
///
/// The root of the tree is the program itself. Options of a group hold for every command below it.
package struct CommandSpecification: Sendable {
    package let name: String
    /// One line, without a full stop.
    package let summary: String
    /// Paragraphs that help shows after the summary; may be empty.
    package let details: String
    package let operands: [OperandSpecification]
    package let options: [OptionSpecification]
    package let commands: [CommandSpecification]
    /// A group that may also be called without a command below it.
    package let runsAlone: Bool

    package init(
        _ name: String, _ summary: String, details: String = "", operands: [OperandSpecification] = [],
        options: [OptionSpecification] = [], commands: [CommandSpecification] = [], runsAlone: Bool = false
    ) {
        self.name = name
        self.summary = summary
        self.details = details
        self.operands = operands
        self.options = options
        self.commands = commands
        self.runsAlone = runsAlone
    }

    func command(named name: String) -> CommandSpecification? {
        commands.first { $0.name == name }
    }
}

/// Writes the help of a command, in lines of at most 80 columns.
package enum CommandHelp {
    private static let width = 80

    /// The whole help text of a command.
    ///
    /// - Parameters:
    ///   - chain: the program and the commands down to the one that help is about.
    package static func text(_ chain: [CommandSpecification]) -> String {
        guard let command = chain.last else { return "" }
        var lines = usage(chain)
        lines += ["", command.summary + "."]
        if !command.details.isEmpty { lines += [""] + wrap(command.details, indent: 0) }
        if !command.commands.isEmpty {
            lines += ["", "Commands:"] + rows(command.commands.map { ($0.name, $0.summary) })
        }
        if !command.options.isEmpty {
            lines += ["", "Options:"] + rows(command.options.map(row))
        }
        let common = chain.dropLast().flatMap(\.options).map(row) + [("-h, --help", "Show this help")]
        lines += ["", "Options of every command:"] + rows(common)
        if chain.count == 1 { lines += ["", "'\(command.name) --version' prints the version."] }
        if !command.commands.isEmpty {
            lines += ["", "'\(chain.map(\.name).joined(separator: " ")) COMMAND -h' says more about a command."]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The usage of a command, wrapped: `Usage: axle token create --role spoke|agent [--ttl 1h]`.
    package static func usage(_ chain: [CommandSpecification]) -> [String] {
        guard let command = chain.last else { return [] }
        var words = chain.map(\.name)
        if !command.commands.isEmpty { words.append(command.runsAlone ? "[COMMAND]" : "COMMAND") }
        words += command.operands.map(\.usage)
        words += command.options.filter(\.isRequired).map(\.usage)
        words += command.options.filter { !$0.isRequired }.map(\.usage)
        return fill(["Usage:"] + words, indent: 7)
    }

    private static func row(_ option: OptionSpecification) -> (String, String) {
        var text = option.summary
        if let environment = option.environment { text += " (or \(environment))" }
        return (option.display, text)
    }

    private static func rows(_ rows: [(String, String)]) -> [String] {
        let column = min(28, rows.map(\.0.count).max() ?? 0) + 4
        return rows.flatMap { name, text in
            var lines = wrap(text, indent: column)
            let first = "  " + name
            guard first.count + 2 <= column, let line = lines.first else { return [first] + lines }
            lines[0] = first + String(repeating: " ", count: column - first.count) + line.dropFirst(column)
            return lines
        }
    }

    private static func wrap(_ text: String, indent: Int) -> [String] {
        let pad = String(repeating: " ", count: indent)
        return text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { paragraph in
            fill(paragraph.split(separator: " ").map(String.init), indent: indent, first: pad)
        }
    }

    private static func fill(_ words: [String], indent: Int, first: String = "") -> [String] {
        var lines: [String] = []
        var line = first
        var isEmpty = true
        for word in words {
            if !isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = String(repeating: " ", count: indent)
                isEmpty = true
            }
            line += isEmpty ? word : " " + word
            isEmpty = false
        }
        lines.append(isEmpty ? "" : line)
        return lines
    }
}

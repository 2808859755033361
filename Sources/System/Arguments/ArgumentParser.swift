/// What a command line asks for.
package enum CommandLineRequest: Sendable {
    case run(CommandInvocation)
    /// Help was asked for: print it to standard output, exit 0.
    case help(String)
    /// `--version` was given: print the version to standard output, exit 0.
    case version
    /// It cannot be run as written: print it to standard error, exit 2.
    case usage(String)
}

/// Reads command lines for a program: commands, `--option VALUE`, `--option=VALUE`, flags and operands in any order.
///
/// `-h` or `--help` anywhere asks for the help of the command named so far; `--` ends the options; `-` is an operand or
/// a value. Words that are not known are refused with the nearest one that is. Pure: the environment is handed in.
///
/// Paths are made absolute here and nowhere else, so that no change of folder, in this process or in
/// a child of it, gives them another meaning.
package struct ArgumentParser: Sendable {
    private let program: CommandSpecification

    package init(_ program: CommandSpecification) {
        self.program = program
    }

    /// Understands the arguments after the program's name. The environment gives the values of absent options, `folder` the
    /// one that relative paths start from: asked for only where there are such.
    package func parse(
        _ arguments: [String], environment: (String) -> String? = { _ in nil },
        folder: @escaping () throws(SystemError) -> String = { () throws(SystemError) in try Directory.current() }
    ) -> CommandLineRequest {
        var state = State(chain: [program])
        do {
            if let early = try state.read(arguments) { return early }
            return .run(try state.finish(environment, Paths(folder)))
        } catch {
            let name = state.chain.map(\.name).joined(separator: " ")
            return .usage("\(name): \(error.message)\nTry '\(name) -h' for help.\n")
        }
    }
}

extension ArgumentParser {
    /// Makes paths absolute.
    private struct Paths {
        private let folder: () throws(SystemError) -> String

        init(_ folder: @escaping () throws(SystemError) -> String) { self.folder = folder }

        /// The path from the root on; `.` and `..` stay in it, since a link may be before them.
        func absolute(_ path: String) throws(UsageError) -> String {
            guard !path.isEmpty, path != "-", !path.hasPrefix("/") else { return path }
            do throws(SystemError) {
                return Directory.join(try folder(), path)
            } catch {
                throw UsageError("'\(path)' is relative, and the current folder is not known: \(error)")
            }
        }
    }

    /// The reading of one command line.
    private struct State {
        /// The program and the commands named so far.
        var chain: [CommandSpecification]
        private var operands: [String] = []
        private var values: [String: [String]] = [:]
        private var flags: Set<String> = []
        /// Options met before the command that knows them was named are looked up again at the end.
        private var command: CommandSpecification { chain[chain.count - 1] }

        init(chain: [CommandSpecification]) {
            self.chain = chain
        }

        mutating func read(_ arguments: [String]) throws(UsageError) -> CommandLineRequest? {
            if let help = help(arguments) { return help }
            var index = 0
            var optionsEnded = false
            while index < arguments.count {
                let argument = arguments[index]
                index += 1
                if optionsEnded || argument == "-" || !argument.hasPrefix("-") {
                    try word(argument)
                } else if argument == "--" {
                    optionsEnded = true
                } else if argument == "--version", option(named: "version") == nil {
                    return .version
                } else {
                    let next = index < arguments.count ? arguments[index] : nil
                    if try option(argument, next: next) { index += 1 }
                }
            }
            return nil
        }

        /// Help wins over every mistake on the line: whoever asks for it is about to learn.
        private func help(_ arguments: [String]) -> CommandLineRequest? {
            let options = arguments.prefix { $0 != "--" }
            // `PROGRAM help COMMAND` is `PROGRAM COMMAND --help`, unless the program has a command of that name.
            let isCommand = options.first == "help" && chain[0].command(named: "help") == nil
            guard isCommand || options.contains("-h") || options.contains("--help") else { return nil }
            var chain = self.chain
            for word in options.dropFirst(isCommand ? 1 : 0) where !word.hasPrefix("-") {
                guard let next = chain[chain.count - 1].command(named: word) else { continue }
                chain.append(next)
            }
            return .help(CommandHelp.text(chain))
        }

        /// A word is a command while the command so far has some below it, and an operand after that.
        private mutating func word(_ word: String) throws(UsageError) {
            guard !command.commands.isEmpty else {
                let room = command.operands.last?.isRepeatable == true ? Int.max : command.operands.count
                guard operands.count < room else { throw UsageError("unexpected argument '\(word)'") }
                operands.append(word)
                return
            }
            guard let next = command.command(named: word) else {
                var message = "unknown command '\(word)'"
                if let near = Suggestion.nearest(to: word, among: command.commands.map(\.name)) {
                    message += "; did you mean '\(near)'?"
                }
                throw UsageError(message)
            }
            chain.append(next)
        }

        /// Reads one option; true when it took the next argument as its value.
        private mutating func option(_ argument: String, next: String?) throws(UsageError) -> Bool {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let inline = parts.count == 2 ? String(parts[1]) : nil
            let typed = String(parts[0])
            guard typed.hasPrefix("--"), let option = option(named: String(typed.dropFirst(2))) else {
                var message = "unknown option '\(typed)'"
                let names = chain.flatMap(\.options).map { "--" + $0.name } + ["--help", "--version"]
                if typed.count > 2, let near = Suggestion.nearest(to: typed, among: names) {
                    message += "; did you mean '\(near)'?"
                }
                throw UsageError(message)
            }
            guard option.valueName != nil else {
                guard inline == nil else { throw UsageError("--\(option.name) takes no value") }
                flags.insert(option.name)
                return false
            }
            guard let value = inline ?? next, inline != nil || value == "-" || !value.hasPrefix("-") else {
                var message = "\(option.display) needs a value"
                if let next, next.hasPrefix("-"), self.option(named: String(next.drop { $0 == "-" })) == nil {
                    message += "; one that begins with '-' is given as --\(option.name)=\(next)"
                }
                throw UsageError(message)
            }
            try keep(value, for: option)
            return inline == nil
        }

        private mutating func keep(_ value: String, for option: OptionSpecification) throws(UsageError) {
            guard option.choices.isEmpty || option.choices.contains(value) else {
                throw UsageError("--\(option.name) is one of \(option.choices.joined(separator: ", ")), not '\(value)'")
            }
            guard option.isRepeatable || values[option.name] == nil else {
                throw UsageError("--\(option.name) is given twice")
            }
            values[option.name, default: []].append(value)
        }

        private func option(named name: String) -> OptionSpecification? {
            for command in chain.reversed() {
                if let option = command.options.first(where: { $0.name == name }) { return option }
            }
            return nil
        }

        mutating func finish(
            _ environment: (String) -> String?, _ paths: Paths
        ) throws(UsageError) -> CommandInvocation {
            if !command.commands.isEmpty, !command.runsAlone {
                let names = command.commands.map(\.name).joined(separator: ", ")
                throw UsageError("which command? one of \(names)")
            }
            for option in chain.flatMap(\.options) where values[option.name] == nil {
                guard let name = option.environment, let value = environment(name), !value.isEmpty else { continue }
                try keep(value, for: option)
            }
            for option in chain.flatMap(\.options) where option.isRequired && values[option.name] == nil {
                var message = "\(option.display) is required"
                if let name = option.environment { message += " (or the environment variable \(name))" }
                throw UsageError(message)
            }
            if operands.count < command.operands.filter(\.isRequired).count {
                throw UsageError("\(command.operands[operands.count].name) is missing")
            }
            for option in chain.flatMap(\.options) where option.isPath {
                guard let given = values[option.name] else { continue }
                var absolute: [String] = []
                for path in given { absolute.append(try paths.absolute(path)) }
                values[option.name] = absolute
            }
            for (index, operand) in command.operands.enumerated() where operand.isPath && index < operands.count {
                operands[index] = try paths.absolute(operands[index])
            }
            return CommandInvocation(
                path: chain.dropFirst().map(\.name), operands: operands, values: values, flags: flags)
        }
    }
}

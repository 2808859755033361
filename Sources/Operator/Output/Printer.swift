import API
import Model
import System

/// Prints what a command read: as a table or text, or as JSON with `--json`.
struct Printer {
    let context: OperatorContext
    let isJSON: Bool
    let noColor: Bool

    init(_ context: OperatorContext, _ invocation: CommandInvocation) {
        self.context = context
        isJSON = invocation.isSet("json")
        noColor = invocation.isSet("no-color")
    }

    var streams: ProgramStreams {
        context.streams
    }

    var now: UnixTime {
        context.now()
    }

    /// A value as JSON, with characters that could move a terminal's cursor as escapes.
    func json(_ value: some Encodable, pretty: Bool = true) throws {
        streams.output(try jsonText(value, pretty: pretty))
    }

    /// The text that `json` prints.
    func jsonText(_ value: some Encodable, pretty: Bool = true) throws -> String {
        TextTable.escaped(String(decoding: try JSONCoding.encode(value, pretty: pretty), as: UTF8.self)) + "\n"
    }

    /// A line of text on standard output, whatever is in it.
    func line(_ text: String) { streams.line(TextTable.printable(text)) }

    /// A line of text on standard error, whatever is in it.
    func message(_ text: String) { streams.message(TextTable.printable(text)) }

    /// A text of several lines on standard output, each ended.
    func lines(_ text: String) {
        for line in text.split(separator: "\n") { self.line(String(line)) }
    }

    /// A list: as JSON in the API's own shape, else as a table; an empty one says so on standard error.
    func list<Item: Codable & Sendable>(
        _ items: [Item], _ header: [String], lastIsText: Bool = false, none: String, row: (Item) -> [String?]
    ) throws {
        guard !isJSON else { return try json(ListPage(items: items)) }
        guard !items.isEmpty else { return streams.message(none) }
        var table = TextTable(header, lastIsText: lastIsText)
        for item in items { table.add(row(item)) }
        streams.lines(text(of: table))
    }

    /// Says how many of a list were left out for want of `--all`.
    func tellHidden(_ count: Int, _ noun: String) {
        guard count > 0, !isJSON else { return }
        message("\(count) \(noun)\(count == 1 ? " is" : "s are") not shown; --all shows them.")
    }

    /// Lines of `Name: value`, aligned.
    func fields(_ fields: [(String, String?)]) {
        let width = (fields.map(\.0.count).max() ?? 0) + 3
        for (name, value) in fields {
            let text = TextTable.printable(value ?? "")
            let pad = String(repeating: " ", count: width - name.count - 1)
            streams.line("\(name):\(pad)\(text.isEmpty ? "<none>" : text)")
        }
    }

    /// A table below a blank line and a title; nothing for no rows.
    func section(_ title: String, _ header: [String], lastIsText: Bool = false, _ rows: [[String?]]) {
        guard !rows.isEmpty else { return }
        var table = TextTable(header, lastIsText: lastIsText)
        for row in rows { table.add(row) }
        streams.lines("\n\(title)\n" + text(of: table))
    }

    private func text(of table: TextTable) -> String {
        table.text(columns: streams.outputIsTerminal ? context.columns : nil, breaks: streams.outputIsTerminal)
    }

    /// A word in a colour where that is welcome: warnings only.
    func warning(_ text: String) {
        let text = TextTable.printable(text)
        let color = streams.wantsColor(noColorFlag: noColor)
        if color {
            streams.output("\u{1B}[33mwarning:\u{1B}[0m \(PlainText.clean(text))\n")
        } else {
            streams.line("warning: \(text)")
        }
    }
}

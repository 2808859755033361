/// A table for people and for `awk`: a row a resource, no blanks inside cells, `<none>` for nothing, no lines.
///
/// On a terminal it fits the columns: cells of later columns are cut with `…`, the widest first; the first column, which names
/// the resource, stays whole, and so does a last column of text, which says why: it makes its line longer, or goes on below itself.
package struct TextTable {
    private let header: [String]
    private var rows: [[String]] = []
    /// The last column holds text with blanks, and is never cut.
    private let lastIsText: Bool
    /// Columns that are left to text, if the others can be cut so far; where there are less, it is not broken into lines.
    private static let narrowestText = 24

    package init(_ header: [String], lastIsText: Bool = false) {
        self.header = header
        self.lastIsText = lastIsText
    }

    package mutating func add(_ cells: [String?]) {
        rows.append(
            cells.enumerated().map { index, cell in
                let text = Self.printable(cell ?? "")
                guard !text.isEmpty else { return "<none>" }
                guard !(lastIsText && index == header.count - 1) else { return text }
                return String(text.map { $0 == " " ? "_" : $0 })
            })
    }

    /// The table's lines, each ended. `breaks` says that text may go on in lines below its row, for people who look at it.
    /// Without `columns` nothing is cut: what reads it is a program.
    package func text(columns: Int?, breaks: Bool = false) -> String {
        let columns = columns ?? .max
        let all = [header] + rows
        var widths = header.indices.map { column in
            all.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        let gaps = 2 * max(0, header.count - 1)
        if lastIsText, let text = widths.last, let word = header.last {
            let left = columns - gaps - widths.dropLast().reduce(0, +)
            widths[widths.count - 1] = min(text, max(left, word.count, Self.narrowestText))
        }
        while widths.reduce(0, +) + gaps > columns {
            // The header's words are never cut: they are all short.
            let shrinkable = widths.indices.dropFirst().dropLast(lastIsText ? 1 : 0)
                .filter { widths[$0] > max(6, header[$0].count) }
            guard let widest = shrinkable.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
        }
        // Text begins here, and has so many columns on a screen.
        let indent = widths.dropLast().reduce(0, +) + gaps
        let room = columns == .max ? .max : columns - indent
        return all.map { row in
            var line = ""
            for (column, cell) in row.enumerated() where column < widths.count {
                if lastIsText, column == widths.count - 1 {
                    let lines = breaks && room >= Self.narrowestText ? Self.broken(cell, room) : [cell]
                    line += lines.joined(separator: "\n" + String(repeating: " ", count: indent))
                    continue
                }
                let cut = cell.count > widths[column] ? cell.prefix(max(1, widths[column] - 1)) + "…" : cell[...]
                line += cut
                if column < row.count - 1 { line += String(repeating: " ", count: widths[column] - cut.count + 2) }
            }
            return line + "\n"
        }.joined()
    }

    /// A text in lines of at most `room` characters, but for words that are longer.
    private static func broken(_ text: String, _ room: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= room {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    /// Whether a character could move the cursor or turn text around: control characters and bidirectional marks.
    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }

    /// The text with a blank in place of each harmful character.
    static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isHarmful) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(isHarmful(scalar) ? " " : scalar) }
        return String(result)
    }

    /// JSON with its harmful characters as escapes: those that JSON allows in a text as they are.
    static func escaped(_ json: String) -> String {
        guard json.unicodeScalars.contains(where: { $0 != "\n" && isHarmful($0) }) else { return json }
        var result = ""
        for scalar in json.unicodeScalars {
            if scalar != "\n", isHarmful(scalar) {
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

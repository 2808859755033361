package import Codec

/// A whole file of settings with comments, made from its declarations.
package enum SettingsExample {
    /// The columns of a comment's lines.
    private static let width = 100

    /// The example as text, with a line break at the end.
    package static func text<Options: SettingsOptions>(_ type: Options.Type) -> String {
        var lines = comment(
            "Every setting of \(Options.program) with an example; DIR/\(Options.fileName) takes it. Keep only what you need: "
                + "a setting that is absent or null is at its default. Check the file with: \(Options.program) "
                + "check-config --state DIR", "")
        lines.append("{")
        lines += block(Options.described, indent: "  ")
        lines.append("}")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func block(_ described: SettingsDescription, indent: String) -> [String] {
        var lines: [String] = []
        for setting in described.settings {
            if !lines.isEmpty { lines.append("") }
            guard case .object(let inner) = setting.form else {
                let allowed = "\(SettingForm.capitalized(setting.form.allowed)); default: \(setting.normal)."
                lines += comment("\(setting.purpose). \(allowed)", indent)
                let mark = setting.isAlternative ? "// " : ""
                lines.append("\(indent)\(mark)\(setting.name): \(text(setting.example)),")
                continue
            }
            lines += comment("\(setting.purpose).", indent)
            lines.append("\(indent)\(setting.name): {")
            lines += block(inner, indent: indent + "  ")
            lines.append("\(indent)},")
        }
        return lines
    }

    /// A value on one line, as people write it.
    package static func text(_ value: JSONValue) -> String {
        switch value {
        case .array(let elements): "[\(elements.map(text).joined(separator: ", "))]"
        case .null, .bool, .integer, .unsigned, .string, .object: String(decoding: value.text(), as: UTF8.self)
        }
    }

    private static func comment(_ text: String, _ indent: String) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? "\(indent)// \(word)" : " \(word)"
        }
        return lines + [line]
    }
}
